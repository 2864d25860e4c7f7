from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import attrs
import pytest

from mlctl_core.objects.kinds import EVENT, NODE, POD
from mlctl_core.objects.metadata import Metadata
from mlctl_core.telemetry import events
from mlctl_core.telemetry.events import EventRecorder, Note
from mlctl_core.telemetry.metrics import Metrics
from mlctl_core.testing.clock import VirtualClock

METADATA = Metadata(name="p", namespace="ns", uid="u1")
NOTE = Note(
    kind=POD,
    metadata=METADATA,
    type="Warning",
    reason="QuotaExceeded",
    message="ask for more",
    action="Write",
    controller="pythonjob",
)


class RefusedError(Exception):
    def __init__(self, status, details=None):
        super().__init__(status)
        self.status = status
        self.details = details or {}


class Sink:
    """A client's part that the recorder uses; raises what the test says, then takes all."""

    def __init__(self):
        self.requests = []
        self.errors = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def create(self, kind, body, namespace="", *, field_manager):
        await self.answer("create", body["metadata"]["name"], namespace, body)

    async def patch(self, kind, name, patch, namespace="", *, field_manager):
        await self.answer("patch", name, namespace, patch)

    async def answer(self, *request):
        await self.gate.wait()
        self.requests.append(request)
        if self.errors:
            error = self.errors.pop(0)
            if error is not None:
                raise error

    def verbs(self):
        return [request[0] for request in self.requests]


class Rig:
    def __init__(self):
        self.clock = VirtualClock()
        self.metrics = Metrics()
        self.sink = Sink()
        self.recorder = EventRecorder(
            self.sink, clock=self.clock, metrics=self.metrics, identity="pod-1"
        )

    def dropped(self, reason):
        name = "mlctl_dropped_events_total"
        return self.metrics.registry.get_sample_value(name, {"reason": reason}) or 0


@asynccontextmanager
async def running():
    rig = Rig()
    task = asyncio.create_task(rig.recorder.run())
    yield rig
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_an_event_says_everything_that_the_api_asks_for():
    async with running() as rig:
        rig.recorder.record(NOTE)
        await rig.clock.settle()
        ((verb, name, namespace, body),) = rig.sink.requests
    assert (verb, namespace) == ("create", "ns")
    assert name.startswith("p.")
    assert body == {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": "ns"},
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "pythonjob",
        "reportingInstance": "pod-1",
        "type": "Warning",
        "reason": "QuotaExceeded",
        "action": "Write",
        "note": "ask for more",
        "regarding": {
            "apiVersion": "v1",
            "kind": "Pod",
            "namespace": "ns",
            "name": "p",
            "uid": "u1",
        },
    }
    assert EVENT.api_version == body["apiVersion"]


async def test_events_of_cluster_scoped_objects_are_in_default():
    async with running() as rig:
        node = attrs.evolve(NOTE, kind=NODE, metadata=Metadata(name="n", uid="u"))
        rig.recorder.record(node)
        await rig.clock.settle()
        ((_, _, namespace, body),) = rig.sink.requests
    assert namespace == body["metadata"]["namespace"] == "default"
    assert "namespace" not in body["regarding"]


async def test_the_same_words_become_a_series_that_is_written_once_a_minute():
    async with running() as rig:
        for _ in range(5):
            rig.recorder.record(NOTE)
            await rig.clock.advance(1)
        assert rig.sink.verbs() == ["create"]
        await rig.clock.advance(events.SERIES_INTERVAL)
        assert rig.sink.verbs() == ["create", "patch"]
        assert rig.sink.requests[1][3] == {
            "series": {"count": 5, "lastObservedTime": "2026-01-01T00:00:04.000000Z"}
        }
        await rig.clock.advance(3600)
        assert rig.sink.verbs() == ["create", "patch"]


async def test_other_words_are_another_event():
    async with running() as rig:
        rig.recorder.record(NOTE)
        rig.recorder.record(attrs.evolve(NOTE, message="even more"))
        rig.recorder.record(attrs.evolve(NOTE, metadata=Metadata(name="p", uid="u2")))
        await rig.clock.settle()
    assert rig.sink.verbs() == ["create"] * 3
    assert len({request[1] for request in rig.sink.requests}) == 3


async def test_a_series_whose_event_expired_starts_anew():
    async with running() as rig:
        rig.recorder.record(NOTE)
        await rig.clock.settle()
        rig.sink.errors = [RefusedError(404)]
        await rig.clock.advance(7200)
        rig.recorder.record(NOTE)
        await rig.clock.advance(1)
    assert rig.sink.verbs() == ["create", "patch", "create"]
    assert rig.sink.requests[2][3]["series"]["count"] == 2


async def test_recording_never_waits_and_what_does_not_fit_is_dropped_and_counted():
    async with running() as rig:
        rig.sink.gate.clear()
        for number in range(events.QUEUE_LENGTH + 5):
            metadata = Metadata(name=f"p{number}", namespace="ns", uid=f"u{number}")
            rig.recorder.record(attrs.evolve(NOTE, metadata=metadata))
        assert rig.dropped("queue_full") == 5


async def test_an_object_that_talks_without_end_is_cut_off_and_heard_again_later():
    async with running() as rig:
        for number in range(events.OBJECT_BURST + 3):
            rig.recorder.record(attrs.evolve(NOTE, message=str(number)))
        await rig.clock.settle()
        assert len(rig.sink.requests) == events.OBJECT_BURST
        assert rig.dropped("rate") == 3
        await rig.clock.advance(events.OBJECT_REFILL_SECONDS)
        rig.recorder.record(attrs.evolve(NOTE, message="later"))
        await rig.clock.settle()
        assert len(rig.sink.requests) == events.OBJECT_BURST + 1


TERMINATING = {"causes": [{"reason": "NamespaceTerminating"}]}


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RefusedError(403, TERMINATING), "namespace_terminating"),
        (RefusedError(403), "forbidden"),
        (RefusedError(404), "namespace_gone"),
        (RefusedError(422), "refused"),
    ],
)
async def test_what_the_server_will_never_have_is_not_tried_again(error, reason):
    async with running() as rig:
        rig.sink.errors = [error]
        rig.recorder.record(NOTE)
        await rig.clock.advance(60)
    assert rig.sink.verbs() == ["create"]
    assert rig.dropped(reason) == 1


@pytest.mark.parametrize("error", [RefusedError(500), RefusedError(429), OSError("reset")])
async def test_what_may_pass_is_tried_again_a_few_times(error):
    async with running() as rig:
        rig.sink.errors = [error, error]
        rig.recorder.record(NOTE)
        await rig.clock.advance(60)
        assert rig.sink.verbs() == ["create"] * 3
        rig.sink.errors = [error] * 10
        rig.recorder.record(attrs.evolve(NOTE, message="other"))
        await rig.clock.advance(60)
    assert len(rig.sink.requests) == 3 + events.TRIES
    assert rig.dropped("failed") == 1


async def test_a_create_whose_answer_was_lost_is_recognised():
    async with running() as rig:
        rig.sink.errors = [OSError("reset"), RefusedError(409)]
        rig.recorder.record(NOTE)
        await rig.clock.advance(60)
    assert rig.sink.verbs() == ["create", "create"]
    assert rig.sink.requests[0][1] == rig.sink.requests[1][1]
    assert rig.dropped("refused") == 0


async def test_the_same_history_gives_the_same_events():
    async def history():
        async with running() as rig:
            for _ in range(3):
                rig.recorder.record(NOTE)
                await rig.clock.advance(40)
            return rig.sink.requests

    assert await history() == await history()


async def test_notes_and_names_are_cut_to_what_the_api_takes():
    async with running() as rig:
        metadata = Metadata(name="n" * 253, namespace="ns", uid="u")
        note = attrs.evolve(
            NOTE, metadata=metadata, message="ä" * 2000, reason="R" * 300, action="A" * 300
        )
        rig.recorder.record(note)
        await rig.clock.settle()
        ((_, name, _, body),) = rig.sink.requests
    assert len(name) <= 253
    assert len(body["note"].encode()) <= 1024
    assert body["note"].endswith("ä…")
    assert len(body["reason"]) == len(body["action"]) == 128


async def test_draining_writes_what_is_queued_and_what_was_put_off():
    async with running() as rig:
        rig.recorder.record(NOTE)
        await rig.clock.settle()
        rig.recorder.record(NOTE)
        await rig.recorder.drain()
    assert rig.sink.verbs() == ["create", "patch"]


async def test_draining_has_an_end():
    async with running() as rig:
        rig.sink.gate.clear()
        rig.recorder.record(NOTE)
        task = asyncio.create_task(rig.recorder.drain())
        await rig.clock.advance(events.DRAIN_SECONDS + 1)
        assert task.done()
        await task


async def test_memory_is_bounded():
    async with running() as rig:
        for number in range(events.MAX_SERIES + 10):
            metadata = Metadata(name=f"p{number}", namespace="ns", uid=f"u{number}")
            rig.recorder.record(attrs.evolve(NOTE, metadata=metadata))
        assert len(rig.recorder._series) == events.MAX_SERIES
        assert len(rig.recorder._allowances) == events.MAX_SERIES
