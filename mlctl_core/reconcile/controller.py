"""The worker loop of one controller: takes keys, has them reconciled, decides when next.

Promises that a key is worked on by one worker at a time, that whatever one object's reconcile
raises stops nobody else, that a failing key comes back with growing delay (one that no retry can
help comes back when its object changes) and a succeeding one starts afresh, and that every log
line says which controller, key and reconcile it belongs to.
Does not promise an order among keys, nor that every change gets a reconcile of its own.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

import structlog
from structlog.contextvars import bound_contextvars

from mlctl_core.client.errors import ClientError
from mlctl_core.objects.json import DecodeError
from mlctl_core.queue.workqueue import QueueShutDownError
from mlctl_core.reconcile.plan import (
    Reconciler,
    Request,
    Result,
    TerminalError,
    UnfinishedError,
)
from mlctl_core.reconcile.sink import RefusedError, StaleError
from mlctl_core.telemetry.metrics import (
    RESULT_ERROR,
    RESULT_REQUEUE,
    RESULT_REQUEUE_AFTER,
    RESULT_SUCCESS,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from mlctl_core.cache.informer import Change
    from mlctl_core.clock import Clock
    from mlctl_core.objects.keys import ObjectKey
    from mlctl_core.queue.workqueue import WorkQueue
    from mlctl_core.telemetry.metrics import ControllerMetrics

# Workers per controller. controller-runtime's default is 1; here a reconcile mostly waits for
# the server, and a few at once hide its latency without crowding out other clients.
DEFAULT_CONCURRENCY = 4

RECONCILE_ID_BITS = 32

_log = structlog.get_logger()


class Holds(Protocol):
    """The part of the gate that the loop asks."""

    def holds(self, owner: ObjectKey) -> bool:
        """Whether the key must wait; it is added to the queue again when it need not."""
        ...


class Controller:
    """Runs a `Reconciler` over the keys of a work queue.

    Args:
        name: As in metrics and logs.
        reconciler: What is called for each key.
        queue: Where keys come from; this controller is its only reader.
        clock: Time.
        random: For reconcile ids.
        metrics: Of this controller.
        gate: Keeps a key back until the caches show its writes; None for none.
        concurrency: Workers, that is reconciles at once, of different keys.
    """

    def __init__(
        self,
        name: str,
        reconciler: Reconciler,
        *,
        queue: WorkQueue[ObjectKey],
        clock: Clock,
        random: Random,
        metrics: ControllerMetrics,
        gate: Holds | None = None,
        concurrency: int = DEFAULT_CONCURRENCY,
    ) -> None:
        self.name = name
        self._reconciler = reconciler
        self._queue = queue
        self._clock = clock
        self._random = random
        self._metrics = metrics
        self._gate = gate
        self._concurrency = concurrency
        # Keys whose object no retry can help.
        self._given_up: set[ObjectKey] = set()
        # When the first event since a key's last reconcile came in.
        self._arrivals: dict[ObjectKey, float] = {}
        # Keys whose last reconcile asked for the next one at once.
        self._at_once: set[ObjectKey] = set()
        metrics.workers(concurrency)

    def enqueue(self, key: ObjectKey, reason: str) -> None:
        """An event asks to look at ``key`` again."""
        self._arrivals.setdefault(key, self._clock.monotonic())
        self._queue.add(key, reason)

    def reconsider(self, change: Change) -> Iterator[tuple[ObjectKey, str]]:
        """An object that was given up is worth a look at any change, also of its status alone."""
        if change.key in self._given_up:
            yield change.key, f"{change.kind.name} changed after it was given up"

    async def run(self) -> None:
        """Work until the queue is shut down and what is being worked on has ended."""
        # What came in before, while caches filled or another process led, was not kept waiting
        # by this loop; counting it would make every restart look like an incident.
        self._arrivals.clear()
        async with asyncio.TaskGroup() as workers:
            for number in range(self._concurrency):
                workers.create_task(self._work(), name=f"{self.name}-{number}")

    async def _work(self) -> None:
        while True:
            try:
                key, reasons = await self._queue.get()
            except QueueShutDownError:
                return
            try:
                if self._gate is None or not self._gate.holds(key):
                    received = self._arrivals.pop(key, None)
                    await self._process(Request(key, tuple(reasons), received))
            finally:
                self._queue.done(key)

    async def _process(self, request: Request) -> None:
        started = self._clock.monotonic()
        if request.received is not None:
            self._metrics.event_to_reconcile(started - request.received)
        self._metrics.started()
        outcome = RESULT_ERROR
        reconcile_id = f"{self._random.getrandbits(RECONCILE_ID_BITS):08x}"
        with bound_contextvars(
            controller=self.name, key=str(request.key), reconcile_id=reconcile_id
        ):
            try:
                outcome = await self._reconcile(request)
            finally:
                ended = self._clock.monotonic()
                self._metrics.finished(outcome, ended - started)
                _log.debug(
                    "reconciled", result=outcome, reasons=request.reasons, seconds=ended - started
                )

    async def _reconcile(self, request: Request) -> str:
        key = request.key
        self._given_up.discard(key)
        try:
            result = await self._reconciler.reconcile(request)
        except Exception as error:  # noqa: BLE001 - one object's bug must not stop the others
            return self._failed(key, error)
        return self._succeeded(key, result)

    def _succeeded(self, key: ObjectKey, result: Result) -> str:
        at_once = result.requeue_after is not None and result.requeue_after <= 0
        if at_once and key in self._at_once:
            # Two steps of one change are a reason to go on; many in a row are a loop, and the
            # server must not be its brake.
            self._queue.add_rate_limited(key, "again")
            return RESULT_REQUEUE_AFTER
        self._queue.forget(key)
        self._at_once.discard(key)
        if result.requeue_after is None:
            return RESULT_SUCCESS
        if at_once:
            self._at_once.add(key)
        self._queue.add_after(key, result.requeue_after, "timer")
        return RESULT_REQUEUE_AFTER

    def _failed(self, key: ObjectKey, error: Exception) -> str:
        """Have the key come back; returns what the reconcile counts as."""
        self._at_once.discard(key)
        if isinstance(error, UnfinishedError):
            # Of two times at which a key is to come back the queue keeps the earlier.
            self._queue.add_after(key, error.requeue_after, "timer")
            error = error.cause
        match error:
            case StaleError():
                _log.debug("overtaken by another write, looking again", error=str(error))
                self._queue.add_rate_limited(key, "conflict")
                return RESULT_REQUEUE
            case TerminalError():
                self._metrics.terminal_error()
                _log.error("given up until the object changes", error=str(error))
                self._queue.forget(key)
                self._given_up.add(key)
                return RESULT_ERROR
            case ClientError() | RefusedError() | DecodeError() | TimeoutError():
                _log.warning("reconcile failed", error=f"{type(error).__name__}: {error}")
            case _:
                self._metrics.panicked()
                _log.error("reconcile raised", exc_info=error)
        self._queue.add_rate_limited(key, "retry")
        return RESULT_ERROR
