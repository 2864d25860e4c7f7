"""What a running job was made with is taken away: it runs on, and what comes later waits for it."""

import pytest
from kind_world import ALICE, DATASETS, SAMPLES, KindWorld, ours, ready

WORDS = "spec.kerberos.keytabSecret: there is no Secret named alice in this namespace: create it."
LEADERS = ("-chief-0", "-driver")


def keytab_deleted(world):
    world.add(ours("Identity", "alice", ALICE, ready("False", WORDS)))


def identity_deleted(world):
    world.remove(world.kind("Identity"), "alice")


def dataset_deleted(world):
    world.remove(world.kind("Dataset"), "bucket")


def identity_back(world):
    world.add(ours("Identity", "alice", ALICE, ready()))


def dataset_back(world):
    world.add(ours("Dataset", "bucket", DATASETS["bucket"]))


LOSSES = {
    "keytab deleted": (keytab_deleted, "IdentityNotReady", WORDS, identity_back),
    "identity deleted": (identity_deleted, "IdentityNotFound", "named alice", identity_back),
    "dataset deleted": (dataset_deleted, "DatasetNotFound", "named bucket", dataset_back),
}


def running(sample, **spec):
    spec = {"identity": "alice", "datasets": [{"name": "bucket"}], **spec}
    return KindWorld(sample, **spec).run_all()


def leader(world):
    found = [name for name in world.names() if name.endswith(LEADERS)]
    return (found or world.names())[0]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("sample", SAMPLES)
def test_a_job_that_runs_is_not_disturbed(sample, loss):
    world = running(sample)
    pods, before = world.pods(), len(world.writes)
    LOSSES[loss][0](world)
    world.pass_time(3600)
    world.settle()
    assert (world.pods(), len(world.writes)) == (pods, before)
    world.end_all()
    world.settle()
    assert world.status.phase == "Succeeded"


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("sample", SAMPLES)
def test_a_pod_that_has_to_be_made_again_waits_for_it_with_the_reason(sample, loss):
    lose, reason, words, come_back = LOSSES[loss]
    world = running(sample, backoffLimit=1)
    every, lost = world.names(), leader(world)
    lose(world)
    world.finish(1, name=lost)
    world.settle()
    world.tidy()
    world.pass_time(600)
    world.settle()
    assert lost not in world.names()
    assert world.status.reason == reason
    assert words in world.status.message
    come_back(world)
    world.settle()
    world.run_all()
    assert world.names() == every
    assert (world.status.phase, world.status.restarts) == ("Running", 1)
    world.end_all()
    world.settle()
    assert world.status.phase == "Succeeded"


# Of parameter servers and what they serve each is replaced alone, and the others run.
@pytest.mark.parametrize("sample", [sample for sample in SAMPLES if sample != "TensorFlowJob"])
def test_a_deadline_for_the_start_ends_the_wait(sample):
    world = running(sample, backoffLimit=1, startDeadlineSeconds=1200)
    keytab_deleted(world)
    for name in world.names():
        world.finish(1, name=name)
    world.settle()
    world.tidy()
    for _ in range(5):
        world.pass_time(600)
        world.settle()
    assert (world.status.phase, world.status.reason) == ("Failed", "StartDeadlineExceeded")
    assert "there is no Secret named alice" in world.status.message


@pytest.mark.parametrize("sample", SAMPLES)
def test_an_identity_that_is_edited_reaches_pods_that_are_made_later(sample):
    world = running(sample, backoffLimit=1)
    account = {**ALICE, "serviceAccountName": "writer"}
    world.add(ours("Identity", "alice", account, ready()))
    world.settle()
    accounts = {pod["spec"]["serviceAccountName"] for pod in world.pods()}
    assert accounts == {"reader"}
    lost = leader(world)
    world.finish(1, name=lost)
    world.settle()
    world.tidy()
    world.pass_time(600)
    world.settle()
    [again] = [pod for pod in world.pods() if pod["metadata"]["name"] == lost]
    assert again["spec"]["serviceAccountName"] == "writer"
