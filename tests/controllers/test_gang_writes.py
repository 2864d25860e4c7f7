"""What a good life costs the API server beside the creation of the job's pods, write by write."""

from collections import Counter

import pytest
from gang_world import PREFIX, GangWorld, role

PODS = 4
# What is promised of a job of that many pods; `make bench` asks it of the running manager.
WRITES = 8


def life(world):
    """Every state of every pod is seen, each by itself: nothing is saved by looking late."""
    world.settle()
    for act in (lambda name: world.bind(PREFIX + name), world.start, world.end):
        for name in world.names():
            act(name)
            world.settle()
            world.pass_time(0.5)
    world.pass_time(3600)
    world.settle()
    assert world.status.phase == "Succeeded"
    return Counter(
        (type(w).__name__, w.kind.name, getattr(w, "subresource", ""))
        for w in world.writes_beyond_pods()
    )


def test_a_job_whose_first_pod_decides_costs_fewer_writes_than_promised():
    writes = life(GangWorld([role(replicas=PODS, decides="first")]))
    assert writes.total() < WRITES
    statuses = writes.pop(("Merge", "PythonJob", "status"))
    assert statuses <= 4, "taken up, on its nodes, running, succeeded"
    assert writes == {
        ("Create", "ConfigMap", ""): 1,
        ("Create", "Service", ""): 1,
        ("Merge", "Pod", ""): 1,
    }


@pytest.mark.parametrize("pods", [1, PODS, 16])
def test_each_pod_whose_result_decides_is_one_more_write(pods):
    """It is kept until its result is on record, and to let it go is a write that nothing saves."""
    first = life(GangWorld([role(replicas=pods, decides="first")]))
    every = life(GangWorld([role(replicas=pods)]))
    assert every[("Merge", "Pod", "")] == pods
    assert first[("Merge", "Pod", "")] == 1
