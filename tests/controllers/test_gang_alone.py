"""A pod that is replaced alone: the others go on, and its failure is counted like any other."""

import pytest
from gang_world import ELASTIC, PREFIX, SERVED, GangWorld, role
from job_world import ConflictError

from apis.v1alpha1.status import MAX_RELEASED
from controllers.jobs.after import PEER_SECONDS
from controllers.jobs.restarts import FIRST_DELAY_SECONDS
from mlctl_core.cache.store import Store
from mlctl_core.objects.keys import ObjectKey
from mlctl_core.objects.kinds import POD
from mlctl_core.reconcile.changes import Merge, Remove


def replaced(world, pod):
    """Let a pod that was given up go, and the next come."""
    world.cluster_tidies()
    world.pass_time(600)
    world.settle()
    world.start(pod)
    world.settle()
    return world


@pytest.mark.parametrize(("roles", "pod"), [(SERVED, "ps-0"), (ELASTIC, "worker-1")])
def test_one_that_fails_is_made_again_and_the_others_go_on(roles, pod):
    world = GangWorld(roles, backoffLimit=1).started_all()
    before = {name: world.pod(name)["metadata"]["uid"] for name in world.names()}
    world.end(pod, 1)
    world.settle()
    replaced(world, pod)
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
    replaced(world, "worker-1")
    assert world.truths()["PodsReady"] == "True"


def test_its_failure_is_on_record_before_it_is_let_go():
    world = GangWorld(ELASTIC, backoffLimit=1).started_all()
    uid = world.pod("worker-1")["metadata"]["uid"]
    world.end("worker-1", 1)
    world.reconcile()
    assert [(pod.pod, pod.uid) for pod in world.status.released] == [(PREFIX + "worker-1", uid)]
    assert world.is_tracked("worker-1")
    assert not world.is_deleted("worker-1")


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


def test_what_was_given_up_is_waited_for_until_all_are_there_again():
    world = GangWorld(ELASTIC, backoffLimit=1).started_all()
    world.end("worker-1", 1)
    world.settle()
    assert [pod.gone for pod in world.status.released] == [False]
    replaced(world, "worker-1")
    assert [pod.gone for pod in world.status.released] == [True]


def test_a_manager_whose_cache_shows_the_pod_of_before_does_not_count_its_end_again():
    world = GangWorld(ELASTIC, backoffLimit=5).started_all()
    world.end("worker-1", 1)
    before = world.server[POD].get(ObjectKey("default", PREFIX + "worker-1"))
    world.settle()
    replaced(world, "worker-1")
    stale = Store()
    for entry in world.server[POD].list():
        stale.put(before if entry.metadata.name == before.metadata.name else entry)
    world.stores[POD] = stale
    with pytest.raises(ConflictError):
        world.settle()
    assert world.status.restarts == 1
    assert not world.is_deleted("worker-1")


def test_one_that_is_lost_after_it_was_replaced_once_is_counted():
    world = GangWorld(ELASTIC, backoffLimit=5).started_all()
    world.end("worker-1", 1)
    world.settle()
    replaced(world, "worker-1")
    world.pass_time(60)
    world.settle()
    world.lose("worker-1")
    world.settle()
    assert world.status.infra_restarts == 1
    replaced(world, "worker-1")
    assert world.made()[3:] == ["worker-1/1", "worker-1/1"]


def test_more_may_be_replaced_in_time_than_the_status_names():
    world = GangWorld(ELASTIC, infraBackoffLimit=100).started_all()
    for number in range(MAX_RELEASED + 3):
        world.evict("worker-1")
        world.settle()
        assert world.status.attempt == 1
        replaced(world, "worker-1")
        assert len(world.status.released) == min(number + 1, MAX_RELEASED)


def test_one_that_fails_again_and_again_spends_the_job_s_budget():
    world = GangWorld(ELASTIC, backoffLimit=2).started_all()
    for _ in range(2):
        world.end("worker-1", 1)
        world.settle()
        replaced(world, "worker-1")
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


def test_those_that_were_given_up_belong_to_the_past_when_all_start_anew():
    world = GangWorld(ELASTIC, backoffLimit=5).started_all()
    world.end("worker-2", 1)
    world.settle()
    world.end("worker-0", 1)
    world.settle()
    world.cluster_tidies()
    world.pass_time(600)
    world.settle()
    assert world.status.released == ()
    assert world.made()[3:] == ["worker-0/2", "worker-1/2", "worker-2/2"]


def test_a_deletion_by_somebody_is_the_cluster_s_and_concerns_that_pod_alone():
    world = GangWorld(SERVED).started_all()
    world.delete(POD, PREFIX + "ps-0")
    world.kubelet_ends_deleted_pods()
    world.settle()
    replaced(world, "ps-0")
    assert world.status.infra_restarts == 1
    assert world.made()[4:] == ["ps-0/1"]


def test_one_that_is_gone_without_a_trace_concerns_itself_alone():
    """A pod that nobody tracks is gone at once when it is deleted by force."""
    world = GangWorld(SERVED).started_all()
    world.lose("ps-0")
    world.settle()
    assert world.status.infra_restarts == 1
    assert world.status.attempt == 1
    replaced(world, "ps-0")
    assert world.made()[4:] == ["ps-0/1"]
    assert world.status.phase == "Running"


def test_one_that_a_lagging_cache_hides_is_not_made_again():
    world = GangWorld(SERVED).started_all()
    world.hold_back(POD)
    world.stores[POD].remove(world.server[POD].get(("default", PREFIX + "ps-0")))
    world.pass_time(600)
    world.settle()
    assert len(world.made()) == 4
    assert world.status.infra_restarts == 0


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


def test_more_than_the_status_can_name_are_replaced_nevertheless():
    count = MAX_RELEASED + 2
    world = GangWorld([role(replicas=count, alone=True)], infraBackoffLimit=100).started_all()
    for pod in world.names():
        world.evict(pod)
    world.settle(limit=5 * count)
    assert len(world.status.released) <= MAX_RELEASED
    for _ in range(3):
        world.kubelet_ends_deleted_pods()
        world.pass_time(3600)
        world.settle(limit=5 * count)
    world.started_all()
    assert world.truths()["PodsReady"] == "True"
    assert len(world.names()) == count


def test_a_pod_is_let_go_by_uid_so_that_its_successor_is_never_touched():
    world = GangWorld(ELASTIC, backoffLimit=1).started_all()
    world.end("worker-1", 1)
    world.reconcile()
    late = world.pending(world.plan())
    replaced(world, "worker-1")
    assert [type(change) for change in late] == [Merge, Remove]
    with pytest.raises(ConflictError):
        world.write(late[0])
    world.write(late[1])
    assert world.is_tracked("worker-1")
    assert not world.is_deleted("worker-1")


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
