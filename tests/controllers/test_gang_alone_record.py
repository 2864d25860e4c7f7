"""What is on record of pods that are replaced alone, so that none is counted twice or forgotten."""

import pytest
from gang_world import ELASTIC, PREFIX, SERVED, GangWorld, role
from job_world import ConflictError

from apis.v1alpha1.status import MAX_RELEASED
from mlctl_core.cache.store import Store
from mlctl_core.objects.keys import ObjectKey
from mlctl_core.objects.kinds import POD
from mlctl_core.reconcile.changes import Merge, Remove


def test_its_failure_is_on_record_before_it_is_let_go():
    world = GangWorld(ELASTIC, backoffLimit=1).started_all()
    uid = world.pod("worker-1")["metadata"]["uid"]
    world.end("worker-1", 1)
    world.reconcile()
    assert [(pod.pod, pod.uid) for pod in world.status.released] == [(PREFIX + "worker-1", uid)]
    assert world.is_tracked("worker-1")
    assert not world.is_deleted("worker-1")


def test_what_was_given_up_is_waited_for_until_all_are_there_again():
    world = GangWorld(ELASTIC, backoffLimit=1).started_all()
    world.end("worker-1", 1)
    world.settle()
    assert [pod.gone for pod in world.status.released] == [False]
    world.replaced("worker-1")
    assert [pod.gone for pod in world.status.released] == [True]


def test_a_manager_whose_cache_shows_the_pod_of_before_does_not_count_its_end_again():
    world = GangWorld(ELASTIC, backoffLimit=5).started_all()
    world.end("worker-1", 1)
    before = world.server[POD].get(ObjectKey("default", PREFIX + "worker-1"))
    world.settle()
    world.replaced("worker-1")
    stale = Store()
    for entry in world.server[POD].list():
        stale.put(before if entry.metadata.name == before.metadata.name else entry)
    world.stores[POD] = stale
    with pytest.raises(ConflictError):
        world.settle()
    assert world.status.restarts == 1
    assert not world.is_deleted("worker-1")


def test_one_that_is_lost_after_it_was_replaced_once_is_counted():
    world = GangWorld(ELASTIC, backoffLimit=5).started_all()
    world.end("worker-1", 1)
    world.settle()
    world.replaced("worker-1")
    world.pass_time(60)
    world.settle()
    world.lose("worker-1")
    world.settle()
    assert world.status.infra_restarts == 1
    world.replaced("worker-1")
    assert world.made()[3:] == ["worker-1/1", "worker-1/1"]


def test_more_may_be_replaced_in_time_than_the_status_names():
    world = GangWorld(ELASTIC, infraBackoffLimit=100).started_all()
    for number in range(MAX_RELEASED + 3):
        world.evict("worker-1")
        world.settle()
        assert world.status.attempt == 1
        world.replaced("worker-1")
        assert len(world.status.released) == min(number + 1, MAX_RELEASED)


def test_those_that_were_given_up_belong_to_the_past_when_all_start_anew():
    world = GangWorld(ELASTIC, backoffLimit=5).started_all()
    world.end("worker-2", 1)
    world.settle()
    world.end("worker-0", 1)
    world.settle()
    world.cluster_tidies()
    world.pass_time(600)
    world.settle()
    assert world.status.released == ()
    assert world.made()[3:] == ["worker-0/2", "worker-1/2", "worker-2/2"]


def test_one_that_a_lagging_cache_hides_is_not_made_again():
    world = GangWorld(SERVED).started_all()
    world.hold_back(POD)
    world.stores[POD].remove(world.server[POD].get(("default", PREFIX + "ps-0")))
    world.pass_time(600)
    world.settle()
    assert len(world.made()) == 4
    assert world.status.infra_restarts == 0


def test_more_than_the_status_can_name_are_replaced_nevertheless():
    count = MAX_RELEASED + 2
    world = GangWorld([role(replicas=count, alone=True)], infraBackoffLimit=100).started_all()
    for pod in world.names():
        world.evict(pod)
    world.settle(limit=5 * count)
    assert len(world.status.released) <= MAX_RELEASED
    for _ in range(3):
        world.kubelet_ends_deleted_pods()
        world.pass_time(3600)
        world.settle(limit=5 * count)
    world.started_all()
    assert world.truths()["PodsReady"] == "True"
    assert len(world.names()) == count


def test_a_pod_is_let_go_by_uid_so_that_its_successor_is_never_touched():
    world = GangWorld(ELASTIC, backoffLimit=1).started_all()
    world.end("worker-1", 1)
    world.reconcile()
    late = world.pending(world.plan())
    world.replaced("worker-1")
    assert [type(change) for change in late] == [Merge, Remove]
    with pytest.raises(ConflictError):
        world.write(late[0])
    world.write(late[1])
    assert world.is_tracked("worker-1")
    assert not world.is_deleted("worker-1")
