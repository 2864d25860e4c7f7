"""What `kubectl describe` tells of a job that fares well."""

import pytest
from gang_world import GangWorld, role
from job_world import World

from controllers.jobs.events import created


@pytest.fixture
def world():
    return World()


def told(world):
    return [(event.reason, event.message) for event in world.news]


def test_a_good_life_is_told_as_kubernetes_own_jobs_tell_theirs(world):
    world.submit()
    world.settle()
    world.run()
    world.settle()
    world.finish(0)
    world.settle()
    world.settle()
    assert told(world) == [
        ("SuccessfulCreate", "Created pod: pyjob-mnist-worker-0"),
        ("Completed", "The program ended with exit code 0."),
    ]
    assert world.events == []


def test_each_attempt_tells_of_its_pod(world):
    world.submit(backoffLimit=1)
    world.settle()
    world.finish(1)
    world.settle()
    world.kubelet_ends_deleted_pods()
    world.pass_time(60)
    world.settle()
    assert [reason for reason, _ in told(world)] == ["SuccessfulCreate"] * 2


def test_pods_that_are_made_together_are_told_together():
    world = GangWorld([role(replicas=5)])
    world.settle()
    [(reason, message)] = told(world)
    assert reason == "SuccessfulCreate"
    assert message.startswith("Created pods: pyjob-mnist-worker-0, pyjob-mnist-worker-1, ")
    assert message.endswith(" and 2 more")


def test_a_pod_that_is_refused_is_not_said_to_be_made(world):
    world.refuse_pods = 'pods "x" is forbidden: exceeded quota: team'
    world.submit()
    for _ in range(5):
        world.reconcile()
    assert told(world) == []


def test_few_pods_are_all_named():
    assert created(["a", "b", "c"]).message == "Created pods: a, b, c"
