"""One reconcile of a planner: look, gather facts, plan, write, and say what happened.

The step between the worker loop, which knows keys, and the planner, which knows objects. It
keeps what outlives one reconcile and is in no cache: the writes that were refused, and typed
views of objects that the next one will look at again.
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs
import msgspec
import structlog

from mlctl_core.client.errors import ClientError
from mlctl_core.clock import deadline
from mlctl_core.objects.codec import decode
from mlctl_core.objects.json import DecodeError
from mlctl_core.reconcile import complaint
from mlctl_core.reconcile.changes import Owner, PlanError
from mlctl_core.reconcile.decoded import Decoded
from mlctl_core.reconcile.own import refuse_unseen
from mlctl_core.reconcile.plan import (
    EventNote,
    Plan,
    Request,
    Result,
    TerminalError,
    UnfinishedError,
    WriteFailure,
)
from mlctl_core.reconcile.rights import refuse_undeclared
from mlctl_core.reconcile.sink import PartialError, RefusedError
from mlctl_core.reconcile.view import UndeclaredKindError, View
from mlctl_core.reconcile.well_formed import refuse_malformed
from mlctl_core.telemetry.events import Note

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlctl_core.cache.store import Entry, Store
    from mlctl_core.client.client import Client
    from mlctl_core.clock import Clock
    from mlctl_core.objects.keys import ObjectKey
    from mlctl_core.objects.kinds import Kind
    from mlctl_core.objects.metadata import Metadata
    from mlctl_core.reconcile.gate import Gate
    from mlctl_core.reconcile.planner import Observe, Planner
    from mlctl_core.reconcile.sink import PlanSink, Written
    from mlctl_core.telemetry.events import EventRecorder
    from mlctl_core.telemetry.metrics import ControllerMetrics

# Seconds that ``observe`` may take: a worker is busy meanwhile, and what it asks (a log's last
# lines, a notebook's idle time) answers in well under one or not at all.
OBSERVE_SECONDS = 15.0

INVALID_OBJECT = "InvalidObject"
"""Reason of the Warning event and the condition about an object that does not fit its class."""
RECONCILE_ERROR = "ReconcileError"
"""Reason of the Warning event and the condition about a planner that raised."""
WRITE_REFUSED = "WriteRefused"
"""Reason of the Warning event about a refused write, when the server gave none."""

_log = structlog.get_logger()


class PlanReconciler:
    """Reconciles the objects of one planner; see `Planner` for what is called when.

    Args:
        planner: Whose.
        stores: The caches of `Planner.kinds`.
        sink: Carries out plans.
        gate: Is told what was written.
        recorder: Takes the events; None records none.
        client: Handed to ``observe``.
        clock: Time, also the view's.
        metrics: Of the controller.
    """

    def __init__(
        self,
        planner: Planner[Any],
        *,
        stores: Mapping[Kind, Store],
        sink: PlanSink,
        gate: Gate,
        recorder: EventRecorder | None,
        client: Client,
        clock: Clock,
        metrics: ControllerMetrics,
    ) -> None:
        self._planner = planner
        self._rights = planner.rights
        self._has_conditions = complaint.has_conditions(planner.cls)
        self._stores = stores
        self._store = stores[planner.kind]
        self._sink = sink
        self._gate = gate
        self._recorder = recorder
        self._client = client
        self._clock = clock
        self._metrics = metrics
        self._failures: dict[ObjectKey, tuple[WriteFailure, ...]] = {}
        self._views = Decoded()

    async def reconcile(self, request: Request) -> Result:
        """Make and carry out the plan for one key.

        Raises:
            TerminalError: the object does not fit its class; it has been told where.
            StaleError, RefusedError, ClientError: a write failed.
            UnfinishedError: the same, of a plan with a timer.
            Exception: whatever the planner raised; the object has been told the place.
        """
        key = request.key
        entry = self._store.get(key)
        if entry is None:
            return await self._reconcile_gone(request)
        try:
            obj = self._decoded(entry)
            facts = None
            if (observe := self._planner.observe) is not None:
                facts = await self._observed(observe, obj, self._view(key, entry.metadata))
                # Time has passed: plan from what is there now.
                now = self._store.get(key)
                if now is None:
                    return await self._reconcile_gone(request)
                if now is not entry:
                    entry, obj = now, self._decoded(now)
            plan = self._planner(obj, self._view(key, entry.metadata, facts))
        except Exception as error:
            await self._complain(self._owner(entry), error)
            raise
        return await self._carry_out(self._owner(entry), plan, request)

    async def _observed(self, observe: Observe[Any], obj: Any, view: View) -> object | None:
        """What ``observe`` found; None when that is not to be had now.

        The plan goes ahead without: deadlines must not wait for whoever does not answer.
        """
        try:
            async with deadline(self._clock, OBSERVE_SECONDS):
                return await observe(obj, view, self._client)
        except (ClientError, TimeoutError) as error:
            _log.warning("planning without facts", error=f"{type(error).__name__}: {error}")
            return None

    def _decoded(self, entry: Entry) -> Any:
        if entry.undecodable:
            raise TerminalError(entry.undecodable)
        try:
            return decode(self._planner.cls, entry.raw)
        except DecodeError as error:
            raise TerminalError(str(error)) from error

    def _owner(self, entry: Entry) -> Owner:
        return Owner(kind=self._planner.kind, key=entry.key, metadata=entry.metadata, raw=entry.raw)

    async def _reconcile_gone(self, request: Request) -> Result:
        key = request.key
        self._gate.forget(key)
        if self._planner.gone is None:
            self._failures.pop(key, None)
            return Result()
        plan = self._planner.gone(key, self._view(key, None))
        owner = Owner(kind=self._planner.kind, key=key, metadata=None)
        return await self._carry_out(owner, plan, request)

    async def _carry_out(self, owner: Owner, plan: Plan, request: Request) -> Result:
        key = owner.key
        known = self._failures.get(key, ())
        try:
            refuse_malformed(plan)
            refuse_unseen(self._planner.limits, plan)
            refuse_undeclared(owner.kind, self._planner.owns, self._rights, plan)
            plan = _without_complaint(owner, plan)
            written = await self._sink.execute(owner, plan, known)
        except PartialError as error:
            raise self._stopped(owner, plan, request, error) from None
        except Exception as error:
            # Nothing was sent: the planner made a mistake, or the plan cannot be encoded.
            await self._complain(owner, error)
            raise
        self._failures.pop(key, None)
        self._wrote(request, written)
        self._record_all(owner.metadata, plan.events)
        if plan.requeue_after is not None and plan.requeue_after <= 0 and not written:
            # Nothing is there to be seen, as in a dry run: the same plan would follow for ever.
            return Result()
        return Result(requeue_after=plan.requeue_after)

    async def _complain(self, owner: Owner, error: Exception) -> None:
        """Say on the object why there is no plan for it, if it is still there to be told.

        Raises:
            StaleError, ClientError: it could not be said, and should be tried again.
        """
        if owner.metadata is None:
            return
        reason, message, action = _in_words(error)
        self._record(owner.metadata, "Warning", reason, message, action)
        if not self._has_conditions or (status := complaint.status_of(owner.raw)) is None:
            return
        now = self._clock.now()
        plan = Plan(status=complaint.complaining(status, owner.metadata, reason, message, now))
        # Of an object that cannot be decoded this much can.
        readable = attrs.evolve(owner, raw=msgspec.json.encode({"status": status}))
        try:
            self._gate.expect(owner.key, await self._sink.execute(readable, plan))
        except PartialError as failed:
            if not isinstance(failed.cause, RefusedError):
                raise failed.cause from error
            _log.warning("condition not written", error=str(failed.cause))

    def _stopped(
        self, owner: Owner, plan: Plan, request: Request, error: PartialError
    ) -> Exception:
        """Keep account of a plan that was not carried out in whole; returns what to raise."""
        self._wrote(request, error.written)
        if isinstance(error.cause, RefusedError):
            failure = error.cause.failure
            if failure not in self._failures.get(owner.key, ()) and owner.metadata is not None:
                self._record(
                    owner.metadata,
                    "Warning",
                    failure.reason or WRITE_REFUSED,
                    f"{failure.kind.name} {failure.name}: {failure.message}",
                    "Write",
                )
            self._remember(owner.key, error.written, failure)
        if error.told:
            self._record_all(owner.metadata, plan.events)
        if plan.requeue_after:
            return UnfinishedError(error.cause, plan.requeue_after)
        return error.cause

    def _wrote(self, request: Request, written: Sequence[Written]) -> None:
        if not written:
            return
        self._gate.expect(request.key, written)
        if request.received is not None:
            self._metrics.event_to_write(self._clock.monotonic() - request.received)
        _log.info(
            "wrote",
            writes=[f"{w.kind.name} {w.key}{' deleted' if w.deleted else ''}" for w in written],
        )

    def _remember(self, key: ObjectKey, written: Sequence[Written], failure: WriteFailure) -> None:
        settled = {(w.kind, w.key) for w in written} | {failure.place}
        kept = [f for f in self._failures.get(key, ()) if f.place not in settled]
        self._failures[key] = (*kept, failure)

    def _view(self, key: ObjectKey, metadata: Metadata | None, facts: object = None) -> View:
        return View(
            key=key,
            now=self._clock.now(),
            metadata=metadata,
            facts=facts,
            failures=self._failures.get(key, ()),
            stores=self._stores,
            classes=self._planner.classes,
            decoded=self._views,
        )

    def _record_all(self, metadata: Metadata | None, events: Sequence[EventNote]) -> None:
        if metadata is not None:
            for event in events:
                self._record(metadata, event.type, event.reason, event.message, event.action)

    def _record(
        self,
        metadata: Metadata,
        kind: Literal["Normal", "Warning"],
        reason: str,
        message: str,
        action: str,
    ) -> None:
        if self._recorder is None:
            return
        self._recorder.record(
            Note(
                kind=self._planner.kind,
                metadata=metadata,
                type=kind,
                reason=reason,
                message=message,
                action=action,
                controller=self._planner.name,
            )
        )


def _without_complaint(owner: Owner, plan: Plan) -> Plan:
    """The plan, which also takes back what was said when there was none."""
    status = complaint.withdrawn(owner.raw, plan.status)
    return plan if status is plan.status else attrs.evolve(plan, status=status)


def _in_words(error: Exception) -> tuple[str, str, str]:
    """Reason, message and action to tell about an error."""
    match error:
        case TerminalError() | DecodeError():
            return INVALID_OBJECT, str(error), "Decode"
        case PlanError() | UndeclaredKindError():
            return RECONCILE_ERROR, str(error), "Plan"
        case _:
            return RECONCILE_ERROR, _where(error), "Plan"


def _where(error: Exception) -> str:
    """Type and place of an error. Not its words: they may quote what users may not read."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(frame.filename).name}:{frame.lineno}"
    return f"{type(error).__name__} at {place} while planning; the controller's log says more"
