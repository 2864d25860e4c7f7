"""The counter of what jobs have used, by namespace and project.

Promises that it never goes back while the process runs, also when jobs are deleted, and that it
moves while jobs run, not only when they end. It counts from the start of the process, as counters
do: what was used before is in the jobs' statuses. Of a job that is deleted while it runs, what it
used since the last scrape is not counted.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from controllers.gpu.remembered import Remembered
from controllers.gpu.seconds import job_use, pod_span, used
from mlctl_core.objects.kinds import POD

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from controllers.gpu.seconds import PodSpan
    from mlctl_core.cache.store import Store
    from mlctl_core.clock import Clock
    from mlctl_core.objects.kinds import Kind

MAX_SERIES = 1_000
"""Users may write any project; beyond so many labels the rest count together."""
OTHERS = "(others)"
"""The project of those; no label value has parentheses."""

_Labels = tuple[str, str, str]


class JobGpuSeconds(Collector):
    """GPU seconds of jobs, by namespace, project and kind."""

    def __init__(self, stores: Mapping[Kind, Store], *, clock: Clock) -> None:
        self._stores = stores
        self._clock = clock
        self._pods = Remembered(POD, stores[POD], pod_span)
        self._jobs = {
            kind: Remembered(kind, store, job_use) for kind, store in stores.items() if kind != POD
        }
        self._totals: dict[_Labels, float] = {}
        self._seen: dict[Kind, dict[str, int]] = {}
        """What each job had used at the last look, by UID; of kinds that were looked at."""

    def collect(self) -> Iterator[CounterMetricFamily]:
        """The one family."""
        if self._stores[POD].resource_version:
            self._look()
        family = CounterMetricFamily(
            "mlctl_job_gpu_seconds",
            "GPUs times seconds that jobs held, executors included. Every replica of the manager "
            "counts all of them: take the largest, not the sum.",
            labels=("namespace", "project", "kind"),
        )
        for labels, seconds in sorted(self._totals.items()):
            family.add_metric(labels, seconds)
        yield family

    def describe(self) -> Iterator[CounterMetricFamily]:
        """Nothing: names need not be computed from a full cache to be registered."""
        return iter(())

    def _look(self) -> None:
        now = self._clock.now()
        pods: defaultdict[_Labels, list[PodSpan]] = defaultdict(list)
        for pod in self._pods.values():
            pods[pod.job].append(pod)
        for kind, jobs in self._jobs.items():
            if not self._stores[kind].resource_version:
                continue  # What comes with the first list is no news.
            first, before = kind not in self._seen, self._seen.get(kind, {})
            alive = {entry.metadata.uid for entry in self._stores[kind].list()}
            seen = {uid: seconds for uid, seconds in before.items() if uid in alive}
            for key, job in jobs.items():
                total = used(job, pods[kind.name, *key], now)
                last = total if first else before.get(job.uid, 0)
                labels = self._labels(key.namespace, job.project, kind.name)
                self._totals[labels] = self._totals.get(labels, 0.0) + max(0, total - last)
                seen[job.uid] = max(total, last)
            self._seen[kind] = seen

    def _labels(self, namespace: str, project: str, kind: str) -> _Labels:
        labels = (namespace, project, kind)
        if labels in self._totals or len(self._totals) < MAX_SERIES:
            return labels
        return (namespace, OTHERS, kind)
