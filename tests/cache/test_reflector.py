import asyncio
from random import Random

import pytest

from mlctl_core.cache.backoff import Backoff
from mlctl_core.cache.reflector import Reflector
from mlctl_core.client.client import Client
from mlctl_core.objects.kinds import POD
from mlctl_core.testing.clock import VirtualClock
from mlctl_core.testing.scripted_server import ScriptedServer, status_body


class Recorder:
    """A sink that writes down what it is told."""

    def __init__(self):
        self.told = []
        self.entries = ()
        self._more = asyncio.Event()

    def _note(self, *what):
        self.told.append(what)
        self._more.set()

    def replaced(self, entries, resource_version):
        self.entries = entries
        self._note("replaced", sorted(e.metadata.name for e in entries), resource_version)

    def changed(self, entry):
        self._note("changed", entry.metadata.name, entry.metadata.resource_version)

    def deleted(self, entry):
        self._note("deleted", entry.metadata.name, entry.metadata.resource_version)

    def reached(self, resource_version):
        self._note("reached", resource_version)

    def restarted(self, reason):
        self._note("restarted", reason)

    async def until(self, *what):
        """Wait to be told so."""
        async with asyncio.timeout(5):
            while what not in self.told:
                self._more.clear()
                await self._more.wait()

    @property
    def restarts(self):
        return [what[1] for what in self.told if what[0] == "restarted"]


class Rig:
    """A reflector between a scripted server and a recorder, on a clock that stands still."""

    def __init__(self, server, clock, client):
        self.server = server
        self.clock = clock
        self.sink = Recorder()
        self.reflector = Reflector(client, POD, self.sink, clock=clock, random=Random(1))
        self.task = asyncio.create_task(self.reflector.run())

    async def next(self):
        return await self.server.next()

    async def next_list(self):
        """The next request, which has to be a list."""
        request = await self.next()
        assert "watch" not in request.query
        return request

    async def next_watch(self):
        """The next request, which has to be a watch that begins where one left off."""
        request = await self.next()
        assert request.query.get("watch") == "true"
        assert "sendInitialEvents" not in request.query
        return request

    async def next_stream(self):
        """The next request, which has to be a list by watching."""
        request = await self.next()
        assert request.query.get("sendInitialEvents") == "true"
        return request

    async def refuse_streaming(self):
        """Be an old server."""
        (await self.next_stream()).fail(400, "BadRequest")

    async def listed(self, *names, version="10"):
        """Get as far as the first watch, which is returned, by an ordinary list."""
        await self.refuse_streaming()
        (await self.next_list()).reply(pods(*names, version=version))
        return await self.next_watch()

    async def sleeping(self):
        """Wait until the reflector waits by itself; for how long it is going to."""
        async with asyncio.timeout(5):
            while not self.clock.sleepers:
                await asyncio.sleep(0)
        return self.clock.next_timer() - self.clock.monotonic()

    async def break_connection(self, request):
        """Answer nothing, also when aiohttp sends the same once more by itself."""
        request.cut()
        (await self.next()).cut()

    async def retry(self):
        """Let it wait for as long as it wants to."""
        await self.clock.advance(await self.sleeping())


@pytest.fixture
async def rig():
    clock = VirtualClock()
    async with ScriptedServer() as server, Client(server.config(), clock=clock) as client:
        rig = Rig(server, clock, client)
        yield rig
        rig.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await rig.task


def pod(name, version="5"):
    return {"metadata": {"name": name, "namespace": "n", "resourceVersion": version}}


def pods(*names, version="10"):
    return {"metadata": {"resourceVersion": version}, "items": [pod(name) for name in names]}


class TestStart:
    async def test_it_is_a_consistent_stream_where_the_server_can(self, rig):
        stream = await rig.next_stream()
        assert "resourceVersion" not in stream.query
        await stream.event("ADDED", pod("a", "9"))
        await stream.event("ADDED", pod("b", "3"))
        await stream.bookmark("10", initial_events_end=True)
        await stream.event("ADDED", pod("c", "11"))
        await rig.sink.until("changed", "c", "11")
        assert rig.sink.told == [("replaced", ["a", "b"], "10"), ("changed", "c", "11")]

    async def test_else_a_consistent_list_in_the_same_breath(self, rig):
        await rig.refuse_streaming()
        request = await rig.next_list()
        assert "resourceVersion" not in request.query
        assert request.query["limit"] == "500"
        assert rig.clock.monotonic() == 0

    @pytest.mark.parametrize("status", [400, 403, 405, 422, 500])
    async def test_any_answer_that_may_mean_no_streaming_leads_to_a_list(self, rig, status):
        (await rig.next_stream()).fail(status)
        await rig.next_list()
        assert rig.clock.monotonic() == 0

    async def test_streaming_is_not_tried_again_once_it_was_refused(self, rig):
        watch = await rig.listed()
        watch.fail(410, "Expired")
        assert (await rig.next_list()).query == {"resourceVersion": "10"}

    @pytest.mark.parametrize("status", [401, 404, 429, 503])
    async def test_what_a_list_would_meet_too_is_waited_for(self, rig, status):
        (await rig.next_stream()).fail(status)
        await rig.retry()
        await rig.next_stream()

    async def test_what_a_broken_stream_sent_is_thrown_away(self, rig):
        stream = await rig.next_stream()
        await stream.event("ADDED", pod("a"))
        await stream.send(b'{"type":"ADDED","obj')
        stream.cut()
        await rig.retry()
        again = await rig.next_stream()
        await again.event("ADDED", pod("b"))
        await again.bookmark("10", initial_events_end=True)
        await rig.sink.until("replaced", ["b"], "10")
        assert len(rig.sink.told) == 1

    async def test_a_stream_that_ends_before_the_list_does_is_thrown_away_too(self, rig):
        stream = await rig.next_stream()
        await stream.event("ADDED", pod("a"))
        stream.end()
        await rig.retry()
        await rig.next_stream()
        assert rig.sink.told == []

    async def test_an_ordinary_bookmark_does_not_end_the_initial_events(self, rig):
        stream = await rig.next_stream()
        await stream.event("ADDED", pod("a"))
        await stream.bookmark("7")
        await stream.event("ADDED", pod("b"))
        await stream.bookmark("10", initial_events_end=True)
        await rig.sink.until("replaced", ["a", "b"], "10")

    async def test_changes_among_the_initial_events_are_taken_into_account(self, rig):
        stream = await rig.next_stream()
        await stream.event("ADDED", pod("a"))
        await stream.event("ADDED", pod("b"))
        await stream.event("DELETED", pod("a"))
        await stream.bookmark("10", initial_events_end=True)
        await rig.sink.until("replaced", ["b"], "10")

    async def test_initial_events_in_any_order_do_not_move_the_version(self, rig):
        stream = await rig.next_stream()
        for version in ("9", "3", "7"):
            await stream.event("ADDED", pod(f"p{version}", version))
        stream.cut()
        await rig.retry()
        assert "resourceVersion" not in (await rig.next_stream()).query

    async def test_what_was_streamed_is_not_held_once_it_is_handed_on(self, rig):
        stream = await rig.next_stream()
        for name in ("a", "b"):
            await stream.event("ADDED", pod(name))
        await stream.bookmark("10", initial_events_end=True)
        await stream.bookmark("11")
        await rig.sink.until("reached", "11")
        assert not rig.sink.entries

    async def test_pages_are_put_together(self, rig):
        await rig.refuse_streaming()
        page = pods("a")
        page["metadata"]["continue"] = "t"
        (await rig.next_list()).reply(page)
        (await rig.next_list()).reply(pods("b"))
        await rig.sink.until("replaced", ["a", "b"], "10")


class TestWatch:
    async def test_it_begins_at_the_list_s_version(self, rig):
        watch = await rig.listed(version="10")
        assert watch.query["resourceVersion"] == "10"

    async def test_events_are_told_in_order(self, rig):
        watch = await rig.listed("a")
        await watch.event("MODIFIED", pod("a", "11"))
        await watch.event("ADDED", pod("b", "12"))
        await watch.event("DELETED", pod("a", "13"))
        await rig.sink.until("deleted", "a", "13")
        assert rig.sink.told[1:] == [
            ("changed", "a", "11"),
            ("changed", "b", "12"),
            ("deleted", "a", "13"),
        ]

    async def test_a_clean_end_leads_to_a_watch_from_there_without_a_list(self, rig):
        watch = await rig.listed("a")
        await watch.event("MODIFIED", pod("a", "11"))
        await rig.sink.until("changed", "a", "11")
        watch.end()
        assert (await rig.next_watch()).query["resourceVersion"] == "11"
        assert rig.sink.restarts == ["closed"]
        assert rig.clock.monotonic() == 0

    async def test_a_streamed_list_that_ended_cleanly_is_followed_by_a_watch(self, rig):
        stream = await rig.next_stream()
        await stream.bookmark("10", initial_events_end=True)
        await stream.event("ADDED", pod("a", "11"))
        await rig.sink.until("changed", "a", "11")
        stream.end()
        assert (await rig.next_watch()).query["resourceVersion"] == "11"
        assert rig.sink.restarts == ["closed"]

    async def test_a_bookmark_moves_the_version_and_nothing_else(self, rig):
        watch = await rig.listed("a")
        for version in range(20, 120):
            await watch.bookmark(str(version))
        await rig.sink.until("reached", "119")
        assert {what[0] for what in rig.sink.told} == {"replaced", "reached"}
        watch.end()
        assert (await rig.next_watch()).query["resourceVersion"] == "119"

    async def test_the_version_does_not_go_back(self, rig):
        watch = await rig.listed("a")
        await watch.event("MODIFIED", pod("a", "15"))
        await watch.event("MODIFIED", pod("b", "12"))
        await watch.event("BOOKMARK", {"metadata": {}})
        await watch.bookmark("13")
        await rig.sink.until("reached", "13")
        watch.end()
        assert (await rig.next_watch()).query["resourceVersion"] == "15"

    async def test_events_of_an_unknown_type_are_left_out(self, rig):
        watch = await rig.listed()
        await watch.event("SOMETHING", pod("a", "11"))
        await watch.event("ADDED", pod("b", "12"))
        await rig.sink.until("changed", "b", "12")
        assert len(rig.sink.told) == 2

    async def test_the_server_is_asked_to_end_watches_at_random_times(self, rig):
        watch = await rig.listed()
        seconds = set()
        for version in range(20, 30):
            seconds.add(int(watch.query["timeoutSeconds"]))
            await watch.bookmark(str(version))
            await rig.sink.until("reached", str(version))
            watch.end()
            watch = await rig.next_watch()
        assert len(seconds) > 5
        assert all(300 <= s <= 600 for s in seconds)

    async def test_a_watch_that_ends_at_once_and_empty_is_a_failure(self, rig):
        watch = await rig.listed()
        await watch.stream()
        watch.end()
        assert 0.8 <= await rig.sleeping() < 1.6
        await rig.retry()
        await rig.next_list()

    async def test_an_empty_watch_that_lasted_is_none(self, rig):
        watch = await rig.listed()
        await watch.stream()
        await rig.clock.advance(2)
        watch.end()
        await rig.next_watch()

    async def test_silence_is_noticed_and_nothing_is_lost(self, rig):
        watch = await rig.listed("a")
        await watch.event("MODIFIED", pod("a", "11"))
        await rig.sink.until("changed", "a", "11")
        await rig.clock.advance(75)
        assert (await rig.next_watch()).query["resourceVersion"] == "11"
        assert rig.sink.restarts == ["silent"]

    async def test_a_good_connection_that_breaks_is_made_anew_at_once(self, rig):
        watch = await rig.listed("a")
        await watch.event("MODIFIED", pod("a", "11"))
        await rig.sink.until("changed", "a", "11")
        await rig.clock.advance(5)
        await watch.send(b'{"type":"MODIFIED","object":{"meta')
        watch.cut()
        assert (await rig.next_watch()).query["resourceVersion"] == "11"
        assert rig.clock.monotonic() == 5
        assert rig.sink.restarts == ["connection"]

    async def test_a_connection_that_breaks_at_once_is_waited_for_without_a_list(self, rig):
        await rig.break_connection(await rig.listed())
        await rig.retry()
        assert (await rig.next_watch()).query["resourceVersion"] == "10"

    async def test_a_connection_that_took_long_to_fail_is_no_good_one(self, rig):
        watch = await rig.listed()
        await rig.clock.advance(5)
        await rig.break_connection(watch)
        assert 0.8 <= await rig.sleeping() < 1.6

    @pytest.mark.parametrize("in_stream", [False, True])
    async def test_throttling_is_waited_for_without_a_list(self, rig, in_stream):
        watch = await rig.listed()
        if in_stream:
            await watch.event("ERROR", status_body(429, "TooManyRequests"))
        else:
            watch.fail(429, "TooManyRequests")
        await rig.retry()
        assert (await rig.next_watch()).query["resourceVersion"] == "10"
        assert rig.sink.restarts == ["throttled"]

    async def test_the_server_may_ask_for_a_longer_wait(self, rig):
        watch = await rig.listed()
        watch.fail(429, "TooManyRequests", details={"retryAfterSeconds": 40})
        assert await rig.sleeping() == 40

    @pytest.mark.parametrize("status", [401, 403, 500, 502, 503])
    async def test_other_errors_are_waited_for_without_a_list(self, rig, status):
        watch = await rig.listed()
        watch.fail(status)
        await rig.retry()
        assert (await rig.next_watch()).query["resourceVersion"] == "10"
        assert rig.sink.restarts == ["refused"]

    async def test_a_frame_that_cannot_be_read_leads_to_a_list_after_a_wait(self, rig):
        watch = await rig.listed("a")
        await watch.send(b"{broken\n")
        assert 0.8 <= await rig.sleeping() < 1.6
        await rig.retry()
        assert (await rig.next_list()).query == {"resourceVersion": "10"}
        assert rig.sink.restarts == ["malformed"]


class TestExpiry:
    @pytest.mark.parametrize("reason", ["Expired", "Gone"])
    @pytest.mark.parametrize("in_stream", [False, True])
    async def test_it_leads_to_a_list_at_the_last_version_then_without(
        self, rig, reason, in_stream
    ):
        watch = await rig.listed()
        if in_stream:
            await watch.event("ERROR", status_body(410, reason))
        else:
            watch.fail(410, reason)
        first = await rig.next_list()
        assert first.query == {"resourceVersion": "10"}
        first.fail(410, reason)
        second = await rig.next_list()
        assert "resourceVersion" not in second.query
        assert rig.clock.monotonic() == 0
        second.reply(pods("a", version="99"))
        assert (await rig.next_watch()).query["resourceVersion"] == "99"
        assert rig.sink.restarts == ["expired"]

    async def test_streamed_lists_do_the_same(self, rig):
        stream = await rig.next_stream()
        await stream.bookmark("10", initial_events_end=True)
        await stream.event("ERROR", status_body(410, "Expired"))
        first = await rig.next_stream()
        assert first.query["resourceVersion"] == "10"
        first.fail(410, "Expired")
        assert "resourceVersion" not in (await rig.next_stream()).query
        assert rig.clock.monotonic() == 0

    async def test_without_a_version_it_is_an_ordinary_error(self, rig):
        await rig.refuse_streaming()
        (await rig.next_list()).fail(410, "Expired")
        assert await rig.sleeping() >= 0.8

    async def test_a_server_that_knows_no_version_is_not_asked_in_a_loop(self, rig):
        watch = await rig.listed()
        watch.fail(410, "Expired")
        (await rig.next_list()).reply(pods(version="11"))
        (await rig.next_watch()).fail(410, "Expired")
        assert await rig.sleeping() >= 0.8
        await rig.retry()
        (await rig.next_list()).reply(pods(version="12"))
        (await rig.next_watch()).fail(410, "Expired")
        assert await rig.sleeping() >= 0.8

    async def test_nor_is_one_that_does_not_even_list_at_its_own_versions(self, rig):
        watch = await rig.listed()
        watch.fail(410, "Expired")
        (await rig.next_list()).fail(410, "Expired")
        (await rig.next_list()).reply(pods(version="11"))
        (await rig.next_watch()).fail(410, "Expired")
        assert await rig.sleeping() >= 0.8

    @pytest.mark.parametrize(
        "more",
        [
            {"details": {"causes": [{"reason": "ResourceVersionTooLarge"}]}},
            {"details": {"causes": [{"message": "Too large resource version"}]}},
            {"message": "Too large resource version: 10, current: 7"},
        ],
    )
    @pytest.mark.parametrize("by", ["watch", "list"])
    async def test_a_version_the_server_has_not_seen_is_given_up_at_once(self, rig, more, by):
        watch = await rig.listed()
        if by == "list":
            watch.fail(410, "Expired")
            watch = await rig.next_list()
        watch.fail(504, "Timeout", **more)
        assert "resourceVersion" not in (await rig.next_list()).query
        assert rig.clock.monotonic() == 0

    async def test_another_timeout_is_an_ordinary_error(self, rig):
        watch = await rig.listed()
        watch.fail(504, "Timeout")
        await rig.retry()
        assert (await rig.next_watch()).query["resourceVersion"] == "10"


class TestFailures:
    async def test_waits_double_up_to_the_cap_and_spread(self, rig):
        waits = []
        for _ in range(9):
            await rig.break_connection(await rig.next_stream())
            waits.append(await rig.sleeping())
            await rig.retry()
        for wait, base in zip(waits, [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30, 30], strict=True):
            assert base <= wait < 2 * base

    async def test_a_kind_that_the_server_does_not_know_is_asked_for_each_ten_seconds(self, rig):
        for _ in range(5):
            (await rig.next_stream()).fail(404, "NotFound")
            assert await rig.sleeping() == 10
            await rig.retry()

    async def test_the_reason_is_told_until_it_works(self, rig):
        (await rig.next_stream()).fail(404, "NotFound", message="no such kind")
        await rig.sleeping()
        assert "no such kind" in str(rig.reflector.last_error)
        await rig.retry()
        stream = await rig.next_stream()
        await stream.bookmark("10", initial_events_end=True)
        await rig.sink.until("replaced", [], "10")
        assert rig.reflector.last_error is None

    async def test_it_stops_at_once_also_in_the_middle_of_a_list(self, rig):
        await rig.next_stream()
        rig.task.cancel()
        await asyncio.wait([rig.task], timeout=5)
        assert rig.task.cancelled()

    async def test_it_says_for_how_long_it_has_heard_nothing(self, rig):
        watch = await rig.listed()
        await rig.clock.advance(30)
        assert rig.reflector.seconds_since_heard == 30
        await watch.bookmark("11")
        await rig.sink.until("reached", "11")
        assert rig.reflector.seconds_since_heard == 0


class TestOddObjects:
    async def test_an_undecodable_object_does_not_stop_the_others(self, rig):
        await rig.refuse_streaming()
        odd = pod("odd")
        odd["metadata"]["labels"] = {"a": 3}
        body = pods("a", "b")
        body["items"].insert(1, odd)
        (await rig.next_list()).reply(body)
        await rig.sink.until("replaced", ["a", "b", "odd"], "10")
        watch = await rig.next_watch()
        odd["metadata"]["resourceVersion"] = "11"
        await watch.event("MODIFIED", odd)
        await watch.event("MODIFIED", pod("a", "12"))
        await rig.sink.until("changed", "a", "12")
        assert ("changed", "odd", "11") in rig.sink.told

    async def test_an_object_without_a_name_is_left_out(self, rig):
        watch = await rig.listed()
        await watch.event("ADDED", {"metadata": {"resourceVersion": "11"}})
        await watch.event("ADDED", pod("a", "12"))
        await rig.sink.until("changed", "a", "12")
        assert len(rig.sink.told) == 2


async def test_what_a_sink_raises_comes_out(monkeypatch):
    class Broken(Recorder):
        def replaced(self, entries, resource_version):
            raise ZeroDivisionError

    async with ScriptedServer() as server, Client(server.config()) as client:
        reflector = Reflector(client, POD, Broken(), clock=VirtualClock(), random=Random(1))
        task = asyncio.create_task(reflector.run())
        stream = await server.next()
        await stream.bookmark("10", initial_events_end=True)
        with pytest.raises(ZeroDivisionError):
            await task


def test_the_backoff_starts_over_after_two_quiet_minutes():
    clock = VirtualClock()
    backoff = Backoff(clock, Random(1))
    for _ in range(10):
        last = backoff.seconds()
    clock._elapsed += last + 119
    assert backoff.seconds() >= 30
    clock._elapsed += 60 + 120
    assert backoff.seconds() < 1.6
