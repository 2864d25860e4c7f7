"""What happened to a collection, in order, as far back as is kept.

Promise: entries are in the order of their revisions; every reader sees each entry once and
holds no queue of its own, only a position, so a slow reader costs nothing and finds out by
`Expired` that it was too slow. The state of the collection at any kept revision can be
worked out from the present one.

Does not promise to keep anything for a time: the bound is a number of entries, and older
ones go when it is reached (etcd compacts by time; the effect on a client is the same 410).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlctl_core.embedded.apiserver.records import Record, RecordKey

EventType = Literal["ADDED", "MODIFIED", "DELETED"]

DEFAULT_WINDOW = 8192
"""Entries kept per collection: some minutes of a busy cluster on a laptop, tens of MB."""


class ExpiredError(Exception):
    """The asked-for revision is older than the history."""


class Event:
    """One change of one object; carries the bytes that all its watchers share."""

    __slots__ = ("forms", "previous", "record", "revision", "type")

    def __init__(self, type_: EventType, record: Record, previous: Record | None) -> None:
        self.type = type_
        self.record = record
        """The object after the change; for DELETED as it last was, at the revision of the end."""
        self.previous = previous
        self.revision = record.revision
        self.forms: dict[str, bytes] = {}
        """The object in other forms than it is stored in, filled by the first watcher."""


class History:
    """The entries of one collection, and the waking of those who read them."""

    def __init__(self, window: int = DEFAULT_WINDOW, compacted: int = 0) -> None:
        self._window = window
        self._events: list[Event] = []
        self._offset = 0
        """Position of the first kept entry, counted from the first one ever."""
        self._compacted = compacted
        """Every change up to this revision may be forgotten."""
        self._waiters: set[asyncio.Future[None]] = set()
        self.closed = False

    @property
    def end(self) -> int:
        """The position after the last entry."""
        return self._offset + len(self._events)

    def append(self, event: Event) -> None:
        """Add the newest entry and wake the readers."""
        self._events.append(event)
        if len(self._events) >= 2 * self._window:
            # Cut in big steps, so that a cut costs nothing per entry.
            self._compacted = self._events[self._window - 1].revision
            del self._events[: self._window]
            self._offset += self._window
        self._wake()

    def compact(self, revision: int) -> None:
        """Forget every change up to a revision, as etcd's compaction does."""
        forgotten = self._index_after(revision)
        del self._events[:forgotten]
        self._offset += forgotten
        self._compacted = max(self._compacted, revision)

    def position_after(self, revision: int) -> int:
        """Find where to read on from for changes later than `revision`.

        Raises:
            ExpiredError: some of them are forgotten.
        """
        if revision < self._compacted:
            raise ExpiredError
        return self._offset + self._index_after(revision)

    def _index_after(self, revision: int) -> int:
        low, high = 0, len(self._events)
        while low < high:
            middle = (low + high) // 2
            if self._events[middle].revision <= revision:
                low = middle + 1
            else:
                high = middle
        return low

    def read(self, position: int) -> list[Event]:
        """Give the entries from a position on.

        Raises:
            ExpiredError: the first of them is forgotten.
        """
        if position < self._offset:
            raise ExpiredError
        return self._events[position - self._offset :]

    def waiter(self) -> asyncio.Future[None]:
        """Give a future that is done when the next entry is there, or at the end of all."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.closed:
            waiter.set_result(None)
            return waiter
        self._waiters.add(waiter)
        waiter.add_done_callback(self._waiters.discard)
        return waiter

    def close(self) -> None:
        """Tell the readers that nothing more will come."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        for waiter in tuple(self._waiters):
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    def rewind(self, objects: Mapping[RecordKey, Record], revision: int) -> dict[RecordKey, Record]:
        """Work out the collection as it was at a revision from what it is now.

        Raises:
            ExpiredError: the revision is older than the history.
        """
        first = self.position_after(revision)
        past = dict(objects)
        for event in reversed(self.read(first)):
            if event.previous is None:
                past.pop(event.record.key, None)
            else:
                past[event.previous.key] = event.previous
        return past
