from __future__ import annotations

import pytest
from reconcile_objects import entry, obj, stores

from mlctl_core.objects.keys import ObjectKey
from mlctl_core.objects.kinds import CONFIG_MAP, POD, SECRET
from mlctl_core.reconcile.gate import TIMEOUT_SECONDS, Gate
from mlctl_core.reconcile.sink import Written
from mlctl_core.testing.clock import VirtualClock

ME = ObjectKey("default", "me")
OTHER = ObjectKey("default", "other")
P = ObjectKey("default", "p")


class Rig:
    """A gate, the caches it looks at, and the keys it has let go."""

    def __init__(self, *bodies):
        self.clock = VirtualClock()
        self.stores = stores(*bodies)
        self.released = []
        self.gate = Gate(self.stores, clock=self.clock, release=self.released.append)

    def see(self, body):
        """The watch brings a new state of an object."""
        store = self.stores[POD]
        store.put(entry(body))
        store.advance(body["metadata"]["resourceVersion"])
        self.gate.seen(POD, ObjectKey("default", body["metadata"]["name"]))

    def see_gone(self, body, version):
        store = self.stores[POD]
        store.remove(entry(body))
        store.advance(version)
        self.gate.seen(POD, ObjectKey("default", body["metadata"]["name"]))

    def see_bookmark(self, version):
        self.stores[POD].advance(version)
        self.gate.seen(POD, None)


def written(version="5", *, uid="uid-p", key=P, kind=POD, **more):
    return Written(kind=kind, key=key, uid=uid, resource_version=version, **more)


def pod(version="5", **metadata):
    return obj(POD, "p", metadata={"resourceVersion": version, **metadata})


def test_who_wrote_waits_until_the_cache_shows_it():
    rig = Rig()
    rig.gate.expect(ME, [written("5")])
    assert rig.gate.holds(ME)
    rig.see(pod("5"))
    assert rig.released == [ME]
    assert not rig.gate.holds(ME)


def test_others_go_on():
    rig = Rig()
    rig.gate.expect(ME, [written()])
    assert not rig.gate.holds(OTHER)


def test_an_older_state_of_the_object_is_not_enough():
    rig = Rig()
    rig.gate.expect(ME, [written("5")])
    rig.see(pod("4"))
    assert rig.gate.holds(ME)


def test_versions_are_compared_as_numbers():
    rig = Rig()
    rig.gate.expect(ME, [written("99")])
    rig.see(pod("100"))
    assert not rig.gate.holds(ME)


def test_a_key_that_nobody_asked_for_is_not_released():
    rig = Rig()
    rig.gate.expect(ME, [written()])
    rig.see(pod())
    assert rig.released == []


def test_all_writes_have_to_be_seen():
    rig = Rig()
    rig.gate.expect(ME, [written("5"), written("6", key=ObjectKey("default", "q"), uid="uid-q")])
    assert rig.gate.holds(ME)
    rig.see(pod("5"))
    assert rig.released == []
    rig.see(obj(POD, "q", metadata={"resourceVersion": "6"}))
    assert rig.released == [ME]


def test_two_writes_to_one_object_wait_for_the_later_one():
    rig = Rig()
    rig.gate.expect(ME, [written("5"), written("7")])
    rig.see(pod("5"))
    assert rig.gate.holds(ME)
    rig.see(pod("7"))
    assert not rig.gate.holds(ME)


def test_what_the_cache_shows_already_is_not_waited_for():
    rig = Rig(pod("5"))
    rig.gate.expect(ME, [written("5")])
    assert not rig.gate.holds(ME)


def test_an_object_that_came_and_went_unseen_is_waited_for_until_a_bookmark():
    rig = Rig()
    rig.gate.expect(ME, [written("5")])
    rig.see_bookmark("4")
    assert rig.gate.holds(ME)
    rig.see_bookmark("5")
    assert not rig.gate.holds(ME)


def test_another_object_of_that_name_is_not_the_one_that_was_written():
    rig = Rig(pod("1", uid="uid-before"))
    rig.gate.expect(ME, [written("5")])
    assert rig.gate.holds(ME)
    rig.see(pod("6", uid="uid-after"))
    assert not rig.gate.holds(ME)


def test_a_deleted_object_has_to_be_gone():
    rig = Rig(pod("5"))
    rig.gate.expect(ME, [written("", deleted=True)])
    rig.see(pod("6", deletionTimestamp="2026-01-01T00:00:00Z"))
    assert rig.gate.holds(ME)
    rig.see_gone(pod("7"), "7")
    assert not rig.gate.holds(ME)


def test_a_deleted_object_that_lingers_has_to_be_marked():
    rig = Rig(pod("5"))
    rig.gate.expect(ME, [written("6", deleted=True, lingers=True)])
    assert rig.gate.holds(ME)
    rig.see(pod("6", deletionTimestamp="2026-01-01T00:00:00Z"))
    assert not rig.gate.holds(ME)


def test_a_successor_of_a_deleted_object_is_no_reason_to_wait():
    rig = Rig(pod("9", uid="uid-after"))
    rig.gate.expect(ME, [written("", deleted=True)])
    assert not rig.gate.holds(ME)


async def test_a_write_that_never_shows_is_given_up_after_the_time_out():
    rig = Rig()
    rig.gate.expect(ME, [written()])
    assert rig.gate.holds(ME)
    await rig.clock.advance(TIMEOUT_SECONDS - 0.1)
    assert rig.released == []
    await rig.clock.advance(0.2)
    assert rig.released == [ME]


async def test_no_timer_is_left_behind_by_a_write_that_shows():
    rig = Rig()
    rig.gate.expect(ME, [written()])
    rig.see(pod())
    assert rig.clock.next_timer() is None


def test_an_owner_that_is_gone_waits_for_nothing():
    rig = Rig()
    rig.gate.expect(ME, [written()])
    rig.gate.forget(ME)
    assert not rig.gate.holds(ME)
    assert not rig.gate._owners[POD]


def test_versions_that_are_no_numbers_open_the_gate():
    rig = Rig(pod("abc"))
    rig.gate.expect(ME, [written("xyz")])
    assert not rig.gate.holds(ME)


@pytest.mark.parametrize("kind", [SECRET])
def test_a_kind_that_is_not_cached_is_not_waited_for(kind):
    rig = Rig()
    rig.gate.expect(ME, [written(kind=kind)])
    assert not rig.gate.holds(ME)


def test_two_owners_may_wait_for_one_object():
    rig = Rig()
    rig.gate.expect(ME, [written("5")])
    rig.gate.expect(OTHER, [written("6")])
    assert rig.gate.holds(ME)
    assert rig.gate.holds(OTHER)
    rig.see(pod("5"))
    assert rig.released == [ME]
    rig.see(pod("6"))
    assert rig.released == [ME, OTHER]


def test_a_cache_that_moves_for_another_kind_changes_nothing():
    rig = Rig()
    rig.gate.expect(ME, [written()])
    rig.gate.seen(CONFIG_MAP, None)
    assert rig.gate.holds(ME)
