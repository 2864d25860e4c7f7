"""The decorator that makes a function into a controller's planner, and says what it reads.

What is declared here decides what is cached, what wakes the planner, and which rights the
controller needs; a planner can read nothing else. Declaring does no I/O and imports none.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Generic, TypeVar

import attrs

from mlctl_core.objects.keys import ObjectKey
from mlctl_core.objects.kinds import Kind, kind_of
from mlctl_core.objects.metadata import Metadata
from mlctl_core.reconcile.own import Own
from mlctl_core.reconcile.plan import Plan
from mlctl_core.reconcile.rights import Right, Use, cached, owned
from mlctl_core.reconcile.view import View

if TYPE_CHECKING:
    from mlctl_core.client.client import Client

T = TypeVar("T")

PlanFunction = Callable[[T, View], Plan]
Observe = Callable[[T, View, "Client"], Awaitable[object | None]]
Gone = Callable[[ObjectKey, View], Plan]

DEFAULT_FIELD_MANAGER = "mlctl"


@attrs.frozen
class Watch:
    """Another kind whose changes mean "look again" at some of the planned objects.

    Which ones is told by `map`, from the changed object's metadata alone, or by `index`,
    from the planned object: the keys of the objects of this kind that it refers to. With
    neither, the kind is only cached, for the view. Both must be pure.
    """

    kind: Kind = attrs.field(converter=kind_of)
    map: Callable[[Metadata], Iterable[ObjectKey]] | None = attrs.field(default=None, kw_only=True)
    index: Callable[..., Iterable[ObjectKey]] | None = attrs.field(default=None, kw_only=True)
    """Called with the decoded planned object whenever its spec or labels change."""


@attrs.frozen(eq=False)
class Planner(Generic[T]):
    """A planner and its declaration; still callable, so that a test is ``plan(obj, view)``."""

    function: PlanFunction[T]
    cls: type[T]
    kind: Kind
    name: str
    """Names the controller in metrics, logs and the work queue."""
    owns: tuple[Kind, ...]
    """Kinds of children: a change of one wakes its controller."""
    limits: tuple[Own, ...]
    """Of which of these only some objects need to be cached."""
    watches: tuple[Watch, ...]
    uses: tuple[Use, ...]
    """What it does besides; see `rights`."""
    observe: Observe[T] | None
    """Gathers facts from outside the caches before each plan; the one place that may wait."""
    gone: Gone | None
    """Plans for a key whose object is gone, to release what it left behind."""
    field_manager: str
    classes: Mapping[Kind, type]
    """Classes that views decode into, for kinds that were declared by class."""

    def __call__(self, obj: T, view: View) -> Plan:
        """The plan for ``obj``; pure."""
        return self.function(obj, view)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Every kind that must be cached, the planned one first, each once."""
        watched = (watch.kind for watch in self.watches)
        return tuple(dict.fromkeys((self.kind, *self.owns, *watched)))

    @property
    def rights(self) -> frozenset[Right]:
        """All that it may do: nothing is granted to it beyond, and its plans are held to it."""
        rights = cached(self.kinds) | owned(self.kind, self.owns)
        if attrs.has(self.cls) and any(f.name == "status" for f in attrs.fields(self.cls)):
            rights |= {Right(self.kind, "patch", "status")}
        return rights.union(*(use.rights for use in self.uses))


def planner(
    cls: type[T],
    *,
    owns: Iterable[Own | str | Kind | type] = (),
    watches: Iterable[Watch | str | Kind | type] = (),
    uses: Iterable[Use] = (),
    observe: Observe[T] | None = None,
    gone: Gone | None = None,
    field_manager: str = DEFAULT_FIELD_MANAGER,
    name: str | None = None,
) -> Callable[[PlanFunction[T]], Planner[T]]:
    """Make ``def plan(obj: cls, view: View) -> Plan`` the planner of every ``cls``.

    Args:
        cls: The API class, made by ``@resource``, or one of the runtime's own such as Pod.
        owns: Kinds of the objects that plans apply; a class, a Kind or ``"apps/v1/Deployment"``,
            or an `Own` where there are many objects of the kind that are no concern.
        watches: Kinds that plans read and do not own, each a `Watch` or, when it is only
            read and never wakes the planner, the kind alone.
        uses: What else it does: a plan that deletes or patches what is not owned, or an
            ``observe`` that reads from the server, says so by a `Use`.
        observe: ``async (obj, view, client) -> facts``, awaited before each plan. One that
            takes too long, or cannot reach what it asks, leaves the plan without facts.
        gone: ``(key, view) -> Plan`` for a queued key that has no object any more.
        field_manager: Owner of the applied fields in managedFields; one per controller binary.
        name: The controller's name; default: the kind's, in lower case.

    Raises:
        ValueError: a kind is both owned with a limit and watched.
    """
    kind = kind_of(cls)
    owned = tuple(owns)
    limits = tuple(own for own in owned if isinstance(own, Own))
    read = tuple(watch if isinstance(watch, Watch) else Watch(watch) for watch in watches)
    if both := {own.kind for own in limits} & {kind, *(watch.kind for watch in read)}:
        raise ValueError(f"{both.pop()} is watched as a whole: own it without a limit")
    used = tuple(uses)
    classes = {kind_of(c): c for c in (cls, *owned) if isinstance(c, type)}

    def declare(function: PlanFunction[T]) -> Planner[T]:
        return Planner(
            function=function,
            cls=cls,
            kind=kind,
            name=name or kind.name.lower(),
            owns=tuple(dict.fromkeys(k.kind if isinstance(k, Own) else kind_of(k) for k in owned)),
            limits=limits,
            watches=read,
            uses=used,
            observe=observe,
            gone=gone,
            field_manager=field_manager,
            classes=classes,
        )

    return declare
