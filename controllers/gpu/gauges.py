"""Prometheus gauges of GPUs and jobs, computed from the caches when they are scraped.

Promises that a series disappears with what it tells about, that no label holds the name of a
pod, job or user, and that a scrape decodes only what has changed since the one before. What
cannot be read is counted by itself.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypeVar

import msgspec
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from controllers.gpu.accounting import GPU_RESOURCES, node_offer, pod_usage, totals
from controllers.gpu.remembered import Remembered
from mlctl_core.objects.codec import decode
from mlctl_core.objects.core import Node, Pod
from mlctl_core.objects.kinds import NODE, POD

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator, Mapping, Sequence

    from mlctl_core.cache.store import Entry, Store
    from mlctl_core.objects.kinds import Kind

K = TypeVar("K", bound=tuple[str, ...])

NO_QUEUE = ""
"""The queue of a pod that no queue admitted."""

_PENDING = "Pending"
"""The phase of a job that no controller has looked at yet."""


class GpuGauges(Collector):
    """GPUs by node and by namespace.

    Args:
        stores: of pods and nodes.
        resources: matches the whole name of what counts as a GPU.
    """

    def __init__(
        self, stores: Mapping[Kind, Store], resources: re.Pattern[str] = GPU_RESOURCES
    ) -> None:
        self._pods = Remembered(
            POD, stores[POD], lambda entry: pod_usage(decode(Pod, entry.raw), resources)
        )
        self._nodes = Remembered(
            NODE, stores[NODE], lambda entry: node_offer(decode(Node, entry.raw), resources)
        )

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
            "The most GPUs that one more pod could get on a node; 0 where no pod may come.",
            ("node", "resource"),
            sums.free_largest_block,
        )
        yield _family(
            "mlctl_gpu_unavailable",
            "Allocatable GPUs of a node that takes no more pods, by reason.",
            ("node", "resource", "reason"),
            sums.unavailable,
        )
        unreadable = {(POD.name,): self._pods.unreadable, (NODE.name,): self._nodes.unreadable}
        yield _family(
            "mlctl_gpu_unreadable_objects",
            "Objects that cannot be read and count as if they had no GPUs; the log names them.",
            ("kind",),
            unreadable,
        )

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Nothing: names need not be computed from a full cache to be registered."""
        return iter(())


class JobGauges(Collector):
    """Jobs by kind, namespace and phase, and those that tell none."""

    def __init__(self, stores: Mapping[Kind, Store]) -> None:
        self._phases = {
            kind.name: Remembered(kind, store, _phase) for kind, store in stores.items()
        }

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Both families."""
        counts: Counter[tuple[str, str, str]] = Counter()
        for kind, phases in self._phases.items():
            counts.update((kind, key.namespace, phase) for key, phase in phases.items())
        yield _family(
            "mlctl_jobs",
            "Jobs by phase, ended ones included.",
            ("kind", "namespace", "phase"),
            counts,
        )
        yield _family(
            "mlctl_jobs_unreadable",
            "Jobs that cannot be read and are in no phase; the log names them.",
            ("kind",),
            {(kind,): phases.unreadable for kind, phases in self._phases.items()},
        )

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Nothing: see `GpuGauges.describe`."""
        return iter(())


class _Status(msgspec.Struct):
    phase: str = _PENDING


class _Job(msgspec.Struct):
    status: _Status = msgspec.field(default_factory=_Status)


_job = msgspec.json.Decoder(_Job)


def _phase(entry: Entry) -> str:
    return _job.decode(entry.raw).status.phase


def _family(
    name: str, text: str, labels: Sequence[str], values: Mapping[K, float]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=labels)
    for key, value in sorted(values.items()):
        family.add_metric(key, value)
    return family
