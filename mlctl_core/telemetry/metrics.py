"""Every Prometheus metric that the runtime exports, on a registry of its own.

Promises the names, labels and buckets of controller-runtime and client-go where they have
the metric, so that existing dashboards and alerts work, and the prefix ``mlctl_`` for ours.
No label holds an unbounded value (no object, pod or user names; CVE-2020-8552).

Does not promise anything about metrics of the controllers built on top: they register
collectors of their own on `Metrics.registry`.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from mlctl_core.telemetry.families import (
    CacheFamilies,
    ControllerFamilies,
    WorkQueueFamilies,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client import Metric

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
"""Value of the Content-Type header that goes with `Metrics.exposition`."""

# client-go (component-base/metrics/prometheus/restclient).
REQUEST_BUCKETS = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)

RESULT_SUCCESS = "success"
RESULT_ERROR = "error"
RESULT_REQUEUE = "requeue"
RESULT_REQUEUE_AFTER = "requeue_after"
_RESULTS = (RESULT_SUCCESS, RESULT_ERROR, RESULT_REQUEUE, RESULT_REQUEUE_AFTER)

# The one priority there is; the label exists because controller-runtime has it.
_PRIORITY = "0"


class Metrics:
    """The metrics of one process, or of one embedded manager in a test.

    Two instances share nothing. Counters and histograms are safe to use from any thread.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._controllers = ControllerFamilies(self.registry)
        self._queues = WorkQueueFamilies(self.registry)
        self._caches = CacheFamilies(self.registry)
        self._requests = Counter(
            "rest_client_requests",
            "Number of HTTP requests, by status code, method and host.",
            ("code", "method", "host"),
            registry=self.registry,
        )
        self._request_duration = Histogram(
            "rest_client_request_duration_seconds",
            "Request latency in seconds, by verb and host; watches and followed logs excluded.",
            ("verb", "host"),
            buckets=REQUEST_BUCKETS,
            registry=self.registry,
        )
        self._leader = Gauge(
            "leader_election_master_status",
            "Whether this process leads: 1 leader, 0 standby. 'name' is the Lease.",
            ("name",),
            registry=self.registry,
        )
        self._dropped_events = Counter(
            "mlctl_dropped_events",
            "Kubernetes Events that were not recorded, by reason.",
            ("reason",),
            registry=self.registry,
        )

    def controller(self, name: str) -> ControllerMetrics:
        """The metrics of one controller, all of them present from the start."""
        return ControllerMetrics(self._controllers, name)

    def work_queue(self, name: str) -> WorkQueueMetrics:
        """The metrics of the work queue of controller ``name``."""
        return WorkQueueMetrics(self._queues, name)

    def cache(self, kind: str) -> CacheMetrics:
        """The metrics of the shared cache of a kind, written ``apps/v1/Deployment``."""
        return CacheMetrics(self._caches, kind)

    def request(self, *, code: str, method: str, host: str) -> None:
        """Count an answered HTTP request; ``code`` is ``<error>`` when none came (client-go)."""
        self._requests.labels(code, method, host).inc()

    def request_duration(self, *, verb: str, host: str, seconds: float) -> None:
        """Observe how long an HTTP request took from being sent to its last byte."""
        self._request_duration.labels(verb, host).observe(seconds)

    def leader(self, lease: str, *, leads: bool) -> None:
        """Say whether this process holds the Lease of that name."""
        self._leader.labels(lease).set(1 if leads else 0)

    def event_dropped(self, reason: str) -> None:
        """Count a Kubernetes Event that was given up; ``reason`` is one of a fixed few."""
        self._dropped_events.labels(reason).inc()

    def exposition(self) -> bytes:
        """The metrics in Prometheus' text format 0.0.4 (`CONTENT_TYPE`)."""
        return generate_latest(_WithoutCreated(self.registry))


class ControllerMetrics:
    """What a controller's worker loop reports."""

    def __init__(self, families: ControllerFamilies, name: str) -> None:
        self._results = {result: families.reconciles.labels(name, result) for result in _RESULTS}
        self._errors = families.errors.labels(name)
        self._terminal_errors = families.terminal_errors.labels(name)
        self._panics = families.panics.labels(name)
        self._time = families.reconcile_time.labels(name)
        self._max_concurrent = families.max_concurrent.labels(name)
        self._active = families.active_workers.labels(name)
        self._event_to_reconcile = families.event_to_reconcile.labels(name)
        self._event_to_write = families.event_to_write.labels(name)

    def workers(self, count: int) -> None:
        """Say how many reconciles may run at once."""
        self._max_concurrent.set(count)

    def started(self) -> None:
        """A worker has taken a key."""
        self._active.inc()

    def finished(self, result: str, seconds: float) -> None:
        """A reconcile ended with one of the ``RESULT_`` constants after ``seconds``."""
        self._active.dec()
        self._results[result].inc()
        self._time.observe(seconds)
        if result == RESULT_ERROR:
            self._errors.inc()

    def terminal_error(self) -> None:
        """An error that no retry can cure, such as an object that cannot be decoded."""
        self._terminal_errors.inc()

    def panicked(self) -> None:
        """A planner raised."""
        self._panics.inc()

    def event_to_reconcile(self, seconds: float) -> None:
        """From an event's arrival to the start of its reconcile."""
        self._event_to_reconcile.observe(seconds)

    def event_to_write(self, seconds: float) -> None:
        """From an event's arrival to the end of the writes it led to."""
        self._event_to_write.observe(seconds)


class WorkQueueMetrics:
    """What a work queue reports; c-r sets ``name`` and ``controller`` to the same value."""

    def __init__(self, families: WorkQueueFamilies, name: str) -> None:
        self._depth = families.depth.labels(name, name, _PRIORITY)
        self._adds = families.adds.labels(name, name)
        self._queue_duration = families.queue_duration.labels(name, name)
        self._work_duration = families.work_duration.labels(name, name)
        self._unfinished = families.unfinished.labels(name, name)
        self._longest = families.longest.labels(name, name)
        self._retries = families.retries.labels(name, name)

    def added(self) -> None:
        """A key was added; adds that collapse into a queued key do not count."""
        self._adds.inc()

    def depth(self, ready: int) -> None:
        """How many keys are ready to be handed out."""
        self._depth.set(ready)

    def waited(self, seconds: float) -> None:
        """A key was handed out, ``seconds`` after it was first added."""
        self._queue_duration.observe(seconds)

    def worked(self, seconds: float) -> None:
        """A key's processing ended after ``seconds``."""
        self._work_duration.observe(seconds)

    def retried(self) -> None:
        """A key was added with back-off."""
        self._retries.inc()

    def in_progress(self, unfinished: Callable[[], float], longest: Callable[[], float]) -> None:
        """Register what is asked at each scrape: seconds of unfinished work, and the longest.

        Asked rather than told, so that a worker that is stuck right now shows.
        """
        self._unfinished.set_function(unfinished)
        self._longest.set_function(longest)


class CacheMetrics:
    """What the shared cache of one kind reports."""

    def __init__(self, families: CacheFamilies, kind: str) -> None:
        self._kind = kind
        self._objects = families.objects.labels(kind)
        self._bytes = families.bytes.labels(kind)
        self._age = families.age.labels(kind)
        self._restarts = families.restarts

    def sources(
        self,
        *,
        objects: Callable[[], float],
        size: Callable[[], float],
        last_event_age: Callable[[], float],
    ) -> None:
        """Register what is asked at each scrape: objects, bytes, seconds since the last event."""
        self._objects.set_function(objects)
        self._bytes.set_function(size)
        self._age.set_function(last_event_age)

    def watch_restarted(self, reason: str) -> None:
        """A watch ended and is begun again; ``reason`` is one of a fixed few."""
        self._restarts.labels(self._kind, reason).inc()


class _WithoutCreated:
    """A registry's view that leaves out the ``_created`` series.

    Counters and histograms of the Python client come with one more gauge each, which no
    Go program exports; switching them off is otherwise global to the process.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for family in self._registry.collect():
            family.samples = [s for s in family.samples if not s.name.endswith("_created")]
            yield family


@cache
def default_metrics() -> Metrics:
    """The process's own metrics, made at the first call."""
    return Metrics()
