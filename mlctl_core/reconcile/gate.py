"""Read your own writes: a key is not planned again until the caches show what it wrote.

Promises that a plan never sees a cache that lacks its own earlier writes, so that it cannot
make a second child because the first has not arrived, nor write a status back to what it was
(KEP-5647 does the same inside kube-controller-manager, per owner). One object waits; all
others go on, and no worker waits. Does not promise it at any price: after a time-out the plan
goes ahead, which deterministic names and UID preconditions make safe, if wasteful.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from mlctl_core.cache.versions import is_older

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mlctl_core.cache.store import Store
    from mlctl_core.clock import Clock, TimerHandle
    from mlctl_core.objects.keys import ObjectKey
    from mlctl_core.objects.kinds import Kind
    from mlctl_core.reconcile.sink import Written

# Seconds. A watch delivers within milliseconds; one that breaks is noticed and begun again in
# some seconds. What takes longer is not worth keeping an object unattended for: an object
# outside a cache's selector, or a server restored to an older state, would wait for ever.
TIMEOUT_SECONDS = 15.0

_log = structlog.get_logger()


class Gate:
    """Which keys of one controller wait for the caches, and for what.

    Args:
        stores: The caches of all kinds that the controller writes.
        clock: For the time-out.
        release: Called with a key that was held when nothing holds it any more.
    """

    def __init__(
        self,
        stores: Mapping[Kind, Store],
        *,
        clock: Clock,
        release: Callable[[ObjectKey], None],
    ) -> None:
        self._stores = stores
        self._clock = clock
        self._release = release
        # Per owner what has not been seen, by the object written; the last write counts.
        self._awaited: dict[ObjectKey, dict[tuple[Kind, ObjectKey], Written]] = {}
        # The same the other way round, so that an event costs one look-up.
        self._owners: dict[Kind, dict[ObjectKey, set[ObjectKey]]] = {}
        self._held: set[ObjectKey] = set()
        self._timers: dict[ObjectKey, TimerHandle] = {}

    def expect(self, owner: ObjectKey, writes: Iterable[Written]) -> None:
        """``owner``'s plan has written; not before the caches show it may it be made again."""
        for write in writes:
            if write.kind not in self._stores or self._shows(write):
                continue
            self._awaited.setdefault(owner, {})[write.kind, write.key] = write
            self._owners.setdefault(write.kind, {}).setdefault(write.key, set()).add(owner)
        if owner in self._awaited and owner not in self._timers:
            self._timers[owner] = self._clock.call_later(
                TIMEOUT_SECONDS, lambda: self._time_out(owner)
            )

    def holds(self, owner: ObjectKey) -> bool:
        """Whether ``owner`` has to wait; if so, it is released when it need not any more."""
        if owner not in self._awaited:
            return False
        self._held.add(owner)
        return True

    def seen(self, kind: Kind, key: ObjectKey | None) -> None:
        """The cache of ``kind`` has moved on: at one object, or (None) as a whole."""
        by_key = self._owners.get(kind)
        if not by_key:
            return
        for written in [key] if key is not None else list(by_key):
            for owner in list(by_key.get(written, ())):
                if self._shows(self._awaited[owner][kind, written]):
                    self._drop(owner, kind, written)

    def forget(self, owner: ObjectKey) -> None:
        """``owner`` is gone; what it waited for does not matter to a new one of its name."""
        for kind, key in list(self._awaited.get(owner, ())):
            self._drop(owner, kind, key)

    def _shows(self, write: Written) -> bool:
        store = self._stores[write.kind]
        entry = store.get(write.key)
        metadata = entry.metadata if entry is not None else None
        same = metadata is not None and metadata.uid == write.uid
        if write.deleted:
            return not same or (
                write.lingers and metadata is not None and metadata.deletion_timestamp is not None
            )
        if same and metadata is not None:
            return not is_older(metadata.resource_version, write.resource_version)
        # Deleted or replaced since, or never cached: the cache only has to have got that far.
        return not is_older(store.resource_version, write.resource_version)

    def _drop(self, owner: ObjectKey, kind: Kind, key: ObjectKey) -> None:
        awaited = self._awaited[owner]
        del awaited[kind, key]
        owners = self._owners[kind][key]
        owners.discard(owner)
        if not owners:
            del self._owners[kind][key]
        if awaited:
            return
        del self._awaited[owner]
        timer = self._timers.pop(owner, None)
        if timer is not None:
            timer.cancel()
        if owner in self._held:
            self._held.discard(owner)
            self._release(owner)

    def _time_out(self, owner: ObjectKey) -> None:
        self._timers.pop(owner, None)
        awaited = self._awaited.get(owner, {})
        _log.warning(
            "own writes not seen in the cache, going on without",
            key=str(owner),
            seconds=TIMEOUT_SECONDS,
            writes=[f"{kind} {key}" for kind, key in awaited],
        )
        self.forget(owner)
