"""What stands in the way of a job's pods: names that are taken, quotas, what is left of before."""

import pytest
from gang_world import COLLECTIVE, SERVED, GangWorld
from job_world import JOB, ConflictError

from controllers.jobs import names
from controllers.jobs.life.lifecycle import RECHECK_SECONDS
from mlctl_core.objects.kinds import CONFIG_MAP, POD, SERVICE

QUOTA = 'pods "x" is forbidden: exceeded quota: team, requested: pods=1, used: pods=2, limited: 2'


def foreign(kind, name, owner=None):
    """An object of that name which is not the job's."""
    metadata = {"name": name}
    if owner:
        metadata["ownerReferences"] = [
            {
                "apiVersion": "mlctl.dev/v1alpha1",
                "kind": owner,
                "name": "mnist",
                "uid": "of-an-earlier-one",
                "controller": True,
            }
        ]
        metadata["labels"] = names.job_labels(owner, "mnist", {})
    return {"apiVersion": "v1", "kind": kind.name, "metadata": metadata, "spec": {}, "status": {}}


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (POD, "pyjob-mnist-worker-0"),
        (POD, "pyjob-mnist-worker-2"),
        (SERVICE, "pyjob-mnist"),
    ],
)
def test_an_object_of_a_child_s_name_that_is_not_ours_is_named_and_not_touched(kind, name):
    world = GangWorld()
    obj = world.add(foreign(kind, name))
    before = world.raw(kind, name)
    plan = world.settle()
    assert world.status.reason == "NameTaken"
    assert world.status.message.startswith(f"{kind.name} {obj['metadata']['name']} exists")
    assert world.raw(kind, name) == before
    assert world.made() == [], "some pods without the others would hold what nobody can use"
    assert plan.requeue_after <= RECHECK_SECONDS
    world.remove(kind, name)
    world.pass_time(RECHECK_SECONDS)
    world.settle()
    assert len(world.made()) == 3


def test_an_object_that_no_cache_shows_is_not_touched_either():
    world = GangWorld()
    world.hold_back(SERVICE)
    world.add(foreign(SERVICE, "pyjob-mnist"))
    before = world.raw(SERVICE, "pyjob-mnist")
    world.reconcile()
    with pytest.raises(ConflictError):
        world.reconcile()
    assert world.raw(SERVICE, "pyjob-mnist") == before
    assert world.made() == []


@pytest.mark.parametrize(
    ("kind", "name"), [(POD, "pyjob-mnist-worker-1"), (SERVICE, "pyjob-mnist")]
)
def test_what_an_earlier_job_of_the_name_left_is_waited_for(kind, name):
    world = GangWorld()
    world.add(foreign(kind, name, owner=JOB.name))
    world.settle()
    assert world.status.reason == "WaitingForOldPod"
    assert f"{kind.name} {name}" in world.status.message
    assert world.made() == []
    world.remove(kind, name)
    world.settle()
    assert len(world.made()) == 3


def test_pods_of_an_earlier_job_that_are_on_their_way_are_let_go():
    world = GangWorld()
    old = foreign(POD, "pyjob-mnist-worker-1", owner=JOB.name)
    old["metadata"]["finalizers"] = [names.TRACKING_FINALIZER]
    world.add(old)
    world.delete(POD, "pyjob-mnist-worker-1")
    world.settle()
    assert len(world.made()) == 3


def test_when_a_quota_has_no_room_for_all_the_job_says_so_and_tries_again():
    world = GangWorld()
    world.refuse = lambda pod: QUOTA if pod == "worker-2" else None
    for _ in range(4):
        world.reconcile()
    assert world.names() == ["worker-0", "worker-1"]
    assert world.status.reason == "QuotaExceeded"
    assert world.status.phase == "Scheduling"
    world.refuse = lambda _pod: None
    world.settle()
    assert world.names() == ["worker-0", "worker-1", "worker-2"]
    assert world.status.reason == "WaitingForNode"


def test_a_refusal_is_said_while_it_lasts_whatever_the_others_do():
    world = GangWorld()
    world.refuse = lambda pod: QUOTA if pod == "worker-2" else None
    for _ in range(4):
        world.reconcile()
    world.start("worker-0", "worker-1")
    for _ in range(4):
        world.reconcile()
    assert world.status.reason == "QuotaExceeded"


def test_a_refusal_that_lasts_costs_no_write_each_time():
    world = GangWorld()
    world.refuse = lambda pod: QUOTA if pod == "worker-2" else None
    for _ in range(4):
        world.reconcile()
    before = len(world.writes)
    for _ in range(20):
        world.pass_time(1)
        world.reconcile()
    assert len(world.writes) == before


def test_a_gang_of_which_some_are_refused_misses_the_deadline_for_its_start():
    world = GangWorld(startDeadlineSeconds=100)
    world.refuse = lambda pod: QUOTA if pod == "worker-2" else None
    for _ in range(4):
        world.reconcile()
    assert world.last.requeue_after is not None
    assert world.last.requeue_after <= 100
    world.start("worker-0", "worker-1")
    world.pass_time(100)
    for _ in range(6):
        world.reconcile()
    assert world.status.reason == "StartDeadlineExceeded"
    assert "exceeded quota" in world.status.message
    world.cluster_tidies()
    assert world.names() == []


def test_a_member_that_fails_while_another_is_refused_counts_and_all_start_anew():
    world = GangWorld(backoffLimit=1)
    world.refuse = lambda pod: QUOTA if pod == "worker-2" else None
    for _ in range(4):
        world.reconcile()
    world.start("worker-0", "worker-1")
    world.end("worker-0", 1)
    for _ in range(4):
        world.reconcile()
    assert world.history() == [("worker-0", "AppError", 1)]
    world.refuse = lambda _pod: None
    world.cluster_tidies()
    world.pass_time(600)
    world.settle()
    assert world.made() == [
        *("worker-0/1", "worker-1/1"),
        *("worker-0/2", "worker-1/2", "worker-2/2"),
    ]


def test_a_controller_that_was_away_while_only_some_were_made_makes_the_others():
    world = GangWorld()
    world.reconcile()
    with pytest.raises(KeyboardInterrupt):
        world.reconcile(crash_after=5)
    assert 0 < len(world.names()) < 3
    world.settle()
    assert world.made() == ["worker-0/1", "worker-1/1", "worker-2/1"]


def test_a_pod_that_vanishes_before_the_job_got_anywhere_is_simply_made():
    world = GangWorld()
    world.settle()
    world.lose("worker-1")
    world.settle()
    assert world.names() == ["worker-0", "worker-1", "worker-2"]


@pytest.mark.parametrize("roles", [COLLECTIVE, SERVED])
def test_a_catalogue_that_changes_meanwhile_changes_nothing_for_a_pod_made_later(roles):
    world = GangWorld(roles)
    last = "ps-0" if roles is SERVED else "worker-2"
    world.refuse = lambda pod: QUOTA if pod == last else None
    for _ in range(4):
        world.reconcile()
    size = next(k for k in world.kinds if k.name == "Size")
    obj = world.raw(size, "small")
    obj["spec"]["cpu"] = "7"
    world.put(size, obj)
    world.refuse = lambda _pod: None
    world.settle()
    amounts = {pod["spec"]["containers"][0]["resources"]["requests"]["cpu"] for pod in world.pods()}
    assert len(amounts) == 1
    assert amounts != {"7"}


def test_the_user_s_code_that_somebody_deletes_is_put_back_while_pods_are_to_come():
    world = GangWorld().started_all()
    world.delete(CONFIG_MAP, "pyjob-mnist-code")
    world.settle()
    assert world.exists(CONFIG_MAP, "pyjob-mnist-code")


def test_pods_are_told_from_those_of_a_job_of_another_kind_by_their_labels():
    world = GangWorld()
    other = foreign(POD, "tfjob-mnist-worker-0", owner="TensorFlowJob")
    other["metadata"]["finalizers"] = [names.TRACKING_FINALIZER]
    world.add(other)
    world.delete(POD, "tfjob-mnist-worker-0")
    world.settle()
    assert len(world.made()) == 3
    assert world.raw(POD, "tfjob-mnist-worker-0")["metadata"]["finalizers"]
