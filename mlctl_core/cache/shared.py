"""The caches of one process: one informer per kind, whoever reads it.

Promises that a kind is listed and watched once however many ask for it, and that a kind which
does not come in is named together with the server's reason: a missing right, a CRD that is not
installed (asked for again until it is), a server that is not there.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from mlctl_core.cache.informer import Informer
from mlctl_core.cache.store import INDEXED_LABELS
from mlctl_core.clock import deadline

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Collection, Mapping
    from random import Random

    from mlctl_core.cache.store import Store
    from mlctl_core.client.client import Client
    from mlctl_core.clock import Clock
    from mlctl_core.objects.kinds import Kind
    from mlctl_core.telemetry.metrics import Metrics

__all__ = ["CacheSyncError", "SharedCaches"]


class CacheSyncError(Exception):
    """Some kinds have not come in; the message names each with the reason, if there is one."""


class SharedCaches:
    """Informers by kind.

    Args:
        client: the way to the server.
        clock: what waits are measured by.
        random: what spreads them.
        metrics: where the caches are reported; nowhere by default.
        namespaces: only these; all by default. Cluster-scoped kinds are not concerned.
        indexed_labels: see `mlctl_core.cache.store.Store`.
        label_selectors: of kinds of which only some objects are wanted.
    """

    def __init__(
        self,
        client: Client,
        *,
        clock: Clock,
        random: Random,
        metrics: Metrics | None = None,
        namespaces: Collection[str] = (),
        indexed_labels: Collection[str] = INDEXED_LABELS,
        label_selectors: Mapping[Kind, str] = MappingProxyType({}),
    ) -> None:
        self._client = client
        self._clock = clock
        self._random = random
        self._metrics = metrics
        self._namespaces = tuple(namespaces)
        self._indexed_labels = tuple(indexed_labels)
        self._label_selectors = label_selectors
        self._informers: dict[Kind, Informer] = {}
        self._stores: dict[Kind, Store] = {}
        self._group: asyncio.TaskGroup | None = None

    @property
    def stores(self) -> Mapping[Kind, Store]:
        """The stores of the kinds that have been asked for; grows with them, read-only."""
        return MappingProxyType(self._stores)

    def informer(self, kind: Kind) -> Informer:
        """The informer of a kind: made at the first call, and started if the others are."""
        if (informer := self._informers.get(kind)) is not None:
            return informer
        informer = Informer(
            self._client,
            kind,
            self._namespaces,
            label_selector=self._label_selectors.get(kind, ""),
            indexed_labels=self._indexed_labels,
            clock=self._clock,
            random=self._random,
            metrics=self._metrics.cache(str(kind)) if self._metrics is not None else None,
        )
        self._informers[kind] = informer
        self._stores[kind] = informer.store
        if self._group is not None:
            self._start(informer, self._group)
        return informer

    def start(self, group: asyncio.TaskGroup) -> None:
        """Run all informers, and those that come later, as tasks of ``group``.

        They run until they are cancelled; what they raise is a bug, and ends the group.
        """
        self._group = group
        for informer in self._informers.values():
            self._start(informer, group)

    async def wait_synced(self, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Return once every informer has its list, the first one or a `refresh`'s.

        Args:
            timeout: seconds; None waits for as long as it takes.

        Raises:
            CacheSyncError: not within ``timeout``.
        """
        try:
            async with deadline(self._clock, timeout):
                for informer in list(self._informers.values()):
                    await informer.synced.wait()
        except TimeoutError:
            raise CacheSyncError(
                f"not in the cache after {timeout:g} s: " + "; ".join(self.missing())
            ) from None

    def refresh(self) -> None:
        """List everything anew; see `Informer.refresh`, and then `wait_synced`."""
        for informer in self._informers.values():
            informer.refresh()

    def missing(self) -> list[str]:
        """The kinds whose list is not there yet, each with what the server said."""
        return [
            f"{kind} ({informer.last_error or 'no answer yet'})"
            for kind, informer in self._informers.items()
            if not informer.synced.is_set()
        ]

    def _start(self, informer: Informer, group: asyncio.TaskGroup) -> None:
        group.create_task(informer.run(), name=f"informer {informer.kind}")
