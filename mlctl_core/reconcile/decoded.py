"""Typed views that are decoded once and shared by all who look at the same version of an object.

One plan looks at an object several times, and the next plan finds most objects as they were: a
job's other pods, the nodes under all of them.

Promises that what is handed out is what the entry holds, that what is shared is frozen, its
collections too, and that no more than `MEMORY` objects are kept. Used from one event loop.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from mlctl_core.objects.codec import decode
from mlctl_core.objects.fields import fields_of, once_per_class

if TYPE_CHECKING:
    from mlctl_core.cache.store import Entry
    from mlctl_core.objects.fields import Shape

T = TypeVar("T")

# The pods of the jobs that are being worked on, and all nodes of a large cluster. A pod takes
# some 8 KB decoded: 4 MB, of which a controller with little to do keeps next to nothing.
MEMORY = 500


class Decoded:
    """The objects of one controller that were looked at last."""

    def __init__(self) -> None:
        # By class, namespace and name: a new version takes the place of the one before.
        self._known: OrderedDict[tuple[type, str, str], tuple[Entry, Any]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def get(self, cls: type[T], entry: Entry) -> T:
        """The object of ``cls`` that ``entry`` holds.

        Raises:
            DecodeError: it does not fit its class.
        """
        metadata = entry.metadata
        place = (cls, metadata.namespace, metadata.name)
        known = self._known.get(place)
        # An entry is never changed, so the same one holds the same.
        if known is not None and known[0] is entry:
            self._known.move_to_end(place)
            found: T = known[1]
            return found
        obj = decode(cls, entry.raw)
        if not _is_frozen(cls):
            return obj
        self._known[place] = entry, obj
        self._known.move_to_end(place)
        if len(self._known) > MEMORY:
            self._known.popitem(last=False)
        return obj


@once_per_class
def _is_frozen(cls: type) -> bool:
    """Whether nothing of an object of the class can be changed; JSON that is kept as it is can."""
    return all(_holds_frozen(field.shape) for field in fields_of(cls))


def _holds_frozen(shape: Shape) -> bool:
    if inner := shape.item or shape.value:
        return _holds_frozen(inner)
    return _is_frozen(shape.type) if attrs.has(shape.type) else shape.type is not Any
