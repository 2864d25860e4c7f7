"""All objects of the server, in memory, with one number that counts every change.

Promise: each write happens at once (no await inside), raises the one revision by one, is
visible to every later read and to every watcher in that order, and leaves either the old or
the new version, never a part. Readers get records, which do not change.

Does not promise durability, or any check of what is written: that is the caller's work.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from operator import attrgetter
from typing import TYPE_CHECKING

import structlog

from mlctl_core.embedded.apiserver.history import DEFAULT_WINDOW, Event, History
from mlctl_core.embedded.apiserver.records import Record, RecordKey, make_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlctl_core.objects.json import Json

    Listener = Callable[["Collection", Event], None]

_log = structlog.get_logger(__name__)


class Collection:
    """The objects of one resource, whatever versions it is served in."""

    def __init__(self, name: str, history: History) -> None:
        self.name = name
        """`group/plural`, which is what a storage key begins with."""
        self.objects: dict[RecordKey, Record] = {}
        self.history = history
        self.revision = 0
        """Of the last change; the objects are the same for every revision since."""
        self._keys: list[RecordKey] = []
        """Sorted by their paths, as etcd's keys are."""

    def get(self, namespace: str, name: str) -> Record | None:
        """Look one object up."""
        return self.objects.get(RecordKey(namespace, name))

    def records(self, namespace: str = "") -> list[Record]:
        """List the objects of a namespace, or all, in the order of their paths."""
        keys = self._keys
        if namespace:
            first = self._position(RecordKey(namespace, ""))
            keys = keys[first : bisect_left(keys, f"{namespace}{_AFTER_SLASH}", key=_path_of)]
        return [self.objects[key] for key in keys]

    def holds(self, namespace: str) -> bool:
        """Whether there is any object of a namespace."""
        first = self._position(RecordKey(namespace, ""))
        return first < len(self._keys) and self._keys[first].namespace == namespace

    def records_at(self, revision: int, namespace: str = "") -> list[Record]:
        """List the objects as they were at a revision.

        Raises:
            ExpiredError: the revision is older than the history.
        """
        if revision >= self.revision:
            return self.records(namespace)
        past = self.history.rewind(self.objects, revision)
        keys = sorted(past, key=_path_of)
        return [past[key] for key in keys if not namespace or key.namespace == namespace]

    def record(self, event: Event) -> None:
        """Take a change in."""
        key = event.record.key
        if event.type == "DELETED":
            del self.objects[key]
            del self._keys[self._position(key)]
        else:
            self.objects[key] = event.record
            if event.type == "ADDED":
                insort(self._keys, key, key=_path_of)
        self.revision = event.revision
        self.history.append(event)

    def _position(self, key: RecordKey) -> int:
        return bisect_left(self._keys, key.path, key=_path_of)


_path_of = attrgetter("path")

_AFTER_SLASH = chr(ord("/") + 1)
"""What the paths of a namespace all sort before."""


class Store:
    """The collections and the revision they share."""

    def __init__(self, window: int = DEFAULT_WINDOW) -> None:
        self.revision = 1
        """Of the last change; what a list reports as its resourceVersion."""
        self.by_uid: dict[str, tuple[Collection, RecordKey]] = {}
        self._window = window
        self._compacted = 0
        self._collections: dict[str, Collection] = {}
        self._listeners: list[Listener] = []
        self._told: deque[tuple[Collection, Event]] = deque()
        self._telling = False

    def collection(self, name: str) -> Collection:
        """Give the collection of that name, empty when nothing was ever stored in it."""
        found = self._collections.get(name)
        if found is None:
            found = Collection(name, History(self._window, self._compacted))
            self._collections[name] = found
        return found

    def collections(self) -> Iterator[Collection]:
        """Go through all collections."""
        yield from self._collections.values()

    def close(self) -> None:
        """End every watch."""
        for collection in self._collections.values():
            collection.history.close()

    def compact(self) -> None:
        """Forget how everything came to be as it is: what etcd's compaction does by time."""
        self._compacted = self.revision
        for collection in self._collections.values():
            collection.history.compact(self.revision)

    def end_history(self, name: str) -> None:
        """End the watches of a collection that is served no more, and forget how it became so."""
        collection = self.collection(name)
        collection.history.close()
        collection.history = History(self._window, self.revision)

    def listen(self, listener: Listener) -> None:
        """Have a function called after every change; it must be quick, and may write."""
        self._listeners.append(listener)

    def put(
        self, collection: Collection, obj: Json, selectable: Mapping[str, tuple[str, ...]]
    ) -> Record:
        """Store the object as its newest version; its resourceVersion is set in place."""
        self.revision += 1
        record = make_record(obj, self.revision, selectable)
        previous = collection.objects.get(record.key)
        event = Event("MODIFIED" if previous else "ADDED", record, previous)
        self.by_uid[record.uid] = (collection, record.key)
        self._commit(collection, event)
        return record

    def remove(
        self, collection: Collection, obj: Json, selectable: Mapping[str, tuple[str, ...]]
    ) -> Record:
        """Delete the object; `obj` is how it was last, and its resourceVersion is set in place.

        A delete has a revision of its own, which is what the DELETED event carries.
        """
        self.revision += 1
        record = make_record(obj, self.revision, selectable)
        previous = collection.objects[record.key]
        self.by_uid.pop(previous.uid, None)
        self._commit(collection, Event("DELETED", record, previous))
        return record

    def _commit(self, collection: Collection, event: Event) -> None:
        collection.record(event)
        self._told.append((collection, event))
        if self._telling:
            return  # A listener wrote: its change is told after the one it answers to.
        self._telling = True
        try:
            while self._told:
                changed = self._told.popleft()
                for listener in self._listeners:
                    self._tell(listener, *changed)
        finally:
            self._telling = False

    def _tell(self, listener: Listener, collection: Collection, event: Event) -> None:
        try:
            listener(collection, event)
        except Exception:  # noqa: BLE001 (one bad listener stops nothing)
            # The write is done; what somebody makes of it cannot undo or fail it.
            _log.exception("a listener failed", collection=collection.name, key=event.record.key)
