"""The good life of a job with several pods: made together, told as one, counted by role."""

import pytest
from gang_world import COLLECTIVE, ELASTIC, PREFIX, SERVED, GangWorld, role
from job_world import JOB

from controllers.jobs import names
from controllers.jobs.after import PEER_SECONDS
from controllers.jobs.replicas import COUNT_SECONDS
from mlctl_core.objects.kinds import POD, SERVICE
from mlctl_core.objects.times import format_time

GPU = "nvidia.com/gpu"


def test_all_pods_are_made_at_once_each_under_the_name_of_its_place():
    world = GangWorld(SERVED)
    world.settle()
    assert world.made() == ["chief-0/1", "worker-0/1", "worker-1/1", "ps-0/1"]
    labels = world.pod("worker-1")["metadata"]["labels"]
    assert (labels[names.ROLE_LABEL], labels[names.INDEX_LABEL]) == ("worker", "1")


def test_each_pod_runs_what_the_kind_says_for_its_place():
    world = GangWorld(SERVED)
    world.settle()
    [main] = world.pod("worker-1")["spec"]["containers"]
    assert main["command"] == ["train", "worker", "1"]


def test_pods_find_each_other_by_their_names_in_one_headless_service():
    world = GangWorld()
    world.settle()
    service = world.raw(SERVICE, "pyjob-mnist")["spec"]
    assert service["clusterIP"] == "None"
    assert service["publishNotReadyAddresses"] is True
    pod = world.pod("worker-2")
    assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == (
        "pyjob-mnist-worker-2",
        "pyjob-mnist",
    )
    labels = pod["metadata"]["labels"]
    assert service["selector"].items() <= labels.items()


def test_the_service_is_there_before_the_first_pod():
    world = GangWorld()
    world.settle()
    kinds = [kind for kind, _ in world.created]
    assert kinds.index(SERVICE) < kinds.index(POD)


def test_a_job_of_one_pod_has_no_service():
    world = GangWorld([role()])
    world.settle()
    assert not world.exists(SERVICE, "pyjob-mnist")
    assert "subdomain" not in world.pod("worker-0")["spec"]


def test_a_service_that_somebody_deleted_is_made_again():
    world = GangWorld().started_all()
    world.delete(SERVICE, "pyjob-mnist")
    world.settle()
    assert world.exists(SERVICE, "pyjob-mnist")


def test_only_a_pod_whose_result_is_asked_for_is_kept_until_it_is_known():
    world = GangWorld(SERVED)
    world.settle()
    assert world.is_tracked("chief-0")
    assert not world.is_tracked("ps-0")
    assert not world.is_tracked("worker-1")


def test_the_phase_is_that_of_the_pod_that_is_least_far():
    world = GangWorld()
    world.settle()
    assert world.status.phase == "Scheduling"
    world.start("worker-0", "worker-2")
    world.settle()
    assert world.status.phase == "Scheduling"
    world.bind(PREFIX + "worker-1")
    world.settle()
    assert world.status.phase == "Preparing"
    world.start("worker-1")
    world.settle()
    assert world.status.phase == "Running"
    assert world.truths() == {"PodsReady": "True", "Running": "True"}
    assert world.status.message == "All 3 pods run."


def test_a_job_that_waits_says_for_which_pod_and_how_many_run():
    world = GangWorld()
    world.settle()
    world.start("worker-0", "worker-2")
    world.unschedulable("0/3 nodes are available: 3 Insufficient cpu.", PREFIX + "worker-1")
    world.settle()
    assert world.status.reason == "Unschedulable"
    assert world.status.message.startswith("2 of 3 pods run. pyjob-mnist-worker-1: 0/3 nodes")


def test_trouble_is_told_before_mere_waiting():
    world = GangWorld()
    world.settle()
    world.unschedulable("0/3 nodes are available.", PREFIX + "worker-2")
    world.settle()
    assert world.status.reason == "Unschedulable"


def test_it_has_run_since_the_last_of_its_pods_started():
    world = GangWorld()
    world.settle()
    world.start("worker-0")
    world.pass_time(60)
    world.start("worker-1", "worker-2")
    last = world.now
    world.pass_time(5)
    world.settle()
    assert world.status.running_time == format_time(last)


def test_pods_are_counted_by_role():
    world = GangWorld(SERVED).started_all()
    assert {name: world.counts(name) for name in ("chief", "worker", "ps")} == {
        "chief": {"running": 1},
        "worker": {"running": 2},
        "ps": {"running": 1},
    }
    assert world.status.replica_statuses["worker"].desired == 2


def test_a_count_that_alone_has_changed_is_told_later():
    world = GangWorld()
    world.settle()
    world.start("worker-0")
    plan = world.settle()
    assert world.counts() == {"pending": 3}
    assert plan.requeue_after <= COUNT_SECONDS
    world.pass_time(COUNT_SECONDS)
    world.settle()
    assert world.counts() == {"pending": 2, "running": 1}


def test_pods_that_start_one_by_one_cost_few_writes():
    world = GangWorld([role(replicas=40)])
    world.settle()
    before = len(world.writes)
    for index in range(39):
        world.start(f"worker-{index}")
        world.settle()
        world.pass_time(1)
    assert len(world.writes) - before <= 2 + 39 / COUNT_SECONDS


def test_a_job_whose_pods_just_run_costs_no_writes():
    world = GangWorld().started_all()
    world.pass_time(60)
    world.settle()
    before = len(world.writes)
    for _ in range(10):
        world.pass_time(60)
        plan = world.settle()
    assert len(world.writes) == before
    assert plan.requeue_after is None


def test_what_a_job_holds_is_the_sum_over_its_pods():
    world = GangWorld([role(replicas=3), role("chief", size="gpu-small")])
    world.add(gpu_size())
    world.settle()
    assert world.status.resources[GPU] == "1"
    small, gpu = world.status.size, world.status.role_sizes["chief"]
    assert gpu.name == "gpu-small"
    total = 3 * cores(small.cpu) + cores(gpu.cpu)
    assert cores(world.status.resources["cpu"]) == total


def test_a_role_with_a_gpu_gets_the_image_that_is_made_for_it():
    world = GangWorld(
        [role(replicas=2), role("chief", size="gpu-small")], framework="tensorflow-2.17"
    )
    world.add(gpu_size())
    world.add(framework())
    world.settle()
    assert world.pod("chief-0")["spec"]["containers"][0]["image"] == "example.com/gpu:1"
    assert world.pod("worker-0")["spec"]["containers"][0]["image"] == "example.com/cpu:1"


def test_gpu_time_is_the_sum_over_the_pods_each_from_its_node_to_its_end():
    world = GangWorld([role(replicas=2, size="gpu-small")], framework="tensorflow-2.17")
    world.add(gpu_size())
    world.add(framework())
    world.edit(size="gpu-small")
    world.settle()
    world.start("worker-0")
    world.pass_time(30)
    world.start("worker-1")
    world.pass_time(60)
    world.end("worker-0")
    world.pass_time(10)
    world.end("worker-1")
    world.settle()
    assert world.status.phase == "Succeeded"
    assert world.status.gpu_seconds == 90 + 70


def test_a_role_without_a_gpu_is_not_charged_for_that_of_another():
    world = GangWorld([role("chief", size="gpu-small"), role("ps", decides="none")])
    world.edit(framework="tensorflow-2.17")
    world.add(gpu_size())
    world.add(framework())
    world.started_all(50)
    world.end("chief-0")
    world.settle()
    assert world.status.gpu_seconds == 50


def test_a_size_that_a_role_names_and_nobody_knows_is_told_with_its_field():
    world = GangWorld([role(), role("ps", size="smal", size_field="spec.roles.ps.size")])
    world.settle()
    assert world.status.reason == "SizeNotFound"
    assert world.status.message.startswith("spec.roles.ps.size: ")
    assert world.made() == []


def test_a_job_succeeds_once_every_pod_that_decides_has():
    world = GangWorld().started_all()
    for index in range(3):
        assert world.status.phase == "Running"
        world.end(f"worker-{index}")
        world.settle()
    assert world.status.phase == "Succeeded"
    assert world.counts() == {"succeeded": 3}
    assert world.truths() == {"PodsReady": "False", "Running": "False", "Succeeded": "True"}


def test_it_completed_when_the_last_of_them_ended():
    world = GangWorld().started_all()
    for index in range(3):
        world.pass_time(10)
        world.end(f"worker-{index}")
    last = world.now
    world.pass_time(60)
    world.settle()
    assert world.status.completion_time == format_time(last)


def test_where_only_the_first_decides_its_success_is_enough():
    world = GangWorld([role(replicas=3, decides="first")]).started_all()
    world.end("worker-2")
    world.settle()
    assert world.status.phase == "Running"
    world.end("worker-0")
    world.settle()
    assert world.status.phase == "Succeeded"


def test_a_pod_that_decides_nothing_may_end_well_without_being_made_again():
    world = GangWorld(SERVED).started_all()
    world.end("worker-0")
    world.pass_time(60)
    world.settle()
    assert world.status.phase == "Running"
    assert len(world.made()) == 4


def test_success_that_was_there_first_outweighs_a_failure_seen_with_it():
    world = GangWorld(SERVED).started_all()
    world.end("chief-0")
    world.end("ps-0", 1)
    world.settle()
    assert world.status.phase == "Succeeded"


def test_metrics_are_those_of_the_first_pod_that_decides():
    world = GangWorld(SERVED).started_all()
    asked = world.decoded("chief-0").metadata.uid
    world.end("ps-0")
    world.end("chief-0")
    job, view = world.job, world.view(world.job.metadata.key, world.job.metadata)
    assert world.wanted(job, view).log_of.metadata.uid == asked
    world.settle()
    assert world.status.metrics["accuracy"].value == "0.97"


@pytest.mark.parametrize(
    ("policy", "left"),
    [("None", ["chief-0"]), ("Running", ["chief-0"]), ("All", [])],
)
def test_after_success_what_still_runs_is_deleted_and_what_ended_stays_as_asked(policy, left):
    world = GangWorld(SERVED, cleanPodPolicy=policy).started_all()
    world.end("chief-0")
    world.settle()
    world.pass_time(PEER_SECONDS)
    world.settle()
    world.cluster_tidies()
    assert world.names() == left
    assert not any(pod["metadata"].get("finalizers") for pod in world.pods())


@pytest.mark.parametrize("roles", [COLLECTIVE, SERVED, ELASTIC])
def test_a_job_that_has_ended_and_is_tidy_is_left_in_peace(roles):
    world = GangWorld(roles).started_all()
    for pod in world.names():
        world.end(pod)
    world.settle()
    world.cluster_tidies()
    before = len(world.writes)
    world.pass_time(3600)
    world.settle()
    assert len(world.writes) == before


def test_when_its_time_is_up_the_job_goes_with_all_that_it_had():
    world = GangWorld(ttlSecondsAfterFinished=60).started_all()
    for pod in world.names():
        world.end(pod)
    world.settle()
    world.pass_time(60)
    world.reconcile()
    world.collect_garbage()
    assert world.names() == []
    assert not world.exists(SERVICE, "pyjob-mnist")


def test_a_job_that_is_deleted_lets_all_its_pods_go():
    world = GangWorld().started_all()
    obj = world.raw(JOB, "mnist")
    obj["metadata"]["finalizers"] = ["foregroundDeletion"]
    world.put(JOB, obj)
    world.delete(JOB, "mnist")
    world.cluster_tidies()
    assert world.names() == []


def cores(quantity):
    text = str(quantity)
    return int(text[:-1]) if text.endswith("m") else int(text) * 1000


def gpu_size():
    return {
        "apiVersion": "mlctl.dev/v1alpha1",
        "kind": "Size",
        "metadata": {"name": "gpu-small"},
        "spec": {"cpu": "2", "memory": "8Gi", "gpu": {"resource": GPU, "count": 1}},
    }


def framework():
    return {
        "apiVersion": "mlctl.dev/v1alpha1",
        "kind": "Framework",
        "metadata": {"name": "tensorflow-2.17"},
        "spec": {
            "type": "Python",
            "version": "1",
            "images": {"cpu": "example.com/cpu:1", "gpu": "example.com/gpu:1"},
        },
    }
