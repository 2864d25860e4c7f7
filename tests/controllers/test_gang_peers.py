"""What becomes of pods that still run when their job has succeeded without them."""

import pytest
from gang_world import PREFIX, GangWorld, role

from controllers.jobs.life.after import PEER_SECONDS
from mlctl_core.reconcile.changes import Remove

FIRST_DECIDES = [role(replicas=3, decides="first")]


@pytest.fixture
def world():
    return GangWorld(FIRST_DECIDES).started_all()


def removed(world):
    return [w.key.name.removeprefix(PREFIX) for w in world.writes if isinstance(w, Remove)]


def test_those_that_end_a_moment_later_are_let_be(world):
    world.end("worker-0")
    world.settle()
    assert world.status.phase == "Succeeded"
    world.pass_time(1)
    world.end("worker-1")
    world.end("worker-2")
    world.settle()
    world.pass_time(3600)
    world.settle()
    assert removed(world) == []
    assert [world.pod(name)["status"]["phase"] for name in world.names()] == ["Succeeded"] * 3


def test_those_that_run_on_are_stopped_and_the_job_comes_back_for_them_by_itself(world):
    world.end("worker-0")
    plan = world.settle()
    assert removed(world) == []
    assert plan.requeue_after == PEER_SECONDS
    world.pass_time(plan.requeue_after)
    world.settle()
    assert removed(world) == ["worker-1", "worker-2"]


def test_a_pod_that_does_not_run_yet_is_deleted_at_once():
    world = GangWorld(FIRST_DECIDES)
    world.settle()
    world.start("worker-0", "worker-1")
    world.settle()
    world.end("worker-0")
    world.settle()
    assert removed(world) == ["worker-2"]


def test_nobody_is_waited_for_when_the_job_has_failed(world):
    world.edit(backoffLimit=0)
    world.end("worker-0", 1)
    world.settle()
    assert world.status.phase == "Failed"
    assert removed(world) == ["worker-1", "worker-2"]


def test_a_clock_that_was_set_back_gives_them_no_more_time(world):
    world.end("worker-0")
    world.settle()
    world.pass_time(-3600)
    world.settle()
    assert removed(world) == ["worker-1", "worker-2"]


def test_a_manager_that_comes_late_stops_them_at_once(world):
    world.end("worker-0")
    world.reconcile()
    world.pass_time(60)
    world.fail_over()
    world.settle()
    assert removed(world) == ["worker-1", "worker-2"]


def test_a_job_that_is_to_go_at_once_does_not_wait_for_them():
    world = GangWorld(FIRST_DECIDES, ttlSecondsAfterFinished=0).started_all()
    world.end("worker-0")
    world.settle()
    world.collect_garbage()
    world.settle()
    assert set(world.names()) == {name for name in world.names() if world.is_deleted(name)}
