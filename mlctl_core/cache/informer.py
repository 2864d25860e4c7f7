"""One kind's store, kept in step with the server, and the changes as they come.

What handlers may rely on:

- The changes of one object come in the order in which they happened, each once, though several
  may have been merged into one. Across objects there is no order.
- The store is up to date before a handler is called, and may be ahead of the change.
- A handler that is added late is given what is there as if it had just been added; it misses
  nothing and gets nothing twice.
- An object that was deleted and made again unseen is one change between two UIDs. One that was
  deleted unseen is a deletion whose last state is the last one that was seen.
- What a handler raises is logged, and hurts neither the cache nor other handlers.

A handler is called from the event loop between two network reads: it puts a key into a queue,
and does nothing that takes time.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import msgspec
import structlog

from mlctl_core.cache.reflector import Reflector
from mlctl_core.cache.store import INDEXED_LABELS, Entry, Store
from mlctl_core.objects.keys import ObjectKey
from mlctl_core.objects.kinds import Kind
from mlctl_core.objects.metadata import Metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from random import Random

    from mlctl_core.client.client import Client
    from mlctl_core.client.errors import ClientError
    from mlctl_core.clock import Clock
    from mlctl_core.telemetry.metrics import CacheMetrics

__all__ = ["Change", "Informer"]

_log = structlog.get_logger(__name__)


class Change(msgspec.Struct, frozen=True, gc=False):
    """What became of one object. Shared by all handlers."""

    kind: Kind
    key: ObjectKey
    old: Metadata | None
    """As it was when last seen; None for an object that is new to us."""
    new: Metadata | None
    """As it is; None when it is gone."""
    entry: Entry | None
    """The object as it is in the cache; None when it is gone."""


class Informer:
    """Follows one kind. `run` it, wait for `synced`, read `store`.

    Args:
        client: the way to the server.
        kind: what.
        namespace: where: one namespace, several, or everywhere if empty.
        label_selector: only these.
        field_selector: only these.
        indexed_labels: see `Store`.
        clock: what waits are measured by.
        random: what spreads them.
        metrics: of this kind's cache; none by default.
    """

    def __init__(
        self,
        client: Client,
        kind: Kind,
        namespace: str | Collection[str] = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        indexed_labels: Collection[str] = INDEXED_LABELS,
        clock: Clock,
        random: Random,
        metrics: CacheMetrics | None = None,
    ) -> None:
        self.kind = kind
        scopes = _scopes(kind, namespace)
        self.store = Store(indexed_labels, scopes)
        self.synced = asyncio.Event()
        """Set once a list is in the store and its handlers have been called; see `refresh`."""
        self._scopes = scopes
        self._unlisted = set(scopes)
        self._handlers: list[Callable[[Change], None]] = []
        self._listeners: list[Callable[[ObjectKey | None], None]] = []
        self._metrics = metrics
        self._new_reflector = partial(
            Reflector,
            client,
            kind,
            label_selector=label_selector,
            field_selector=field_selector,
            clock=clock,
            random=random,
        )
        self._reflectors = self._new_reflectors()
        self._group: asyncio.TaskGroup | None = None
        self._tasks: list[asyncio.Task[None]] = []
        if metrics is not None:
            metrics.sources(
                objects=lambda: len(self.store),
                size=lambda: self.store.size_bytes,
                last_event_age=lambda: self.seconds_since_heard,
            )

    @property
    def last_error(self) -> ClientError | None:
        """Why the cache is not being kept up to date at present; None while it is."""
        return next((r.last_error for r in self._reflectors if r.last_error is not None), None)

    @property
    def seconds_since_heard(self) -> float:
        """Since the server last said anything of this kind, bookmarks included."""
        return max(reflector.seconds_since_heard for reflector in self._reflectors)

    def add_handler(self, handler: Callable[[Change], None]) -> None:
        """Call ``handler`` for each change from now on, and first for what is there."""
        self._handlers.append(handler)
        for entry in self.store.list():
            change = Change(self.kind, entry.key, None, entry.metadata, entry)
            self._call(handler, change)

    def add_progress_listener(self, listener: Callable[[ObjectKey | None], None]) -> None:
        """Call ``listener`` whenever the store has caught up some more with the server.

        With the key of the object that was heard of, after its handlers; with None after a
        list or a bookmark, when `Store.resource_version` may have moved for all objects.
        """
        self._listeners.append(listener)

    async def run(self) -> None:
        """Keep the store in step with the server until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            self._start(group)

    def refresh(self) -> None:
        """List anew what is there now; until that is in the store, `synced` is not set.

        For who must know that all writes up to now have been seen. A watch cannot tell: it may
        lag, and of a quiet kind it says nothing. What is in the store stays, and is read, until
        the list takes its place.
        """
        self.synced.clear()
        self._unlisted = set(self._scopes)
        for task in self._tasks:
            task.cancel()
        self._reflectors = self._new_reflectors()
        if self._group is not None:
            self._start(self._group)

    def _new_reflectors(self) -> list[Reflector]:
        return [self._new_reflector(_Scope(self, scope), namespace=scope) for scope in self._scopes]

    def _start(self, group: asyncio.TaskGroup) -> None:
        self._tasks = [
            group.create_task(reflector.run(), name=f"reflector {self.kind}")
            for reflector in self._reflectors
        ]

    def _replaced(self, scope: str, entries: Iterable[Entry], resource_version: str) -> None:
        for old, new in self.store.replace(entries, resource_version, scope):
            self._dispatch(old, new)
        self._unlisted.discard(scope)
        if not self._unlisted:
            self.synced.set()
        self._progress(None)

    def _changed(self, scope: str, entry: Entry) -> None:
        key = entry.key
        old = self.store.get(key)
        fresh = self.store.put(entry)
        self.store.advance(entry.metadata.resource_version, scope)
        if fresh and not _is_repeated(old, entry):
            self._dispatch(old, entry)
        self._progress(key)

    def _deleted(self, scope: str, entry: Entry) -> None:
        key = entry.key
        old = self.store.get(key)
        gone = self.store.remove(entry)
        self.store.advance(entry.metadata.resource_version, scope)
        if gone:
            self._dispatch(old, None)
        self._progress(key)

    def _reached(self, scope: str, resource_version: str) -> None:
        self.store.advance(resource_version, scope)
        self._progress(None)

    def _restarted(self, reason: str) -> None:
        if self._metrics is not None:
            self._metrics.watch_restarted(reason)

    def _dispatch(self, old: Entry | None, new: Entry | None) -> None:
        some = new if new is not None else old
        if some is None:
            return
        change = Change(
            self.kind,
            some.key,
            old.metadata if old is not None else None,
            new.metadata if new is not None else None,
            new,
        )
        for handler in self._handlers:
            self._call(handler, change)

    def _call(self, handler: Callable[[Change], None], change: Change) -> None:
        try:
            handler(change)
        except Exception:  # noqa: BLE001 - one handler's bug is not the others'
            _log.exception("handler raised", kind=str(self.kind), key=str(change.key))

    def _progress(self, key: ObjectKey | None) -> None:
        for listener in self._listeners:
            try:
                listener(key)
            except Exception:  # noqa: BLE001 - as above
                _log.exception("progress listener raised", kind=str(self.kind), key=str(key))


class _Scope:
    """The sink of one of an informer's reflectors."""

    def __init__(self, informer: Informer, scope: str) -> None:
        self._informer = informer
        self._scope = scope

    def replaced(self, entries: Iterable[Entry], resource_version: str) -> None:
        self._informer._replaced(self._scope, entries, resource_version)  # noqa: SLF001 - its part

    def changed(self, entry: Entry) -> None:
        self._informer._changed(self._scope, entry)  # noqa: SLF001

    def deleted(self, entry: Entry) -> None:
        self._informer._deleted(self._scope, entry)  # noqa: SLF001

    def reached(self, resource_version: str) -> None:
        self._informer._reached(self._scope, resource_version)  # noqa: SLF001

    def restarted(self, reason: str) -> None:
        self._informer._restarted(reason)  # noqa: SLF001


def _scopes(kind: Kind, namespace: str | Collection[str]) -> tuple[str, ...]:
    if not kind.namespaced or not namespace:
        return ("",)
    return (namespace,) if isinstance(namespace, str) else tuple(dict.fromkeys(namespace))


def _is_repeated(old: Entry | None, new: Entry) -> bool:
    """Whether a watch told what was known: it may begin a little before the list's version."""
    if old is None or not new.metadata.resource_version:
        return False
    a, b = old.metadata, new.metadata
    return a.uid == b.uid and a.resource_version == b.resource_version
