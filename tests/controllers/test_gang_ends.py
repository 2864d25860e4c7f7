"""How a job of several pods succeeds, and what is left of it then."""

import pytest
from gang_world import COLLECTIVE, ELASTIC, SERVED, GangWorld, role
from job_world import JOB

from controllers.jobs.life.after import PEER_SECONDS
from mlctl_core.objects.kinds import SERVICE
from mlctl_core.objects.times import format_time


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
