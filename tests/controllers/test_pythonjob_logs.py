"""Logs that cannot be read: how long a result waits for them."""

import pytest
from job_world import NEVER, POD_NAME, World, running

from mlctl_core.objects.kinds import POD


@pytest.fixture
def world():
    return World()


class TestLogs:
    def test_an_unreadable_log_is_tried_again_and_then_done_without(self, world):
        running(world)
        world.unreadable.add(world.raw(POD, POD_NAME)["metadata"]["uid"])
        world.finish(0)
        plan = world.settle()
        assert plan.requeue_after == 2
        assert world.status.phase == "Running"
        assert world.raw(POD, POD_NAME)["metadata"]["finalizers"] == ["mlctl.dev/tracking"]
        world.pass_time(30)
        world.settle()
        assert world.status.phase == "Succeeded"
        assert "log could not be read: no route" in world.status.message

    @pytest.mark.parametrize("seconds", [3600, -3600], ids=["manager away", "clock ahead"])
    def test_patience_with_a_log_begins_with_the_first_try_whenever_the_pod_ended(
        self, world, seconds
    ):
        running(world)
        world.logs["main"] = "accuracy=0.97"
        world.unreadable.add(world.raw(POD, POD_NAME)["metadata"]["uid"])
        world.finish(0)
        world.pass_time(seconds)
        world.settle()
        assert world.status.phase == "Running"
        world.pass_time(29)
        world.settle()
        assert world.status.phase == "Running"
        world.pass_time(1)
        world.settle()
        assert world.status.phase == "Succeeded"

    def test_a_log_that_fails_once_after_a_pause_loses_no_metric(self, world):
        running(world)
        world.logs["main"] = "accuracy=0.97"
        world.unreadable.add(world.raw(POD, POD_NAME)["metadata"]["uid"])
        world.finish(0)
        world.pass_time(60)
        world.settle()
        world.unreadable.clear()
        world.pass_time(2)
        world.settle()
        assert world.status.metrics["accuracy"].value == "0.97"

    def test_a_failed_run_has_its_metrics_too(self, world):
        world.logs["main"] = "loss=nan\n"
        running(world, **NEVER)
        world.finish(1)
        world.settle()
        assert world.status.metrics["loss"].value == "NaN"

    def test_a_deadline_does_not_wait_for_a_log(self, world):
        running(world, activeDeadlineSeconds=10)
        world.settle()
        assert world.status.reason == "DeadlineExceeded"
