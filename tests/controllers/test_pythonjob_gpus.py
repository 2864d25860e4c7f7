"""What GPUs a job is charged with, whatever becomes of its pods."""

import pytest
from job_world import POD_NAME, World, running

from mlctl_core.objects.kinds import POD


@pytest.fixture
def world():
    return World()


def test_gpus_are_charged_from_binding_to_the_end_of_each_attempt(world):
    world.submit(size="gpu-large", backoffLimit=1)
    world.settle()
    world.bind()
    world.pass_time(5)
    world.run()
    world.settle()
    world.pass_time(10)
    world.finish(1)
    world.settle()
    assert world.status.gpu_seconds == 15
    world.pass_time(60)
    world.settle()
    world.run()
    world.pass_time(7)
    world.finish(0)
    world.settle()
    assert world.status.gpu_seconds == 22


def test_gpus_that_a_held_attempt_had_are_charged_too(world):
    world.submit(size="gpu-large")
    world.settle()
    world.bind()
    world.pass_time(5)
    world.run()
    world.settle()
    world.pass_time(10)
    world.edit(suspend=True)
    world.settle()
    assert (world.status.gpu_seconds, world.status.running_seconds) == (15, 10)
    world.pass_time(1000)
    world.kubelet_ends_deleted_pods()
    world.settle()
    assert world.status.gpu_seconds == 15


def test_gpus_of_a_pod_that_vanished_are_charged_from_when_it_was_seen_to_run(world):
    running(world, size="gpu-large")
    world.remove(POD, POD_NAME)
    world.settle()
    assert world.status.gpu_seconds == 10
