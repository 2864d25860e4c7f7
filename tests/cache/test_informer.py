import asyncio
import json
from random import Random

import pytest

from mlctl_core.cache.entries import entry_of
from mlctl_core.cache.informer import Informer
from mlctl_core.cache.shared import CacheSyncError, SharedCaches
from mlctl_core.client.client import Client
from mlctl_core.objects.keys import ObjectKey
from mlctl_core.objects.kinds import CONFIG_MAP, NODE, POD
from mlctl_core.telemetry.metrics import Metrics
from mlctl_core.testing.clock import VirtualClock
from mlctl_core.testing.scripted_server import ScriptedServer

A = ObjectKey("n", "a")


def pod(name, version, *, uid="u", namespace="n"):
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": uid,
            "resourceVersion": str(version),
        }
    }


def entry(*args, **more):
    return entry_of(json.dumps(pod(*args, **more)).encode())


class Told:
    """A handler and progress listener that writes down changes as (name, old, new versions)."""

    def __init__(self):
        self.changes = []
        self.log = []

    def handler(self, change):
        versions = [m and m.resource_version for m in (change.old, change.new)]
        self.changes.append((change.key.name, *versions))
        self.log.append(change.key.name)

    def listener(self, key):
        self.log.append(("seen", key and key.name))


@pytest.fixture
def informer():
    """An informer that is fed by the test in place of its reflector."""
    return Informer(None, POD, clock=VirtualClock(), random=Random(1))


@pytest.fixture
def told(informer):
    told = Told()
    informer.add_handler(told.handler)
    informer.add_progress_listener(told.listener)
    return told


class TestChanges:
    def test_a_list_is_told_as_additions_then_synced(self, informer, told):
        assert not informer.synced.is_set()
        informer._replaced("", [entry("a", 1), entry("b", 2)], "5")
        assert told.changes == [("a", None, "1"), ("b", None, "2")]
        assert informer.synced.is_set()

    def test_an_empty_list_is_synced_too(self, informer, told):
        informer._replaced("", [], "5")
        assert informer.synced.is_set()
        assert told.changes == []

    def test_handlers_have_been_called_when_it_says_synced(self, informer):
        seen = []
        informer.add_handler(lambda change: seen.append(informer.synced.is_set()))
        informer._replaced("", [entry("a", 1)], "5")
        assert seen == [False]

    def test_the_store_is_ahead_of_the_handler(self, informer):
        seen = []
        informer.add_handler(
            lambda change: seen.append(
                (informer.store.get(change.key), informer.store.resource_version)
            )
        )
        informer._changed("", changed := entry("a", 7))
        assert seen == [(changed, "7")]

    def test_each_change_has_its_old_and_new_state(self, informer, told):
        informer._changed("", entry("a", 1))
        informer._changed("", entry("a", 2))
        informer._deleted("", entry("a", 3))
        assert told.changes == [("a", None, "1"), ("a", "1", "2"), ("a", "2", None)]

    def test_a_change_carries_the_object_and_a_deletion_none(self, informer):
        entries = []
        informer.add_handler(lambda change: entries.append(change.entry))
        informer._changed("", a := entry("a", 1))
        informer._deleted("", entry("a", 2))
        assert entries == [a, None]

    def test_a_deletion_that_was_missed_is_told_with_the_last_known_state(self, informer, told):
        informer._changed("", entry("a", 1))
        informer._replaced("", [], "5")
        assert told.changes[-1] == ("a", "1", None)

    def test_deleted_and_made_again_unseen_is_one_change_between_two_uids(self, informer):
        uids = []
        informer.add_handler(lambda c: uids.append((c.old and c.old.uid, c.new and c.new.uid)))
        informer._changed("", entry("a", 1, uid="u1"))
        informer._replaced("", [entry("a", 9, uid="u2")], "9")
        assert uids == [(None, "u1"), ("u1", "u2")]

    def test_a_repeated_or_older_event_is_no_change(self, informer, told):
        informer._changed("", entry("a", 5))
        informer._changed("", entry("a", 5))
        informer._changed("", entry("a", 4))
        informer._deleted("", entry("a", 3))
        assert told.changes == [("a", None, "5")]

    def test_the_deletion_of_something_unknown_is_no_change(self, informer, told):
        informer._deleted("", entry("a", 3))
        assert told.changes == []

    def test_a_list_that_changes_nothing_is_silent(self, informer, told):
        for _ in range(2):
            informer._replaced("", [entry("a", 1)], "5")
        assert len(told.changes) == 1


class TestHandlers:
    def test_a_late_one_gets_what_is_there_once(self, informer):
        informer._replaced("", [entry("a", 1)], "5")
        late = Told()
        informer.add_handler(late.handler)
        informer._changed("", entry("a", 6))
        assert late.changes == [("a", None, "1"), ("a", "1", "6")]

    def test_one_that_raises_hurts_nobody(self, informer):
        def broken(change):
            raise ZeroDivisionError

        told = Told()
        informer.add_handler(broken)
        informer.add_handler(told.handler)
        informer._changed("", entry("a", 1))
        assert told.changes == [("a", None, "1")]
        assert informer.store.get(A) is not None


class TestProgress:
    def test_it_follows_the_handlers_and_names_the_object(self, informer, told):
        informer._changed("", entry("a", 1))
        assert told.log == ["a", ("seen", "a")]

    def test_it_is_told_of_what_was_no_change_too(self, informer, told):
        informer._deleted("", entry("a", 3))
        assert told.log == [("seen", "a")]
        assert informer.store.resource_version == "3"

    def test_lists_and_bookmarks_concern_all_objects(self, informer, told):
        informer._replaced("", [], "5")
        informer._reached("", "9")
        assert told.log == [("seen", None), ("seen", None)]
        assert informer.store.resource_version == "9"

    def test_a_listener_that_raises_hurts_nobody(self, informer):
        def broken(key):
            raise ZeroDivisionError

        told = Told()
        informer.add_progress_listener(broken)
        informer.add_progress_listener(told.listener)
        informer._reached("", "9")
        assert told.log == [("seen", None)]


class TestNamespaces:
    def test_it_is_synced_when_all_of_them_are(self):
        informer = Informer(None, POD, ("n", "m"), clock=VirtualClock(), random=Random(1))
        informer._replaced("n", [entry("a", 1)], "5")
        assert not informer.synced.is_set()
        informer._replaced("m", [entry("b", 1, namespace="m")], "4")
        assert informer.synced.is_set()
        assert len(informer.store) == 2
        assert informer.store.resource_version == "4"

    def test_a_kind_without_namespaces_has_one_scope(self):
        informer = Informer(None, NODE, ("n", "m"), clock=VirtualClock(), random=Random(1))
        informer._replaced("", [], "5")
        assert informer.synced.is_set()


@pytest.fixture
async def server():
    async with ScriptedServer() as server:
        yield server


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
async def caches(server, clock):
    async with Client(server.config(), clock=clock) as client:
        yield SharedCaches(client, clock=clock, random=Random(1), metrics=Metrics())


class Running:
    """Caches that run for as long as an ``async with`` block."""

    def __init__(self, caches):
        self._caches = caches
        self._ready = asyncio.Event()
        self._end = asyncio.Event()

    async def _run(self):
        async with asyncio.TaskGroup() as group:
            self._caches.start(group)
            self._ready.set()
            await self._end.wait()

    async def __aenter__(self):
        self._task = asyncio.create_task(self._run())
        await self._ready.wait()

    async def __aexit__(self, *_):
        self._task.cancel()
        await asyncio.wait([self._task])


class TestSharedCaches:
    def test_a_kind_has_one_informer_and_one_store(self, caches):
        assert caches.informer(POD) is caches.informer(POD)
        assert caches.stores == {POD: caches.informer(POD).store}

    def test_the_stores_are_read_only_and_grow(self, caches):
        stores = caches.stores
        with pytest.raises(TypeError):
            stores[POD] = None
        caches.informer(POD)
        assert POD in stores

    async def test_they_fill_and_say_so(self, caches, server):
        informer = caches.informer(POD)
        async with Running(caches):
            stream = await server.next()
            await stream.event("ADDED", pod("a", 3))
            await stream.bookmark("5", initial_events_end=True)
            await caches.wait_synced(10)
            assert informer.store.get(A).metadata.resource_version == "3"
            assert caches.missing() == []

    async def test_a_refresh_is_a_list_of_what_is_there_now_whatever_the_watches_say(
        self, caches, server
    ):
        informer = caches.informer(POD)
        async with Running(caches):
            lagging = await server.next()
            await lagging.event("ADDED", pod("a", 3))
            await lagging.bookmark("5", initial_events_end=True)
            await caches.wait_synced(10)
            caches.refresh()
            assert caches.missing() == ["v1/Pod (no answer yet)"]
            assert A in informer.store
            stream = await server.next()
            assert "resourceVersion" not in stream.query
            await stream.event("ADDED", pod("b", 8))
            await stream.bookmark("9", initial_events_end=True)
            await caches.wait_synced(10)
            assert [entry.metadata.name for entry in informer.store.list()] == ["b"]
            await stream.event("ADDED", pod("c", 10))
            async with asyncio.timeout(5):
                while len(informer.store) < 2:
                    await asyncio.sleep(0)
            lagging.cut()

    async def test_one_that_comes_late_is_started_too(self, caches, server):
        async with Running(caches):
            caches.informer(CONFIG_MAP)
            assert (await server.next()).path == "/api/v1/configmaps"

    async def test_namespaces_are_watched_one_by_one(self, server, clock):
        async with Client(server.config(), clock=clock) as client:
            caches = SharedCaches(client, clock=clock, random=Random(1), namespaces=["n", "m"])
            caches.informer(POD)
            caches.informer(NODE)
            async with Running(caches):
                paths = {(await server.next()).path for _ in range(3)}
        assert paths == {
            "/api/v1/namespaces/n/pods",
            "/api/v1/namespaces/m/pods",
            "/api/v1/nodes",
        }

    async def test_what_does_not_come_in_is_named_with_the_reason(self, caches, server, clock):
        caches.informer(POD)
        caches.informer(CONFIG_MAP)
        async with Running(caches):
            for _ in range(2):
                request = await server.next()
                if request.path.endswith("pods"):
                    request.fail(404, "NotFound", message="no pods here")
                else:
                    await request.bookmark("5", initial_events_end=True)
            waiting = asyncio.create_task(caches.wait_synced(5))
            async with asyncio.timeout(5):
                while len(caches.missing()) > 1 or not clock.sleepers:
                    await asyncio.sleep(0)
            await clock.advance(5)
            with pytest.raises(CacheSyncError, match=r"after 5 s: v1/Pod \(404 NotFound: no pods"):
                await waiting

    async def test_they_are_measured(self, server, clock):
        metrics = Metrics()
        async with Client(server.config(), clock=clock) as client:
            caches = SharedCaches(client, clock=clock, random=Random(1), metrics=metrics)
            store = caches.informer(POD).store
            async with Running(caches):
                stream = await server.next()
                await stream.event("ADDED", pod("a", 3))
                await stream.bookmark("5", initial_events_end=True)
                await caches.wait_synced(10)
                await clock.advance(20)
                stream.end()
                await server.next()

        def sample(name, **labels):
            return metrics.registry.get_sample_value(name, {"kind": "v1/Pod", **labels})

        assert sample("mlctl_cache_objects") == 1
        assert sample("mlctl_cache_bytes") == store.size_bytes
        assert sample("mlctl_cache_last_event_age_seconds") == 20
        assert sample("mlctl_watch_restarts_total", reason="closed") == 1
