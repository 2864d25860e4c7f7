"""WATCH: where it starts, what it sends, how it ends."""

from __future__ import annotations

import asyncio
import json
import random
from datetime import UTC, datetime

import pytest
from api_caller import CONFIG_MAPS, Stream, config_map

from mlctl_core.embedded.apiserver.negotiation import choose_form
from mlctl_core.embedded.apiserver.options import list_options
from mlctl_core.embedded.apiserver.selection import make_selection
from mlctl_core.embedded.apiserver.watching import Watch
from mlctl_core.testing.clock import VirtualClock


async def test_changes_after_a_version_come_once_and_in_order(api):
    version = (await api.get(CONFIG_MAPS)).version
    await api.made(CONFIG_MAPS, config_map("a"))
    async with api.watch(CONFIG_MAPS, resourceVersion=version) as stream:
        await api.patch(f"{CONFIG_MAPS}/a", {"data": {"x": "y"}})
        await api.delete(f"{CONFIG_MAPS}/a")
        assert await stream.take(3) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]


async def test_a_deletion_carries_the_last_state_at_a_version_of_its_own(api):
    made = await api.made(CONFIG_MAPS, config_map("a", {"x": "y"}))
    version = made["metadata"]["resourceVersion"]
    async with api.watch(CONFIG_MAPS, resourceVersion=version) as stream:
        await api.delete(f"{CONFIG_MAPS}/a")
        event = await stream.next()
    assert event["object"]["data"] == {"x": "y"}
    assert int(event["object"]["metadata"]["resourceVersion"]) > int(version)


@pytest.mark.parametrize("query", [{}, {"resourceVersion": "0"}])
async def test_without_a_version_what_there_is_comes_first(api, query):
    await api.made(CONFIG_MAPS, config_map("a"))
    async with api.watch(CONFIG_MAPS, **query) as stream:
        assert await stream.take(2) == [("ADDED", "a"), ("ADDED", "kube-root-ca.crt")]
        await api.made(CONFIG_MAPS, config_map("b"))
        assert await stream.take(1) == [("ADDED", "b")]


async def test_initial_events_end_with_a_marked_bookmark(api):
    await api.made(CONFIG_MAPS, config_map("a"))
    query = {
        "sendInitialEvents": "true",
        "resourceVersionMatch": "NotOlderThan",
        "allowWatchBookmarks": "true",
    }
    async with api.watch(CONFIG_MAPS, **query) as stream:
        assert await stream.take(2) == [("ADDED", "a"), ("ADDED", "kube-root-ca.crt")]
        end = await stream.next()
    assert end["type"] == "BOOKMARK"
    assert end["object"]["kind"] == "ConfigMap"
    metadata = end["object"]["metadata"]
    assert metadata["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert int(metadata["resourceVersion"]) == api.server.cluster.store.revision


class Frames:
    """What a watch sends, until it sends what is waited for."""

    def __init__(self):
        self.events = []
        self.seen = asyncio.Event()

    async def write(self, data):
        self.events += [json.loads(line) for line in data.splitlines()]
        if any(event["object"]["metadata"].get("name") == "late" for event in self.events):
            self.seen.set()


async def test_the_marked_bookmark_stands_before_all_that_is_yet_to_come(api):
    cluster = api.server.cluster
    resource = cluster.registry.get("", "v1", "configmaps")
    query = {
        "sendInitialEvents": "true",
        "resourceVersionMatch": "NotOlderThan",
        "allowWatchBookmarks": "true",
    }
    options, selection = list_options(query, watch=True), make_selection(resource, "", "")
    watch = Watch(cluster, resource, "default", selection, options, choose_form(""))
    watch.start()
    # The response has yet to begin when somebody writes.
    await api.made(CONFIG_MAPS, config_map("late"))
    frames = Frames()
    running = asyncio.create_task(watch.run(frames))
    await frames.seen.wait()
    running.cancel()
    [bookmark] = [event["object"] for event in frames.events if event["type"] == "BOOKMARK"]
    late = frames.events[-1]["object"]
    versions = [int(one["metadata"]["resourceVersion"]) for one in (bookmark, late)]
    assert versions[0] < versions[1]


async def test_an_object_that_begins_or_ceases_to_match_is_added_or_deleted(api):
    version = (await api.get(CONFIG_MAPS)).version
    async with api.watch(CONFIG_MAPS, resourceVersion=version, labelSelector="l=1") as stream:
        await api.made(CONFIG_MAPS, config_map("a", {"old": "1"}))
        await api.patch(f"{CONFIG_MAPS}/a", {"metadata": {"labels": {"l": "1"}}})
        await api.patch(f"{CONFIG_MAPS}/a", {"data": {"old": "2"}})
        left = await api.patch(f"{CONFIG_MAPS}/a", {"metadata": {"labels": {"l": "2"}}})
        await api.delete(f"{CONFIG_MAPS}/a")
        await api.made(CONFIG_MAPS, config_map("b", labels={"l": "1"}))
        assert await stream.take(2) == [("ADDED", "a"), ("MODIFIED", "a")]
        gone = await stream.next()
        assert gone["type"] == "DELETED"
        assert gone["object"]["metadata"]["labels"] == {"l": "1"}  # As it last matched.
        assert gone["object"]["metadata"]["resourceVersion"] == left.version
        assert await stream.take(1) == [("ADDED", "b")]


async def test_other_namespaces_are_not_seen(api):
    await api.made("/api/v1/namespaces", {"metadata": {"name": "other"}})
    version = (await api.get(CONFIG_MAPS)).version
    async with api.watch(CONFIG_MAPS, resourceVersion=version) as stream:
        await api.made("/api/v1/namespaces/other/configmaps", config_map("there"))
        await api.made(CONFIG_MAPS, config_map("here"))
        assert await stream.take(1) == [("ADDED", "here")]


async def test_a_version_older_than_the_history_is_an_error_in_the_stream(serve):
    async with serve(history=2) as api:
        for number in range(8):
            await api.made(CONFIG_MAPS, config_map(f"m{number}"))
        async with api.watch(CONFIG_MAPS, resourceVersion="1") as stream:
            event = await stream.next()
            assert stream.response.status == 200
            assert event["type"] == "ERROR"
            assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")
            assert event["object"]["message"].startswith("too old resource version: 1 (")
            assert await stream.next() is None


async def test_a_watcher_that_falls_behind_is_told_and_costs_no_memory(serve):
    async with serve(history=4) as api, api.watch(CONFIG_MAPS) as stream:
        await stream.next()
        text = "x" * 400_000  # More than the sockets between the two can hold.
        for number in range(30):
            await api.made(CONFIG_MAPS, config_map(f"m{number:02}", {"x": text}))
        types = []
        while (line := await _long_line(stream)) is not None:
            types.append(json.loads(line)["type"])
        assert types[-1] == "ERROR"
        assert len(types) < 30


async def _long_line(stream):
    line = b""
    while not line.endswith(b"\n"):
        chunk = await stream.response.content.readany()
        if not chunk:
            return line or None
        line += chunk
    *_, last = line.splitlines()
    return last


async def test_a_version_yet_to_come_lets_nothing_older_through(api):
    version = api.server.cluster.store.revision + 2
    async with api.watch(CONFIG_MAPS, resourceVersion=str(version)) as stream:
        for name in "abc":
            await api.made(CONFIG_MAPS, config_map(name))
        assert await stream.take(1) == [("ADDED", "c")]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"sendInitialEvents": "true"}, "requires setting resourceVersionMatch to NotOlderThan"),
        ({"resourceVersionMatch": "NotOlderThan"}, "forbidden for watch unless sendInitialEvents"),
    ],
)
async def test_options_that_make_no_sense_are_refused(api, query, message):
    refused = await api.get(CONFIG_MAPS, watch="1", **query)
    assert refused.status == 422
    assert message in refused.message


async def test_a_watch_ends_when_its_time_is_over(serve):
    clock = VirtualClock(datetime(2026, 1, 1, tzinfo=UTC))
    async with serve(clock=clock, random=random.Random(1)) as api:
        version = (await api.get(CONFIG_MAPS)).version
        async with api.watch(CONFIG_MAPS, resourceVersion=version, timeoutSeconds="30") as stream:
            await clock.advance(31)
            assert await stream.next() is None


async def test_a_timeout_of_zero_is_none(api):
    async with api.watch(CONFIG_MAPS, resourceVersion="1", timeoutSeconds="0") as stream:
        assert (await stream.next())["type"] == "ADDED"
        await api.made(CONFIG_MAPS, config_map("zz"))
        while (await stream.next())["object"]["metadata"]["name"] != "zz":
            pass


async def test_bookmarks_come_each_minute_and_before_the_end(serve):
    clock = VirtualClock(datetime(2026, 1, 1, tzinfo=UTC))
    async with serve(clock=clock) as api:
        version = (await api.get(CONFIG_MAPS)).version
        query = {"allowWatchBookmarks": "true", "timeoutSeconds": "100"}
        async with api.watch(CONFIG_MAPS, resourceVersion=version, **query) as stream:
            await api.made("/api/v1/namespaces", {"metadata": {"name": "elsewhere"}})
            await clock.advance(60)
            first = await stream.next()
            assert first["type"] == "BOOKMARK"
            assert int(first["object"]["metadata"]["resourceVersion"]) > int(version)
            await clock.advance(38)
            assert (await stream.next())["type"] == "BOOKMARK"
            await clock.advance(2)
            assert await stream.next() is None


async def test_an_object_in_another_form_is_made_once_for_all_watchers(api):
    version = (await api.get(CONFIG_MAPS)).version
    partial = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
    query = {"watch": "1", "resourceVersion": version}
    async with (
        Stream(api, CONFIG_MAPS, query, partial) as one,
        Stream(api, CONFIG_MAPS, {**query, "labelSelector": "l"}, partial) as two,
    ):
        await api.made(CONFIG_MAPS, config_map("a", labels={"l": "1"}))
        assert await one.take(1) == await two.take(1)
    history = api.server.cluster.store.collection("/configmaps").history
    assert len(history.read(history.end - 1)[0].forms) == 1


async def test_the_old_watch_path_and_watches_of_one_object(api):
    await api.made(CONFIG_MAPS, config_map("a"))
    async with api.watch("/api/v1/watch/namespaces/default/configmaps/a") as stream:
        assert await stream.take(1) == [("ADDED", "a")]


async def test_stopping_the_server_ends_every_watch_cleanly(serve):
    async with serve() as api, api.watch(CONFIG_MAPS) as stream:
        await stream.next()
        await asyncio.gather(api.server.stop(), stream.next())
        assert await stream.next() is None
