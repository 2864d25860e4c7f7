"""A pod that is replaced alone: the others go on, and its failure is counted like any other."""

import pytest
from gang_world import ELASTIC, PREFIX, SERVED, GangWorld, role

from controllers.jobs.life.after import PEER_SECONDS
from controllers.jobs.life.restarts import FIRST_DELAY_SECONDS
from mlctl_core.objects.kinds import POD


@pytest.mark.parametrize(("roles", "pod"), [(SERVED, "ps-0"), (ELASTIC, "worker-1")])
def test_one_that_fails_is_made_again_and_the_others_go_on(roles, pod):
    world = GangWorld(roles, backoffLimit=1).started_all()
    before = {name: world.pod(name)["metadata"]["uid"] for name in world.names()}
    world.end(pod, 1)
    world.settle()
    world.replaced(pod)
    after = {name: world.pod(name)["metadata"]["uid"] for name in world.names()}
    assert {name for name in before if before[name] != after[name]} == {pod}
    assert world.made()[-1] == f"{pod}/1"
    assert world.history() == [(pod, "AppError", 1)]
    assert world.status.attempt == 1


def test_the_job_runs_on_meanwhile_and_says_what_is_missing():
    world = GangWorld(ELASTIC, backoffLimit=1).started_all()
    world.end("worker-1", 1)
    world.settle()
    assert world.status.phase == "Running"
    assert (world.truths()["Running"], world.truths()["PodsReady"]) == ("True", "False")
    world.replaced("worker-1")
    assert world.truths()["PodsReady"] == "True"


def test_the_next_is_made_only_when_it_is_gone_and_the_delay_is_over():
    world = GangWorld(ELASTIC, backoffLimit=1).started_all()
    world.end("worker-1", 1)
    world.settle()
    world.cluster_tidies()
    assert not world.has("worker-1")
    plan = world.settle()
    assert plan.requeue_after <= FIRST_DELAY_SECONDS
    world.pass_time(FIRST_DELAY_SECONDS)
    world.settle()
    assert world.has("worker-1")


def test_nothing_is_sent_for_its_place_while_it_still_goes():
    world = GangWorld(ELASTIC, backoffLimit=1).started_all()
    world.delete(POD, PREFIX + "worker-1")
    world.evict("worker-1")
    obj = world.pod("worker-1")
    obj["metadata"]["finalizers"].append("example.com/slow")
    world.put(POD, obj)
    world.settle()
    world.pass_time(600)
    plan = world.settle()
    assert world.has("worker-1")
    assert not [child for child in plan.apply if child["kind"] == "Pod"]


def test_one_that_fails_again_and_again_spends_the_job_s_budget():
    world = GangWorld(ELASTIC, backoffLimit=2).started_all()
    for _ in range(2):
        world.end("worker-1", 1)
        world.settle()
        world.replaced("worker-1")
    assert world.status.restarts == 2
    world.end("worker-1", 1)
    world.settle()
    assert (world.status.phase, world.status.reason) == ("Failed", "BackoffLimitExceeded")


def test_each_that_fails_is_counted_for_itself():
    world = GangWorld(ELASTIC, backoffLimit=5).started_all()
    world.end("worker-1", 1)
    world.end("worker-2", 1)
    world.settle()
    assert world.status.restarts == 2
    world.cluster_tidies()
    world.pass_time(600)
    world.settle()
    assert world.made()[3:] == ["worker-1/1", "worker-2/1"]


def test_when_the_first_of_those_with_a_leader_fails_all_start_anew():
    world = GangWorld(ELASTIC, backoffLimit=1).started_all()
    world.end("worker-0", 1)
    world.settle()
    assert world.status.phase == "Restarting"
    assert world.status.attempt == 2


def test_the_failure_of_all_comes_before_that_of_one():
    world = GangWorld(ELASTIC, backoffLimit=5).started_all()
    world.end("worker-2", 1)
    world.pass_time(2)
    world.end("worker-0", 1)
    world.settle()
    assert world.history() == [("worker-0", "AppError", 1)]


def test_a_deletion_by_somebody_is_the_cluster_s_and_concerns_that_pod_alone():
    world = GangWorld(SERVED).started_all()
    world.delete(POD, PREFIX + "ps-0")
    world.kubelet_ends_deleted_pods()
    world.settle()
    world.replaced("ps-0")
    assert world.status.infra_restarts == 1
    assert world.made()[4:] == ["ps-0/1"]


def test_one_that_is_gone_without_a_trace_concerns_itself_alone():
    """A pod that nobody tracks is gone at once when it is deleted by force."""
    world = GangWorld(SERVED).started_all()
    world.lose("ps-0")
    world.settle()
    assert world.status.infra_restarts == 1
    assert world.status.attempt == 1
    world.replaced("ps-0")
    assert world.made()[4:] == ["ps-0/1"]
    assert world.status.phase == "Running"


def test_one_whose_image_never_comes_is_given_up_alone():
    world = GangWorld(SERVED)
    world.settle()
    world.start("chief-0", "worker-0", "worker-1")
    world.hold_image("ps-0")
    world.settle()
    world.pass_time(300)
    world.settle()
    assert world.history() == [("ps-0", "ImagePullFailed", None)]
    assert world.status.attempt == 1


def test_its_gpus_are_charged_when_it_is_given_up_and_again_for_the_next():
    world = GangWorld([role(replicas=2, alone=True, size="gpu-t4")], backoffLimit=1)
    world.add(
        {
            "apiVersion": "mlctl.dev/v1alpha1",
            "kind": "Size",
            "metadata": {"name": "gpu-t4"},
            "spec": {
                "cpu": "2",
                "memory": "8Gi",
                "gpu": {"resource": "nvidia.com/gpu", "count": 2},
            },
        }
    )
    world.edit(framework="pytorch-2.5", size="gpu-t4")
    world.add(
        {
            "apiVersion": "mlctl.dev/v1alpha1",
            "kind": "Framework",
            "metadata": {"name": "pytorch-2.5"},
            "spec": {"type": "Python", "version": "2", "images": {"cpu": "a:1", "gpu": "b:1"}},
        }
    )
    world.started_all(100)
    world.end("worker-1", 1)
    world.settle()
    assert world.status.gpu_seconds == 2 * 100
    world.cluster_tidies()
    world.pass_time(FIRST_DELAY_SECONDS)
    world.settle()
    world.start("worker-1")
    world.pass_time(10)
    for pod in world.names():
        world.end(pod)
    world.settle()
    assert world.status.gpu_seconds == 2 * (100 + (100 + FIRST_DELAY_SECONDS + 10) + 10)


def test_when_all_that_decide_have_succeeded_one_being_replaced_does_not_matter():
    world = GangWorld(SERVED, backoffLimit=1).started_all()
    world.end("ps-0", 1)
    world.settle()
    world.end("chief-0")
    world.settle()
    assert world.status.phase == "Succeeded"
    world.pass_time(PEER_SECONDS)
    world.settle()
    world.cluster_tidies()
    assert world.names() == ["chief-0"]
