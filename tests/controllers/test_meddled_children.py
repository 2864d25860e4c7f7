"""A user deletes or edits what a job has made: it is put right, and a pod is counted as lost."""

import pytest
from kind_world import SAMPLES, case

from controllers.jobs import names
from mlctl_core.objects.kinds import POD

FIXED = {"apiVersion", "kind", "metadata", "status", "roleRef"}
"""What a server lets nobody change, or that is not the controller's."""


def running(sample):
    return case(sample, "dependencies").run_all()


def beside():
    for sample in SAMPLES:
        for kind, name in running(sample).children():
            yield pytest.param(sample, kind, name, id=f"{sample}, {kind.name} {name}")


def pods():
    for sample in SAMPLES:
        for name in running(sample).names():
            yield pytest.param(sample, name, id=f"{sample}, {name}")


BESIDE, PODS = list(beside()), list(pods())


def content(world, kind, name):
    obj = world.raw(kind, name)
    return {field: obj[field] for field in obj.keys() - FIXED}


def uids(world):
    return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in world.pods()}


@pytest.mark.parametrize(("sample", "kind", "name"), BESIDE)
def test_what_is_deleted_is_made_again_and_no_pod_notices(sample, kind, name):
    world = running(sample)
    before, pods = content(world, kind, name), uids(world)
    world.delete(kind, name)
    assert not world.exists(kind, name)
    world.settle()
    assert content(world, kind, name) == before
    assert uids(world) == pods
    assert world.status.phase == "Running"


@pytest.mark.parametrize(("sample", "kind", "name"), BESIDE)
def test_what_is_edited_is_as_it_was_again(sample, kind, name):
    world = running(sample)
    before, pods = content(world, kind, name), uids(world)
    assert before
    for field, value in before.items():
        obj = world.raw(kind, name)
        obj[field] = dict.fromkeys(value, "meddled") if isinstance(value, dict) else None
        world.put(kind, obj)
        world.settle()
        assert content(world, kind, name) == before, field
    assert uids(world) == pods


@pytest.mark.parametrize(("sample", "kind", "name"), BESIDE)
def test_labels_that_are_taken_off_are_put_back(sample, kind, name):
    world = running(sample)
    obj = world.raw(kind, name)
    labels = obj["metadata"]["labels"]
    obj["metadata"]["labels"] = {"mine": "1"}
    world.put(kind, obj)
    world.settle()
    assert world.raw(kind, name)["metadata"]["labels"] == {**labels, "mine": "1"}


@pytest.mark.parametrize(("sample", "kind", "name"), BESIDE)
def test_what_is_declared_to_be_nobodys_is_left_to_him_who_did(sample, kind, name):
    world = running(sample)
    obj = world.raw(kind, name)
    obj["metadata"]["ownerReferences"] = []
    world.put(kind, obj)
    before = world.raw(kind, name)
    world.settle()
    assert world.raw(kind, name) == before
    assert world.status.phase == "Running"


@pytest.mark.parametrize("how", ["deleted", "without its attempt"])
@pytest.mark.parametrize(("sample", "name"), PODS)
def test_a_pod_is_made_again_at_the_clusters_cost(sample, name, how):
    world = running(sample)
    every = world.names()
    if how == "deleted":
        world.delete(POD, name)
    else:
        pod = world.raw(POD, name)
        del pod["metadata"]["labels"][names.ATTEMPT_LABEL]
        world.put(POD, pod)
        world.settle()
    world.tidy()
    world.pass_time(600)
    world.settle()
    world.run_all()
    assert world.names() == every
    assert (world.status.restarts, world.status.infra_restarts) == (0, 1)
    assert world.status.phase == "Running"
    world.end_all()
    world.settle()
    assert world.status.phase == "Succeeded"


@pytest.mark.parametrize(("sample", "name"), PODS)
def test_a_users_own_marks_on_a_pod_stay_and_change_nothing(sample, name):
    world = running(sample)
    pod = world.raw(POD, name)
    pod["metadata"]["labels"]["team"] = "a"
    pod["metadata"].setdefault("annotations", {})["note"] = "mine"
    pod["metadata"]["finalizers"] = []
    world.put(POD, pod)
    before = len(world.writes)
    world.pass_time(60)
    world.settle()
    assert len(world.writes) == before
    assert world.raw(POD, name)["metadata"]["labels"]["team"] == "a"
