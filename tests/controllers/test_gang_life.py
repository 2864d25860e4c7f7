"""The good life of a job with several pods: made together, told as one, counted by role."""

from gang_world import PREFIX, SERVED, GangWorld, role

from controllers.jobs import names
from controllers.jobs.life.replicas import COUNT_SECONDS
from mlctl_core.objects.kinds import POD, SERVICE
from mlctl_core.objects.times import format_time


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
