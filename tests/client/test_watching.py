import asyncio
import json
from contextlib import aclosing

import pytest

from mlctl_core.client import watching
from mlctl_core.client.errors import (
    ApiError,
    ConnectionFailedError,
    ForbiddenError,
    GoneError,
    MalformedResponseError,
    RequestTimeoutError,
    TooManyRequestsError,
)
from mlctl_core.client.session import ERROR_SECONDS
from mlctl_core.objects.kinds import POD
from mlctl_core.testing.scripted_server import status_body


class Collected:
    """A watch that is being read by a task of its own."""

    def __init__(self, client, **options):
        self.events = []
        self.task = asyncio.create_task(self._read(client, options))
        self._more = asyncio.Event()

    async def _read(self, client, options):
        async with aclosing(client.watch(POD, **options)) as events:
            async for event in events:
                self.events.append((event.type, json.loads(event.raw)))
                self._more.set()

    async def count(self, number):
        async with asyncio.timeout(5):
            while len(self.events) < number:
                self._more.clear()
                await self._more.wait()


def pod(name, version="1"):
    return {"metadata": {"name": name, "resourceVersion": version}}


async def test_events_come_one_by_one_without_managed_fields(client, server):
    watch = Collected(client, resource_version="5")
    stream = await (await server.next()).stream()
    await stream.event("ADDED", {"metadata": {"name": "a", "managedFields": [{}]}})
    await watch.count(1)
    await stream.event("BOOKMARK", {"metadata": {"resourceVersion": "7"}})
    stream.end()
    await watch.task
    assert watch.events == [
        ("ADDED", {"metadata": {"name": "a"}}),
        ("BOOKMARK", {"metadata": {"resourceVersion": "7"}}),
    ]


async def test_the_watch_asks_for_bookmarks_and_for_its_own_end(client, server):
    watch = Collected(client, resource_version="5", label_selector="a=b", timeout_seconds=7)
    request = await server.next()
    await request.stream()
    request.end()
    await watch.task
    assert request.query == {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": "5",
        "labelSelector": "a=b",
        "timeoutSeconds": "7",
    }


async def test_initial_events_are_asked_for_the_way_old_servers_refuse(client, server):
    watch = Collected(client, send_initial_events=True)
    request = await server.next()
    await request.stream()
    request.end()
    await watch.task
    assert request.query["sendInitialEvents"] == "true"
    assert request.query["resourceVersionMatch"] == "NotOlderThan"
    assert "resourceVersion" not in request.query


async def test_a_frame_in_many_pieces_is_one_event(client, server):
    watch = Collected(client)
    stream = await (await server.next()).stream()
    frame = json.dumps({"type": "ADDED", "object": pod("ä" * 50)}, ensure_ascii=False).encode()
    for i in range(0, len(frame), 7):
        await stream.send(frame[i : i + 7])
    await stream.send(b"\n")
    await watch.count(1)
    assert watch.events[0][1]["metadata"]["name"] == "ä" * 50


async def test_many_frames_in_one_piece_are_many_events(client, server):
    watch = Collected(client)
    stream = await (await server.next()).stream()
    frames = [json.dumps({"type": "ADDED", "object": pod(str(i))}).encode() for i in range(100)]
    await stream.send(b"\n".join(frames) + b"\n\n")
    await watch.count(100)
    assert [e[1]["metadata"]["name"] for e in watch.events] == [str(i) for i in range(100)]


async def test_an_object_of_two_megabytes_gets_through(client, server):
    watch = Collected(client)
    stream = await (await server.next()).stream()
    await stream.event("ADDED", {"data": "x" * 2_000_000})
    await watch.count(1)
    assert len(watch.events[0][1]["data"]) == 2_000_000


async def test_a_frame_without_an_end_is_given_up(client, server, monkeypatch):
    monkeypatch.setattr(watching, "MAX_FRAME_BYTES", 1000)
    watch = Collected(client)
    stream = await (await server.next()).stream()
    await stream.send(b"x" * 1001)
    with pytest.raises(MalformedResponseError, match="1000 bytes"):
        await watch.task


async def test_the_bound_is_on_one_frame_and_not_on_the_stream(client, server, monkeypatch):
    monkeypatch.setattr(watching, "MAX_FRAME_BYTES", 1000)
    watch = Collected(client)
    stream = await (await server.next()).stream()
    for i in range(50):
        await stream.event("ADDED", pod(str(i)))
    await watch.count(50)


@pytest.mark.parametrize(
    "cut_at", [b'{"type":"ADD', b'{"type":"ADDED","object":{}}', b'{"type":"ADDED","object":"\xc3']
)
async def test_a_frame_that_was_cut_off_is_never_reported(client, server, cut_at):
    watch = Collected(client)
    stream = await (await server.next()).stream()
    await stream.event("ADDED", pod("a"))
    await watch.count(1)
    await stream.send(cut_at)
    stream.cut()
    with pytest.raises(ConnectionFailedError):
        await watch.task
    assert len(watch.events) == 1


async def test_half_a_frame_at_a_clean_end_is_not_reported_either(client, server):
    watch = Collected(client)
    stream = await (await server.next()).stream()
    await stream.send(b'{"type":"ADDED","object":{}}')
    stream.end()
    await watch.task
    assert watch.events == []


@pytest.mark.parametrize("line", [b"{broken", b"<html>", b'{"type":"ADDED"}', b'["ADDED"]'])
async def test_a_line_that_is_no_event_is_an_error(client, server, line):
    watch = Collected(client)
    stream = await (await server.next()).stream()
    await stream.send(line + b"\n")
    with pytest.raises(MalformedResponseError):
        await watch.task


@pytest.mark.parametrize(
    ("code", "reason", "error"),
    [
        (410, "Expired", GoneError),
        (410, "Gone", GoneError),
        (429, "TooManyRequests", TooManyRequestsError),
        (500, "InternalError", ApiError),
    ],
)
async def test_an_error_event_is_raised(client, server, code, reason, error):
    watch = Collected(client)
    stream = await (await server.next()).stream()
    await stream.event("ERROR", status_body(code, reason))
    with pytest.raises(error) as caught:
        await watch.task
    assert caught.value.status == code


async def test_an_error_status_is_raised_the_same_way(client, server):
    watch = Collected(client)
    (await server.next()).fail(403, "Forbidden")
    with pytest.raises(ForbiddenError):
        await watch.task


async def test_a_throttled_watch_is_not_retried_here(client, server):
    watch = Collected(client)
    (await server.next()).fail(429, "TooManyRequests", details={"retryAfterSeconds": 1})
    with pytest.raises(TooManyRequestsError):
        await watch.task
    assert server.received == 1


async def test_silence_for_the_read_deadline_is_a_dead_connection(client, server, clock):
    watch = Collected(client, read_deadline=75)
    stream = await (await server.next()).stream()
    await stream.event("ADDED", pod("a"))
    await watch.count(1)
    await clock.advance(74.9)
    assert not watch.task.done()
    await clock.advance(0.1)
    with pytest.raises(RequestTimeoutError, match="75 s"):
        await watch.task


async def test_any_byte_puts_the_read_deadline_off(client, server, clock):
    watch = Collected(client, read_deadline=75)
    stream = await (await server.next()).stream()
    for number in range(5):
        await stream.bookmark(str(number))
        await watch.count(number + 1)
        await clock.advance(60)
    assert not watch.task.done()
    await clock.advance(15)
    with pytest.raises(RequestTimeoutError):
        await watch.task


async def test_a_watch_that_never_begins_is_given_up_too(client, server, clock):
    watch = Collected(client, read_deadline=75)
    await server.next()
    await clock.advance(75)
    with pytest.raises(RequestTimeoutError):
        await watch.task


async def test_leaving_early_leaves_no_timer_behind(client, server, clock):
    watch = Collected(client)
    stream = await (await server.next()).stream()
    await stream.event("ADDED", pod("a"))
    await watch.count(1)
    watch.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watch.task
    assert clock.next_timer() is None


async def test_a_refusal_that_breaks_off_in_the_middle_is_not_waited_for(client, server, clock):
    watch = Collected(client)
    request = await (await server.next()).stream(500)
    await request.send(b'{"kind":"Sta')
    async with asyncio.timeout(5):
        while clock.next_timer() != ERROR_SECONDS:
            await asyncio.sleep(0)
    await clock.advance(ERROR_SECONDS)
    with pytest.raises(RequestTimeoutError):
        await watch.task
    request.cut()


def test_the_read_deadline_leaves_time_for_a_bookmark_a_minute():
    assert 60 < watching.READ_DEADLINE_SECONDS <= 75
