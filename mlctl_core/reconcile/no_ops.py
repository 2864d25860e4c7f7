"""Remembers which writes the server has answered with "nothing changed", so as not to repeat them.

Some values are never shown as they were written: the server rounds them, drops them, spells them
otherwise. Compared with the cache such a write looks needed at every reconcile. Promises to forget
it as soon as what is to be written, or what the cache shows, differs by anything that counts.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

from mlctl_core.objects.keys import ObjectKey
from mlctl_core.objects.kinds import Kind
from mlctl_core.reconcile.changes import Apply, digest

if TYPE_CHECKING:
    from mlctl_core.objects.json import Json
    from mlctl_core.reconcile.changes import Merge

# Facts that are kept, the oldest forgotten first. What is forgotten costs one request more; a
# fact is some 300 bytes.
MEMORY = 10_000

# The server raises resourceVersion only for what it changed, so these parts of an object say
# nothing about whether another write would change something.
_BOOKKEEPING = ("generation", "managedFields", "resourceVersion")

T = TypeVar("T")

Place = tuple[Kind, ObjectKey, str]
"""An object, and the part of it or the way of writing that a fact is about."""


class NoOps:
    """The writes of one controller that changed nothing when they were last sent."""

    def __init__(self) -> None:
        self._memory: Memory[tuple[str, str]] = Memory()

    def knows(self, change: Apply | Merge) -> bool:
        """Whether the same was sent before, onto the same, and changed nothing."""
        return self._memory.get(_place(change)) == _memo(change)

    def remember(self, change: Apply | Merge) -> None:
        """This was sent and changed nothing."""
        self._memory.put(_place(change), _memo(change))


class Memory(Generic[T]):
    """The last few thousand facts, by place."""

    def __init__(self) -> None:
        self._facts: OrderedDict[Place, T] = OrderedDict()

    def get(self, place: Place) -> T | None:
        """The fact about ``place``, or None."""
        return self._facts.get(place)

    def put(self, place: Place, fact: T) -> None:
        """Keep ``fact`` in the place of what was known."""
        self._facts[place] = fact
        self._facts.move_to_end(place)
        if len(self._facts) > MEMORY:
            self._facts.popitem(last=False)


def _place(change: Apply | Merge) -> Place:
    how = "" if isinstance(change, Apply) else change.subresource or "patch"
    return change.kind, change.key, how


def _memo(change: Apply | Merge) -> tuple[str, str]:
    observed = change.observed
    if not isinstance(change, Apply) and change.subresource == "status":
        return digest(change.body), digest(observed.get("status"))
    return digest(change.body), digest(_substance(observed))


def _substance(observed: Json) -> Json:
    metadata = observed.get("metadata") or {}
    kept = {name: value for name, value in metadata.items() if name not in _BOOKKEEPING}
    return {**{n: v for n, v in observed.items() if n != "status"}, "metadata": kept}
