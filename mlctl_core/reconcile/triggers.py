"""Which keys a change in a cache asks to look at again, and why.

A change only says "look again"; a planner never sees it. The reason is kept for logs.
Pure but for the reverse index, which belongs to the cache's handler and to nobody else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from mlctl_core.objects.codec import decode
from mlctl_core.objects.json import DecodeError
from mlctl_core.objects.keys import ObjectKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlctl_core.cache.informer import Change
    from mlctl_core.objects.kinds import Kind
    from mlctl_core.objects.metadata import Metadata
    from mlctl_core.reconcile.planner import Watch

T = TypeVar("T")


def wants_planning(old: Metadata | None, new: Metadata | None) -> bool:
    """Whether more than status or managedFields differs between two states of one object.

    The server raises the generation for every change of the spec and for none of the status,
    in custom resources and in the built-in kinds that have one. Where it stays 0 (ConfigMap,
    Secret, Service) every new version counts.
    """
    if old is None or new is None or old.uid != new.uid:
        return True
    if not new.generation:
        return old.resource_version != new.resource_version
    return (
        old.generation != new.generation
        or old.deletion_timestamp != new.deletion_timestamp
        or old.finalizers != new.finalizers
        or old.labels != new.labels
        or old.annotations != new.annotations
    )


def for_(change: Change) -> Iterator[tuple[ObjectKey, str]]:
    """The planned object itself, unless only its status changed (most often by ourselves)."""
    if wants_planning(change.old, change.new):
        yield change.key, f"{change.kind.name} {_verb(change)}"


def owns(change: Change, owner: Kind) -> Iterator[tuple[ObjectKey, str]]:
    """The controllers of a child, its old one too: a child may change hands, or be recreated."""
    old, new = change.old, change.new
    if old is not None and new is not None and old.owner_references == new.owner_references:
        old = None
    seen: set[str] = set()
    for metadata in (old, new):
        reference = metadata.controller if metadata is not None else None
        if metadata is None or reference is None or reference.name in seen:
            continue
        if reference.kind != owner.name or _group(reference.api_version) != owner.group:
            continue
        seen.add(reference.name)
        namespace = metadata.namespace if owner.namespaced else ""
        yield (
            ObjectKey(namespace, reference.name),
            f"{change.kind.name} {metadata.name} {_verb(change)}",
        )


class References(Generic[T]):
    """Who refers to whom, by key: what `Watch.index` said of each planned object.

    Kept in step by `follow`, which is called for each change of the planned kind, so that a
    change of the watched kind finds its referrers without decoding any of them.
    """

    def __init__(self, watch: Watch, cls: type[T]) -> None:
        self._watch = watch
        self._cls = cls
        self._targets: dict[ObjectKey, tuple[ObjectKey, ...]] = {}
        self._referrers: dict[ObjectKey, set[ObjectKey]] = {}

    def follow(self, change: Change) -> Iterable[tuple[ObjectKey, str]]:
        """Record what a planned object now refers to; asks for no look at anything.

        An object that cannot be decoded refers to nothing: it cannot be planned either.
        """
        if wants_planning(change.old, change.new):
            targets = () if change.entry is None else self._refers_to(change.entry.raw)
            self._record(change.key, targets)
        return ()

    def watches(self, change: Change) -> Iterator[tuple[ObjectKey, str]]:
        """The referrers of a changed object of the watched kind, in order of key."""
        yield from _named(change, sorted(self._referrers.get(change.key, ())))

    def _record(self, key: ObjectKey, targets: tuple[ObjectKey, ...]) -> None:
        for target in self._targets.pop(key, ()):
            referrers = self._referrers[target]
            referrers.discard(key)
            if not referrers:
                del self._referrers[target]
        if targets:
            self._targets[key] = targets
        for target in targets:
            self._referrers.setdefault(target, set()).add(key)

    def _refers_to(self, raw: bytes) -> tuple[ObjectKey, ...]:
        if self._watch.index is None:
            return ()
        try:
            obj = decode(self._cls, raw)
        except DecodeError:
            return ()
        return tuple(dict.fromkeys(self._watch.index(obj)))


def mapped(change: Change, watch: Watch) -> Iterator[tuple[ObjectKey, str]]:
    """The keys that `Watch.map` makes of a changed object, from its old and its new state."""
    if watch.map is None:
        return
    keys: dict[ObjectKey, None] = {}
    for metadata in (change.old, change.new):
        if metadata is not None:
            keys.update(dict.fromkeys(watch.map(metadata)))
    # Mostly none: the pods of one kind's jobs are nothing to the controllers of the others.
    if keys:
        yield from _named(change, keys)


def _named(change: Change, keys: Iterable[ObjectKey]) -> Iterator[tuple[ObjectKey, str]]:
    reason = f"{change.kind.name} {change.key} {_verb(change)}"
    for key in keys:
        yield key, reason


def _verb(change: Change) -> str:
    if change.new is None:
        return "deleted"
    return "added" if change.old is None else "changed"


def _group(api_version: str) -> str:
    group, slash, _ = api_version.partition("/")
    return group if slash else ""
