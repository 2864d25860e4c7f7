"""Joins a planner, or a reconciler of the low-level kind, to caches, queue and writer.

The one place that knows all parts of a controller. Everything it builds is plain to build by
hand in a test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

import attrs

from mlctl_core.cache.informer import Change, Informer
from mlctl_core.cache.shared import SharedCaches
from mlctl_core.cache.store import Store
from mlctl_core.client.client import Client
from mlctl_core.clock import Clock
from mlctl_core.objects.keys import ObjectKey
from mlctl_core.objects.kinds import Kind, kind_of
from mlctl_core.queue.workqueue import WorkQueue
from mlctl_core.reconcile import triggers
from mlctl_core.reconcile.controller import DEFAULT_CONCURRENCY, Controller
from mlctl_core.reconcile.gate import Gate
from mlctl_core.reconcile.plan import Reconciler
from mlctl_core.reconcile.plan_reconciler import PlanReconciler
from mlctl_core.reconcile.planner import Planner, Watch
from mlctl_core.reconcile.rights import Right, Use, cached
from mlctl_core.reconcile.sink import PlanSink
from mlctl_core.telemetry.events import EventRecorder
from mlctl_core.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlctl_core.telemetry.metrics import ControllerMetrics

Trigger = Callable[[Change], "Iterable[tuple[ObjectKey, str]]"]


def _kinds(things: Sequence[str | Kind | type]) -> tuple[Kind, ...]:
    return tuple(kind_of(thing) for thing in things)


@attrs.frozen(kw_only=True)
class CustomController:
    """A controller through the low-level door: reads and writes as it likes.

        class Restarter:
            def __init__(self, client: Client, stores: Mapping[Kind, Store]) -> None: ...
            async def reconcile(self, request: Request) -> Result: ...

        restarter = CustomController(
            kind="v1/Pod", reconciler=Restarter, uses=(Use("v1/Pod", "delete"),)
        )
        Manager.from_args().add(restarter).run()

    Without a plan there is no gate and no dry run; the client has the guard of the Lease.
    """

    kind: Kind = attrs.field(converter=kind_of)
    """The kind whose keys are reconciled."""
    reconciler: Callable[[Client, Mapping[Kind, Store]], Reconciler]
    """Makes the reconciler from the client and the caches."""
    owns: tuple[Kind, ...] = attrs.field(default=(), converter=_kinds)
    watches: tuple[Watch, ...] = ()
    """Only `Watch.map` is of use here."""
    uses: tuple[Use, ...] = ()
    """Everything that it writes, and whatever it reads elsewhere than in the caches."""
    name: str = attrs.field()

    @name.default
    def _default_name(self) -> str:
        return self.kind.name.lower()

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Every kind that must be cached."""
        watched = (watch.kind for watch in self.watches)
        return tuple(dict.fromkeys((self.kind, *self.owns, *watched)))

    @property
    def rights(self) -> frozenset[Right]:
        """All that it may do; nothing but the server holds it to that."""
        return cached(self.kinds).union(*(use.rights for use in self.uses))


Declaration = Planner[Any] | CustomController


def require_controller(thing: object) -> None:
    """Check what is to be run, where it is given rather than where it is first used.

    Raises:
        TypeError: it is no declaration; says what makes one of it.
    """
    if isinstance(thing, Planner | CustomController):
        return
    name = getattr(thing, "__qualname__", type(thing).__name__)
    if hasattr(thing, "reconcile"):
        raise TypeError(
            f"{name} does not say what it reconciles: add CustomController(kind=..., "
            "reconciler=...), given what makes it from the client and the caches"
        )
    if callable(thing):
        raise TypeError(f"{name} does not say what it plans for: decorate it with @planner(...)")
    raise TypeError(f"a {name} is no controller: add a planner or a CustomController")


@attrs.frozen(kw_only=True)
class Surroundings:
    """What the controllers of one manager share."""

    client: Client
    caches: SharedCaches
    clock: Clock
    random: Random
    metrics: Metrics
    recorder: EventRecorder | None
    sink: Callable[[Planner[Any], Mapping[Kind, Store]], PlanSink]
    """Makes what carries out the plans of a planner."""


@attrs.frozen(kw_only=True)
class Wired:
    """A controller that only has to be run, and the queue that ends it."""

    controller: Controller
    queue: WorkQueue[ObjectKey]
    _handlers: tuple[tuple[Informer, Callable[[Change], None]], ...]

    async def run(self) -> None:
        """Be woken by the caches, first by all that is there, and work until the queue ends.

        Not before: a standby's queue would only grow, by a key for every object that ever was.
        """
        for informer, handler in self._handlers:
            informer.add_handler(handler)
        await self.controller.run()


def label_selectors(
    declarations: Iterable[Declaration], collected: Iterable[Kind]
) -> Mapping[Kind, str]:
    """The limits that caches may have: those on which all agree who read the kind."""
    wanted: dict[Kind, set[str]] = {kind: {""} for kind in collected}
    for declaration in declarations:
        limits = declaration.limits if isinstance(declaration, Planner) else ()
        own = {limit.kind: limit.selector for limit in limits}
        for kind in declaration.kinds:
            wanted.setdefault(kind, set()).add(own.get(kind, ""))
    return {kind: min(found) for kind, found in wanted.items() if len(found) == 1 and min(found)}


def wire(declaration: Declaration, shared: Surroundings, concurrency: int | None = None) -> Wired:
    """Build a controller over its caches; starts nothing."""
    informers = {kind: shared.caches.informer(kind) for kind in declaration.kinds}
    # Only what was declared: a planner that reads more would do so by another's grace.
    stores = {kind: informer.store for kind, informer in informers.items()}
    name = declaration.name
    queue: WorkQueue[ObjectKey] = WorkQueue(
        clock=shared.clock, metrics=shared.metrics.work_queue(name)
    )
    metrics = shared.metrics.controller(name)
    gate: Gate | None = None
    if isinstance(declaration, Planner):
        gate = Gate(
            stores, clock=shared.clock, release=lambda key: queue.add(key, "own writes seen")
        )
        reconciler = _plan_reconciler(declaration, shared, stores, gate, metrics)
    else:
        reconciler = declaration.reconciler(shared.client, stores)
    controller = Controller(
        name,
        reconciler,
        queue=queue,
        clock=shared.clock,
        random=shared.random,
        metrics=metrics,
        gate=gate,
        concurrency=concurrency or DEFAULT_CONCURRENCY,
    )
    if gate is not None:
        for kind, informer in informers.items():
            informer.add_progress_listener(_progress(gate, kind))
    wakes = _triggers(declaration)
    wakes[declaration.kind].append(controller.reconsider)
    handlers = [(informers[kind], _handler(controller, wakes[kind])) for kind in informers]
    return Wired(controller=controller, queue=queue, handlers=tuple(handlers))


def _plan_reconciler(
    planner: Planner[Any],
    shared: Surroundings,
    stores: Mapping[Kind, Store],
    gate: Gate,
    metrics: ControllerMetrics,
) -> Reconciler:
    return PlanReconciler(
        planner,
        stores=stores,
        sink=shared.sink(planner, stores),
        gate=gate,
        recorder=shared.recorder,
        client=shared.client,
        clock=shared.clock,
        metrics=metrics,
    )


def _triggers(declaration: Declaration) -> dict[Kind, list[Trigger]]:
    """What a change of each kind means to the controller."""
    found: dict[Kind, list[Trigger]] = {kind: [] for kind in declaration.kinds}
    for watch in declaration.watches:
        found[watch.kind].append(partial(triggers.mapped, watch=watch))
        if watch.index is not None and isinstance(declaration, Planner):
            references = triggers.References(watch, declaration.cls)
            found[declaration.kind].append(references.follow)
            found[watch.kind].append(references.watches)
    found[declaration.kind].append(triggers.for_)
    for kind in declaration.owns:
        found[kind].append(partial(triggers.owns, owner=declaration.kind))
    return found


def _handler(controller: Controller, found: Sequence[Trigger]) -> Callable[[Change], None]:
    def handle(change: Change) -> None:
        for trigger in found:
            for key, reason in trigger(change):
                controller.enqueue(key, reason)

    return handle


def _progress(gate: Gate, kind: Kind) -> Callable[[ObjectKey | None], None]:
    def seen(key: ObjectKey | None) -> None:
        gate.seen(kind, key)

    return seen
