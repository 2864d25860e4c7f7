"""What a planner answers: a `Plan`, the writes and words that one look at the world leads to.

Plain data. A plan says what should be, never how to send it: the writer leaves out what
would change nothing, adds the preconditions, and takes the objects from oldest layer to
newest: applies, patches, deletes, the status, and then the events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

import attrs

from mlctl_core.objects.json import Json
from mlctl_core.objects.keys import ObjectKey
from mlctl_core.objects.kinds import Kind, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable

NAME_TAKEN = "NameTaken"
"""Reason of a `WriteFailure`: an object of that name exists and is not ours."""


@attrs.frozen(kw_only=True)
class Patch:
    """A merge patch (RFC 7386) of fields that are ours on an object that exists.

    `uid` and `resource_version` are preconditions: the patch is refused when the object is
    another one of that name, or has changed. An object that is gone is no error.
    """

    kind: Kind = attrs.field(converter=kind_of)
    name: str
    namespace: str | None = None
    """None is the namespace of the object that is planned for."""
    body: Json
    uid: str = ""
    resource_version: str = ""
    subresource: Literal["", "status"] = ""


@attrs.frozen(kw_only=True)
class Delete:
    """A delete in the background; an object that is gone already is success.

    Give the `uid` that the view showed: a name alone may by now belong to another object.
    """

    kind: Kind = attrs.field(converter=kind_of)
    name: str
    namespace: str | None = None
    """None is the namespace of the object that is planned for."""
    uid: str = ""
    resource_version: str = ""
    grace_period_seconds: int | None = None
    """Seconds; None is the object's own grace period, 0 takes a pod away at once."""


@attrs.frozen
class EventNote:
    """A line for ``kubectl describe``: what happened to the object, and what to do about it."""

    type: Literal["Normal", "Warning"]
    reason: str
    """UpperCamelCase, at most 128 characters, from a fixed few."""
    message: str
    """At most 1,024 characters; what is longer is cut."""
    action: str = "Reconcile"
    """UpperCamelCase: what the controller did or tried."""


# One converter per type: attrs tells type checkers what a field takes by its converter.
def _objects(items: Iterable[Json]) -> tuple[Json, ...]:
    return tuple(items)


def _patches(items: Iterable[Patch]) -> tuple[Patch, ...]:
    return tuple(items)


def _deletes(items: Iterable[Delete]) -> tuple[Delete, ...]:
    return tuple(items)


def _notes(items: Iterable[EventNote]) -> tuple[EventNote, ...]:
    return tuple(items)


@attrs.frozen(kw_only=True)
class Plan:
    """Everything one reconcile wants done; the empty plan is the steady state.

    Writes go out in the order of the fields and stop at the first that fails; the rest is
    planned again. A write that the view showed as refused before, and that is refused again,
    stops all but the status, so that the status can say so. What must be on record before
    something else may happen (a result in the status before a finalizer goes) therefore takes
    two plans: the first with ``requeue_after=0``, the second once the view shows the status.
    """

    apply: tuple[Json, ...] = attrs.field(default=(), converter=_objects)
    """Objects as they should be, in whole: ``apiVersion``, ``kind``, ``metadata.name``.

    ``metadata.namespace`` and a controller reference are filled in from the object that is
    planned for. An object that is absent is created; one that exists gets the fields given
    here, and loses those that an earlier plan gave and this one does not. An object of that
    name with another controller is never touched: see `WriteFailure`.
    """
    patch: tuple[Patch, ...] = attrs.field(default=(), converter=_patches)
    delete: tuple[Delete, ...] = attrs.field(default=(), converter=_deletes)
    status: Json | None = None
    """The whole status as it should be; None leaves it alone. Only the difference is sent, and
    refused when the object is not any more as the view showed it."""
    requeue_after: float | None = None
    """Seconds until the next look; 0 is as soon as the caches have seen this plan's writes, and
    no look at all when nothing had to be written."""
    events: tuple[EventNote, ...] = attrs.field(default=(), converter=_notes)


@attrs.frozen(kw_only=True)
class WriteFailure:
    """A write of an earlier plan that the server refused, and that has not succeeded since.

    What another try cannot cure (a name that is taken, a quota, a pod that the server finds
    invalid) is for the planner to say in the object's status; retries go on with back-off.
    """

    kind: Kind
    name: str
    namespace: str = ""
    """Empty for an object that is in none."""
    status: int
    """The HTTP status: 409, 403, 422 and so on."""
    reason: str
    """The server's reason (``Forbidden``, ``Invalid``) or `NAME_TAKEN`."""
    message: str
    """The server's own words."""

    @property
    def place(self) -> tuple[Kind, ObjectKey]:
        """What was to be written."""
        return self.kind, ObjectKey(self.namespace, self.name)


@attrs.frozen
class Request:
    """Which object to look at, and why; the reasons are for people, never for decisions."""

    key: ObjectKey
    reasons: tuple[str, ...] = ()
    received: float | None = None
    """When the first event that asked for it came in, on the monotonic clock; None for a timer
    or a retry."""


@attrs.frozen(kw_only=True)
class Result:
    """What a `Reconciler` wants next; the default is to be called when something changes."""

    requeue_after: float | None = None
    """Seconds until the next look, whatever happens meanwhile."""


class TerminalError(Exception):
    """What no retry can cure, such as an object that does not fit its class.

    Its key comes back when the object changes, and not before.
    """


class UnfinishedError(Exception):
    """A reconcile that failed, of an object that has to be looked at by a certain time anyway.

    The next call comes after the cause's back-off, or at that time if it is earlier.
    """

    def __init__(self, cause: Exception, requeue_after: float) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.requeue_after = requeue_after


class Reconciler(Protocol):
    """The low-level door: reads and writes as it likes, in controller-runtime's shape.

    Called for one key at a time, never twice at once for the same key. An exception means
    back-off and another call, but for a `TerminalError`.
    """

    async def reconcile(self, request: Request) -> Result:
        """Bring the object of ``request.key``, which may be gone, one step further."""
        ...
