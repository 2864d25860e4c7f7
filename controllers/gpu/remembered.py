"""What is made of each object of a cache, worked out once per version of it.

Promises that an object which cannot be read hides no other: it is left out, named in the log once
per version, and counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec
import structlog

from mlctl_core.objects.json import DecodeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlctl_core.cache.store import Entry, Store
    from mlctl_core.objects.keys import ObjectKey
    from mlctl_core.objects.kinds import Kind

T = TypeVar("T")

_UNREADABLE = (DecodeError, msgspec.MsgspecError, ValueError, RecursionError)

_log = structlog.get_logger(__name__)


class Remembered(Generic[T]):
    """What a pure function makes of each object of a store.

    Args:
        kind: What the store holds; for the log.
        store: The cache.
        function: Answers None for an object that it has nothing to say about.
    """

    def __init__(self, kind: Kind, store: Store, function: Callable[[Entry], T | None]) -> None:
        self._kind = kind
        self._store = store
        self._function = function
        self._known: dict[ObjectKey, _Known[T]] = {}

    @property
    def unreadable(self) -> int:
        """Objects that could not be read at the last look."""
        return sum(not known.readable for known in self._known.values())

    def items(self) -> list[tuple[ObjectKey, T]]:
        """Look: the value of each object that has one."""
        self._known = {entry.key: self._look(entry) for entry in self._store.list()}
        return [(key, k.value) for key, k in self._known.items() if k.value is not None]

    def values(self) -> list[T]:
        """Look: the values alone."""
        return [value for _, value in self.items()]

    def _look(self, entry: Entry) -> _Known[T]:
        version = entry.metadata.uid, entry.metadata.resource_version
        known = self._known.get(entry.key)
        if known and known.version == version:
            return known
        try:
            return _Known(version, self._function(entry))
        except _UNREADABLE as error:
            text = f"{type(error).__name__}: {error}"
            kind, key = self._kind.name, str(entry.key)
            _log.warning(
                "object cannot be read, metrics are without it", kind=kind, key=key, error=text
            )
            return _Known(version, None, readable=False)


class _Known(Generic[T]):
    """What was made of one version of an object."""

    __slots__ = ("readable", "value", "version")

    def __init__(self, version: tuple[str, str], value: T | None, *, readable: bool = True) -> None:
        self.version = version
        self.value = value
        self.readable = readable
