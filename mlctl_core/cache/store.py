"""The objects of one kind as last heard of, with indexes by namespace, controller and label.

Promises that a key's version never goes back while it is fed from watches; only a fresh list
may set it back, since a consistent list tells what is there now, also after a server was
restored from a backup. What is read out is frozen. An index holds no empty sets, whatever comes
and goes (k/k #84959).

Does not promise freshness: it is as old as the last event. Pure: no I/O, no waiting, not for use
from several threads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec

from mlctl_core.cache.versions import is_older
from mlctl_core.objects.keys import ObjectKey
from mlctl_core.objects.metadata import Metadata

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

__all__ = ["Entry", "Store"]

INDEXED_LABELS = ("mlctl.dev/",)
"""The labels that are indexed unless a store is told otherwise."""

# What the scope of all namespaces is called, as in a list's path.
EVERYWHERE = ""

_Index = dict[str, dict[ObjectKey, None]]


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One cached object. Shared by all readers."""

    raw: bytes
    """The object's JSON as the server sent it, without managedFields."""

    metadata: Metadata
    """Decoded from it; of an undecodable object only name, namespace, UID and version."""

    undecodable: str = ""
    """Why the object cannot be decoded, or empty."""

    @property
    def key(self) -> ObjectKey:
        """Namespace and name."""
        return self.metadata.key


# Within the class `list` is the method.
_Keys: TypeAlias = list[ObjectKey]
_Entries: TypeAlias = list[Entry]
_Changes: TypeAlias = list[tuple[Entry | None, Entry | None]]


class Store:
    """One kind's objects.

    Args:
        indexed_labels: names of labels to find objects by at once; one that ends in ``/``
            stands for all names that begin with it. Others are found by going through all.
        scopes: the namespaces that are listed and watched one by one; by default one scope,
            all namespaces.
    """

    def __init__(
        self,
        indexed_labels: Collection[str] = INDEXED_LABELS,
        scopes: Collection[str] = (EVERYWHERE,),
    ) -> None:
        self._names = frozenset(name for name in indexed_labels if not name.endswith("/"))
        self._prefixes = tuple(name for name in indexed_labels if name.endswith("/"))
        self._versions = dict.fromkeys(scopes, "")
        self._entries: dict[ObjectKey, Entry] = {}
        self._by_namespace: _Index = {}
        self._by_owner: _Index = {}
        self._by_label: dict[str, _Index] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    @property
    def resource_version(self) -> str:
        """Up to where the server's changes have been seen; empty before the first list.

        With several scopes, up to where they have been seen in all of them.
        """
        versions = iter(self._versions.values())
        lowest = next(versions, "")
        for version in versions:
            if not version or is_older(version, lowest):
                lowest = version
        return lowest

    @property
    def size_bytes(self) -> int:
        """Bytes of JSON held."""
        return self._bytes

    def get(self, key: ObjectKey) -> Entry | None:
        """The object of that key, or None."""
        return self._entries.get(key)

    def keys(self) -> _Keys:
        """All keys, in no order."""
        return list(self._entries)

    def list(self, namespace: str | None = None) -> _Entries:
        """All objects, or those of a namespace; in no order."""
        if namespace is None:
            return list(self._entries.values())
        return self._found(self._by_namespace.get(namespace, ()))

    def by_owner(self, uid: str) -> _Entries:
        """The objects whose controlling owner has that UID; in no order."""
        return self._found(self._by_owner.get(uid, ()))

    def by_label(self, name: str, value: str, namespace: str | None = None) -> _Entries:
        """The objects that carry that label, or those of a namespace; in no order.

        Costs what the label or the namespace has, whichever is fewer: a thousand tenants may each
        have an object of one name. For a label without an index all objects are gone through.
        """
        if not self._is_indexed(name):
            entries = self.list(namespace)
            return [e for e in entries if e.metadata.labels.get(name) == value]
        labelled = self._by_label.get(name, {}).get(value, {})
        if namespace is None:
            return self._found(labelled)
        within = self._by_namespace.get(namespace, {})
        fewer, more = (within, labelled) if len(within) < len(labelled) else (labelled, within)
        return self._found(key for key in fewer if key in more)

    def put(self, entry: Entry) -> bool:
        """Take a watch's object in; False (and nothing done) when a newer one is there."""
        old = self._entries.get(entry.key)
        if old is not None and _is_stale(entry, old):
            return False
        self._set(entry, old)
        return True

    def remove(self, entry: Entry) -> bool:
        """Take out what a watch says is gone; False when it is not there, or newer."""
        old = self._entries.get(entry.key)
        if old is None or _is_stale(entry, old):
            return False
        self._delete(old)
        return True

    def replace(
        self, entries: Iterable[Entry], resource_version: str, scope: str = EVERYWHERE
    ) -> _Changes:
        """Make a scope what a list says it is.

        Returns:
            What became of each object that is not as it was, old and new; deletions first.
        """
        listed = {entry.key: entry for entry in entries}
        changes: _Changes = []
        for old in self.list(scope or None):
            if old.key not in listed:
                self._delete(old)
                changes.append((old, None))
        for key, entry in listed.items():
            before = self._entries.get(key)
            if before is None or not _is_same(before, entry):
                self._set(entry, before)
                changes.append((before, entry))
        self._versions[scope] = resource_version
        return changes

    def advance(self, resource_version: str, scope: str = EVERYWHERE) -> None:
        """Note up to where changes have been seen; going back is ignored."""
        if resource_version and not is_older(resource_version, self._versions[scope]):
            self._versions[scope] = resource_version

    def _found(self, keys: Iterable[ObjectKey]) -> _Entries:
        return [self._entries[key] for key in keys]

    def _set(self, entry: Entry, old: Entry | None) -> None:
        key = entry.key
        self._entries[key] = entry
        self._bytes += len(entry.raw) - (len(old.raw) if old is not None else 0)
        if old is not None and _is_indexed_alike(old, entry):
            return
        if old is not None:
            self._unindex(old, key)
        for index, value in self._places(entry):
            index.setdefault(value, {})[key] = None

    def _delete(self, old: Entry) -> None:
        key = old.key
        del self._entries[key]
        self._bytes -= len(old.raw)
        self._unindex(old, key)

    def _unindex(self, old: Entry, key: ObjectKey) -> None:
        for index, value in self._places(old):
            keys = index[value]
            del keys[key]
            if not keys:
                del index[value]
        for name in [name for name, index in self._by_label.items() if not index]:
            del self._by_label[name]

    def _places(self, entry: Entry) -> Iterator[tuple[_Index, str]]:
        """Where an entry is indexed: the index, and the value in it."""
        metadata = entry.metadata
        yield self._by_namespace, metadata.namespace
        owner = metadata.controller
        if owner is not None:
            yield self._by_owner, owner.uid
        for name, value in (metadata.label_map or {}).items():
            if self._is_indexed(name):
                yield self._by_label.setdefault(name, {}), value

    def _is_indexed(self, label: str) -> bool:
        return label in self._names or label.startswith(self._prefixes)


def _is_stale(entry: Entry, held: Entry) -> bool:
    return is_older(entry.metadata.resource_version, held.metadata.resource_version)


def _is_same(one: Entry, other: Entry) -> bool:
    """Whether two entries of one key are the same version of the same object."""
    a, b = one.metadata, other.metadata
    return a.uid == b.uid and a.resource_version == b.resource_version != ""


def _is_indexed_alike(old: Entry, new: Entry) -> bool:
    a, b = old.metadata, new.metadata
    return a.owner_references == b.owner_references and a.label_map == b.label_map
