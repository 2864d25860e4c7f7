"""An object of a child's name that somebody else owns: it is named, and never touched."""

import pytest
from kind_world import SAMPLES, KindWorld, case, features

from mlctl_core.objects.kinds import POD


def taken():
    """All names that jobs of each kind need."""
    for sample in SAMPLES:
        world = case(sample, "dependencies")
        for kind, name in (*world.children(), *((POD, name) for name in world.names())):
            yield pytest.param(sample, kind, name, id=f"{sample}, {kind.name} {name}")


TAKEN = list(taken())


def foreign(kind, name):
    return {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "metadata": {"name": name, "labels": {"app": "mine"}},
        "data": {"mine": "1"},
        "spec": {},
        "status": {},
    }


@pytest.mark.parametrize("cached", [True, False], ids=["cached", "unknown to the cache"])
@pytest.mark.parametrize(("sample", "kind", "name"), TAKEN)
def test_it_is_told_and_waited_for(sample, kind, name, cached):
    """Of many kinds the manager caches what bears its own label alone."""
    world = KindWorld(sample, **features(sample)["dependencies"])
    if not cached:
        world.hold_back(kind)
    world.add(foreign(kind, name))
    before = world.raw(kind, name)
    world.settle()
    world.settle()  # what the server has refused is told by the next look
    assert (world.status.phase, world.status.reason) == ("Scheduling", "NameTaken")
    assert world.status.message.startswith(
        f"{kind.name} {name} exists and does not belong to this job. Delete it, or choose another "
        "metadata.name."
    )
    assert world.raw(kind, name) == before
    if cached:
        assert [pod for pod in world.names() if pod != name] == []
    assert [event.reason for event in world.events] == ["NameTaken"]
    world.remove(kind, name)
    for held in tuple(world.held):
        world.catch_up(held)
    world.pass_time(600)
    world.settle()
    assert world.status.reason == "WaitingForNode"
    assert world.names() == case(sample, "dependencies").names()


@pytest.mark.parametrize(
    ("sample", "kind", "name"), [param for param in TAKEN if param.values[1] != POD]
)
def test_one_that_takes_the_place_of_ours_is_left_alone_and_the_job_goes_on(sample, kind, name):
    world = case(sample, "dependencies").run_all()
    pods = world.names()
    world.remove(kind, name)
    world.add(foreign(kind, name))
    before = world.raw(kind, name)
    for _ in range(3):
        world.pass_time(60)
        world.settle()
    assert world.raw(kind, name) == before
    assert (world.status.phase, world.names()) == ("Running", pods)
    world.end_all()
    world.settle()
    assert world.status.phase == "Succeeded"
    assert world.raw(kind, name) == before
