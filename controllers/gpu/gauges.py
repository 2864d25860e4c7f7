"""Prometheus gauges of GPUs and jobs, computed from the caches when they are scraped.

Promises that a series disappears with what it tells about, that no label holds the name of a
pod, job or user, and that a scrape decodes only what has changed since the one before.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from controllers.gpu.accounting import node_offer, pod_usage, totals
from mlctl_core.objects.codec import decode
from mlctl_core.objects.core import Node, Pod
from mlctl_core.objects.json import DecodeError
from mlctl_core.objects.kinds import NODE, POD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mlctl_core.cache.store import Entry, Store
    from mlctl_core.objects.keys import ObjectKey
    from mlctl_core.objects.kinds import Kind

T = TypeVar("T")
K = TypeVar("K", bound=tuple[str, ...])

NO_QUEUE = ""
"""The queue of a pod that no queue admitted."""

_PENDING = "Pending"
"""The phase of a job that no controller has looked at yet."""


class GpuGauges(Collector):
    """GPUs by node and by namespace."""

    def __init__(self, stores: Mapping[Kind, Store]) -> None:
        self._pods = Remembered(stores[POD], lambda raw: pod_usage(decode(Pod, raw)))
        self._nodes = Remembered(stores[NODE], lambda raw: node_offer(decode(Node, raw)))

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """All series, as of now."""
        sums = totals(self._pods.values(), self._nodes.values())
        yield _family(
            "mlctl_gpu_capacity",
            "GPUs that a node has, healthy or not.",
            ("node", "resource", "product"),
            sums.capacity,
        )
        yield _family(
            "mlctl_gpu_allocatable",
            "GPUs that pods may use on a node.",
            ("node", "resource", "product"),
            sums.allocatable,
        )
        yield _family(
            "mlctl_gpu_allocated",
            "GPUs held on a node by pods that have not ended, terminating ones included.",
            ("node", "resource"),
            sums.allocated,
        )
        yield _family(
            "mlctl_gpu_requested",
            "GPUs that pods of a namespace ask for and have not given back.",
            ("namespace", "queue", "resource", "state"),
            {(n, NO_QUEUE, r, state): v for (n, r, state), v in sums.requested.items()},
        )
        yield _family(
            "mlctl_gpu_free_largest_block",
            "The most GPUs that one more pod could get on a node.",
            ("node", "resource"),
            sums.free_largest_block,
        )

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Nothing: names need not be computed from a full cache to be registered."""
        return iter(())


class JobGauges(Collector):
    """Jobs by kind, namespace and phase."""

    def __init__(self, stores: Mapping[Kind, Store]) -> None:
        self._phases = {kind.name: Remembered(store, _phase) for kind, store in stores.items()}

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The one family."""
        counts: Counter[tuple[str, str, str]] = Counter()
        for kind, phases in self._phases.items():
            counts.update((kind, key.namespace, phase) for key, phase in phases.items())
        yield _family(
            "mlctl_jobs",
            "Jobs by phase, ended ones included.",
            ("kind", "namespace", "phase"),
            counts,
        )

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Nothing: see `GpuGauges.describe`."""
        return iter(())


class Remembered(Generic[T]):
    """What a pure function makes of each object of a store, computed once per version.

    Objects that cannot be decoded, and those that the function answers None for, are left out.
    """

    def __init__(self, store: Store, function: Callable[[bytes], T | None]) -> None:
        self._store = store
        self._function = function
        self._known: dict[ObjectKey, tuple[str, str, T | None]] = {}

    def items(self) -> list[tuple[ObjectKey, T]]:
        """The value of each object that has one."""
        entries = self._store.list()
        self._known = {entry.key: self._look(entry) for entry in entries}
        return [(key, value) for key, (_, _, value) in self._known.items() if value is not None]

    def values(self) -> list[T]:
        """The values alone."""
        return [value for _, value in self.items()]

    def _look(self, entry: Entry) -> tuple[str, str, T | None]:
        uid, version = entry.metadata.uid, entry.metadata.resource_version
        known = self._known.get(entry.key)
        if known and known[:2] == (uid, version):
            return known
        try:
            return uid, version, self._function(entry.raw)
        except (DecodeError, msgspec.MsgspecError, ValueError):
            return uid, version, None


class _Status(msgspec.Struct):
    phase: str = _PENDING


class _Job(msgspec.Struct):
    status: _Status = msgspec.field(default_factory=_Status)


_job = msgspec.json.Decoder(_Job)


def _phase(raw: bytes) -> str:
    return _job.decode(raw).status.phase


def _family(
    name: str, text: str, labels: Sequence[str], values: Mapping[K, float]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=labels)
    for key, value in sorted(values.items()):
        family.add_metric(key, value)
    return family
