"""Kubernetes Events: what ``kubectl describe`` shows below an object.

Promises that recording never waits and never raises: an event goes into a bounded queue, and
one that does not fit, or that the server will not have, is dropped, counted and logged. The
same words about the same object become one Event with a series (events.k8s.io/v1), and an
object that talks without end is cut off. Does not promise that an event arrives: what must be
known belongs into a status.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

import attrs
import structlog

from mlctl_core.clock import TimerHandle, deadline
from mlctl_core.objects.kinds import EVENT, Kind
from mlctl_core.objects.metadata import Metadata

if TYPE_CHECKING:
    from mlctl_core.clock import Clock
    from mlctl_core.objects.json import Json
    from mlctl_core.telemetry.metrics import Metrics

# client-go's queue length: a burst of a thousand events in one moment is noise.
QUEUE_LENGTH = 1_000
# Series remembered; client-go's cache has the same size. The oldest is forgotten first, and
# its next occurrence starts an Event of its own.
MAX_SERIES = 4_096
# Seconds between two writes of one series: often enough for somebody who looks, rare enough
# that an object that fails every few seconds costs one write a minute.
SERIES_INTERVAL = 60.0
# client-go's spam filter: 25 different events of one object at once, then one in 5 minutes.
OBJECT_BURST = 25
OBJECT_REFILL_SECONDS = 300.0
# An event is worth a few tries over some ten seconds; what follows needs the queue's room.
TRIES = 4
FIRST_RETRY_SECONDS = 1.0
# Limits of the API (validation of events.k8s.io/v1).
MAX_NOTE_BYTES = 1_024
MAX_WORD_CHARACTERS = 128
MAX_NAME_CHARACTERS = 253
# Seconds that the last events get when the process stops.
DRAIN_SECONDS = 2.0

_NOT_FOUND = 404
_FORBIDDEN = 403
_CONFLICT = 409
_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500

_log = structlog.get_logger()


class EventSink(Protocol):
    """The part of a client that the recorder needs; errors carry ``status`` and ``details``."""

    async def create(
        self, kind: Kind, body: Json, namespace: str = "", *, field_manager: str
    ) -> bytes:
        """POST an object."""
        ...

    async def patch(
        self, kind: Kind, name: str, patch: Json, namespace: str = "", *, field_manager: str
    ) -> bytes:
        """PATCH an object with a merge patch."""
        ...


@attrs.frozen(kw_only=True)
class Note:
    """One thing that happened to one object."""

    kind: Kind
    metadata: Metadata
    type: str
    """``Normal`` or ``Warning``."""
    reason: str
    message: str
    action: str
    controller: str
    """Becomes the Event's ``reportingController``."""


@attrs.define
class _Series:
    note: Note
    name: str
    first: datetime
    last: datetime
    count: int = 1
    written_at: float = float("-inf")
    timer: TimerHandle | None = None


@attrs.define
class _Allowance:
    left: float
    at: float


class EventRecorder:
    """Records events through a client; owned by the manager, shared by its controllers.

    `record` may be called before `run` and after it; what does not fit into the queue is
    dropped.
    """

    def __init__(self, sink: EventSink, *, clock: Clock, metrics: Metrics, identity: str) -> None:
        """Args: ``identity`` names this process (the pod's name); at most 128 characters."""
        self._sink = sink
        self._clock = clock
        self._metrics = metrics
        self._identity = identity[:MAX_WORD_CHARACTERS]
        self._queue: asyncio.Queue[_Series] = asyncio.Queue(QUEUE_LENGTH)
        self._series: OrderedDict[tuple[str, ...], _Series] = OrderedDict()
        self._allowances: OrderedDict[str, _Allowance] = OrderedDict()

    def record(self, note: Note) -> None:
        """Record ``note`` soon; returns at once."""
        metadata = note.metadata
        words = (note.type, note.reason, note.action, note.message, note.controller)
        identity = (str(note.kind), metadata.namespace, metadata.name, metadata.uid, *words)
        now = self._clock.now()
        series = self._series.get(identity)
        if series is None:
            if not self._allowed(metadata.uid or str(metadata.key)):
                self._drop("rate", note)
                return
            series = _Series(note, _event_name(identity, now), now, now)
            self._series[identity] = series
            if len(self._series) > MAX_SERIES:
                self._forget_oldest()
            self._enqueue(series)
            return
        self._series.move_to_end(identity)
        series.count += 1
        series.last = now
        if series.timer is None:
            wait = series.written_at + SERIES_INTERVAL - self._clock.monotonic()
            # The first write may still be on its way, so the second never overtakes it.
            series.timer = self._clock.call_later(max(wait, 0.0), lambda: self._due(series))

    async def run(self) -> None:
        """Write what is recorded until cancelled."""
        while True:
            series = await self._queue.get()
            try:
                await self._write(series)
            finally:
                self._queue.task_done()

    async def drain(self) -> None:
        """Wait for what is queued to be written while `run` goes on; a few seconds at most."""
        for series in self._series.values():
            if series.timer is not None:
                series.timer.cancel()
                self._due(series)
        try:
            async with deadline(self._clock, DRAIN_SECONDS):
                await self._queue.join()
        except TimeoutError:
            _log.warning("events not recorded before the stop", count=self._queue.qsize())

    def _allowed(self, obj: str) -> bool:
        now = self._clock.monotonic()
        allowance = self._allowances.setdefault(obj, _Allowance(OBJECT_BURST, now))
        self._allowances.move_to_end(obj)
        if len(self._allowances) > MAX_SERIES:
            self._allowances.popitem(last=False)
        refilled = (now - allowance.at) / OBJECT_REFILL_SECONDS
        allowance.left = min(float(OBJECT_BURST), allowance.left + refilled)
        allowance.at = now
        if allowance.left < 1:
            return False
        allowance.left -= 1
        return True

    def _due(self, series: _Series) -> None:
        series.timer = None
        self._enqueue(series)

    def _enqueue(self, series: _Series) -> None:
        try:
            self._queue.put_nowait(series)
        except asyncio.QueueFull:
            self._drop("queue_full", series.note)

    def _forget_oldest(self) -> None:
        _, series = self._series.popitem(last=False)
        if series.timer is not None:
            series.timer.cancel()

    async def _write(self, series: _Series) -> None:
        wait = FIRST_RETRY_SECONDS
        for left in reversed(range(TRIES)):
            try:
                await self._send(series)
            except Exception as error:  # noqa: BLE001 - an event must never stop anything
                reason = _give_up(error) or ("failed" if not left else None)
                if reason is not None:
                    self._drop(reason, series.note, error)
                    return
            else:
                series.written_at = self._clock.monotonic()
                return
            await self._clock.sleep(wait)
            wait *= 2

    async def _send(self, series: _Series) -> None:
        namespace = _event_namespace(series.note)
        manager = series.note.controller
        first = series.written_at == float("-inf")
        if not first:
            patch = {"series": _series(series)}
            try:
                await self._sink.patch(EVENT, series.name, patch, namespace, field_manager=manager)
            except Exception as error:
                # The Event outlived its hour on the server: it starts anew.
                if _status(error) != _NOT_FOUND:
                    raise
            else:
                return
        try:
            await self._sink.create(EVENT, self._body(series), namespace, field_manager=manager)
        except Exception as error:
            # Our own earlier try whose answer was lost: the name holds the time of the first.
            if _status(error) != _CONFLICT:
                raise

    def _body(self, series: _Series) -> Json:
        note, metadata = series.note, series.note.metadata
        regarding = {
            "apiVersion": note.kind.api_version,
            "kind": note.kind.name,
            "namespace": metadata.namespace or None,
            "name": metadata.name,
            "uid": metadata.uid or None,
        }
        body: Json = {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.name,
            "metadata": {"name": series.name, "namespace": _event_namespace(note)},
            "eventTime": _micro(series.first),
            "reportingController": note.controller,
            "reportingInstance": self._identity,
            "type": note.type,
            "reason": note.reason[:MAX_WORD_CHARACTERS],
            "action": note.action[:MAX_WORD_CHARACTERS],
            "note": _cut(note.message, MAX_NOTE_BYTES),
            "regarding": {name: value for name, value in regarding.items() if value},
        }
        if series.count > 1:
            body["series"] = _series(series)
        return body

    def _drop(self, reason: str, note: Note, error: Exception | None = None) -> None:
        self._metrics.event_dropped(reason)
        _log.warning(
            "event dropped",
            why=reason,
            kind=str(note.kind),
            object=str(note.metadata.key),
            event_reason=note.reason,
            error=None if error is None else f"{type(error).__name__}: {error}",
        )


def _give_up(error: Exception) -> str | None:
    """Why another try is pointless, as a metric's label; None when it is not."""
    status = _status(error)
    if status == _FORBIDDEN:
        details = getattr(error, "details", None) or {}
        causes = (cause.get("reason") for cause in details.get("causes") or ())
        return "namespace_terminating" if "NamespaceTerminating" in causes else "forbidden"
    if status == _NOT_FOUND:
        return "namespace_gone"
    if status and status < _SERVER_ERROR and status != _TOO_MANY_REQUESTS:
        return "refused"
    return None


def _status(error: Exception) -> int:
    status = getattr(error, "status", 0)
    return status if isinstance(status, int) else 0


def _event_namespace(note: Note) -> str:
    """Events of cluster-scoped objects live in ``default``, where kubectl looks for them."""
    return note.metadata.namespace or "default"


def _event_name(identity: tuple[str, ...], now: datetime) -> str:
    digest = hashlib.sha256("\0".join((*identity, _micro(now))).encode()).hexdigest()[:16]
    name = identity[2][: MAX_NAME_CHARACTERS - len(digest) - 1].rstrip(".-")
    return f"{name}.{digest}"


def _series(series: _Series) -> Json:
    return {"count": series.count, "lastObservedTime": _micro(series.last)}


def _micro(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _cut(text: str, limit: int) -> str:
    """At most ``limit`` bytes of UTF-8; the API counts bytes."""
    raw = text.encode()
    if len(raw) <= limit:
        return text
    return raw[: limit - len("…".encode())].decode(errors="ignore") + "…"
