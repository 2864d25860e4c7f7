"""Deadlines fire by themselves, at their time, and count what they say they count."""

import pytest
from job_world import JOB, World

from mlctl_core.objects.kinds import POD

POD_NAME = "pyjob-mnist-worker-0"


@pytest.fixture
def world():
    return World()


def sleep_as_told(world):
    """Pass the time that the last plan asked for, with nothing else happening."""
    wait = world.settle().requeue_after
    assert wait is not None
    world.pass_time(wait)
    return wait


def test_the_active_deadline_asks_to_be_looked_at_when_it_is_due_and_stops_the_pod(world):
    world.submit(activeDeadlineSeconds=60)
    world.settle()
    world.pass_time(1000)
    world.run()
    assert sleep_as_told(world) == 60
    world.settle()
    assert (world.status.phase, world.status.reason) == ("Failed", "DeadlineExceeded")
    assert "spec.activeDeadlineSeconds (60 s)" in world.status.message
    assert world.status.running_seconds == 60
    world.kubelet_ends_deleted_pods()
    assert world.pods() == []


def test_waiting_does_not_count_and_running_adds_up_over_attempts(world):
    world.submit(activeDeadlineSeconds=60, backoffLimit=5)
    world.settle()
    world.run()
    world.settle()
    world.pass_time(40)
    world.finish(1)
    world.settle()
    world.pass_time(500)
    world.settle()
    world.run()
    assert sleep_as_told(world) == 20
    world.settle()
    assert world.status.reason == "DeadlineExceeded"


def test_no_attempt_follows_when_the_running_time_is_used_up(world):
    world.submit(activeDeadlineSeconds=60, backoffLimit=5)
    world.settle()
    world.run()
    world.settle()
    world.pass_time(60)
    world.finish(1)
    world.settle()
    assert (world.status.phase, world.status.reason) == ("Failed", "DeadlineExceeded")


def test_a_deadline_that_passed_while_no_manager_ran_fires_at_the_next_look(world):
    world.submit(activeDeadlineSeconds=60)
    world.settle()
    world.run()
    world.settle()
    world.pass_time(9999)
    world.settle()
    assert world.status.reason == "DeadlineExceeded"


def test_a_result_that_exists_wins_over_a_deadline_that_passed(world):
    world.submit(activeDeadlineSeconds=60)
    world.settle()
    world.run()
    world.pass_time(50)
    world.finish(0)
    world.pass_time(100)
    world.settle()
    assert world.status.phase == "Succeeded"


@pytest.mark.parametrize("how", ["unbound", "preparing", "no pod"])
def test_the_start_deadline_fires_while_the_job_does_not_run(world, how):
    if how == "no pod":
        world.refuse_pods = "exceeded quota"
    world.submit(startDeadlineSeconds=30)
    for _ in range(4):
        world.reconcile()
    if how == "preparing":
        world.bind()
        world.wait("ContainerCreating")
        for _ in range(2):
            world.reconcile()
    assert world.last.requeue_after == 30
    world.pass_time(30)
    for _ in range(5):
        world.reconcile()
    assert (world.status.phase, world.status.reason) == ("Failed", "StartDeadlineExceeded")
    assert "spec.startDeadlineSeconds (30 s)" in world.status.message
    world.kubelet_ends_deleted_pods()
    assert world.pods() == []


def test_a_job_that_runs_in_time_is_not_failed_by_a_look_that_comes_late(world):
    world.submit(startDeadlineSeconds=30)
    world.settle()
    world.pass_time(10)
    world.run()
    world.pass_time(100)
    world.settle()
    assert world.status.phase == "Running"


def test_the_start_deadline_begins_anew_with_each_attempt_and_after_a_suspension(world):
    world.submit(startDeadlineSeconds=30, backoffLimit=1)
    world.settle()
    world.run()
    world.settle()
    world.pass_time(100)
    world.finish(1)
    world.settle()
    world.pass_time(20)
    assert world.settle().requeue_after == 10
    world.edit(suspend=True)
    world.settle()
    world.pass_time(1000)
    assert world.settle().requeue_after is None
    world.edit(suspend=False)
    assert world.settle().requeue_after == 30


def test_a_deadline_stops_the_pod_also_where_pods_are_kept(world):
    world.submit(activeDeadlineSeconds=60, cleanPodPolicy="None")
    world.settle()
    world.run()
    world.settle()
    world.pass_time(60)
    world.settle()
    world.kubelet_ends_deleted_pods()
    assert world.pods() == []


@pytest.mark.parametrize("code", [0, 1])
def test_an_ended_job_is_deleted_when_its_time_to_live_is_up(world, code):
    world.submit(ttlSecondsAfterFinished=100)
    world.settle()
    world.run()
    world.pass_time(5)
    world.finish(code)
    world.pass_time(40)
    assert sleep_as_told(world) == 60
    world.reconcile()
    assert not world.exists(JOB, "mnist")
    remove = world.writes[-1]
    assert remove.uid.startswith("pythonjob-"), "a job made anew under the name is not meant"


def test_a_time_to_live_of_zero_deletes_the_job_only_once_its_pod_is_let_go(world):
    world.submit(ttlSecondsAfterFinished=0)
    world.settle()
    world.finish(0)
    for _ in range(6):
        if not world.exists(JOB, "mnist"):
            break
        world.reconcile()
    assert not world.exists(JOB, "mnist")
    assert world.raw(POD, POD_NAME)["metadata"]["finalizers"] == []


def test_without_deadlines_nothing_asks_to_be_looked_at(world):
    world.submit()
    assert world.settle().requeue_after is None
    world.run()
    assert world.settle().requeue_after is None
    world.finish(0)
    assert world.settle().requeue_after is None
