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

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client import Metric

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
"""Value of the Content-Type header that goes with `Metrics.exposition`."""

# controller-runtime's buckets (pkg/internal/controller/metrics): dashboards compute
# quantiles from them, so they are part of the name.
RECONCILE_BUCKETS = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8),
    *(0.9, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0),
    *(15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 60.0),
)
# controller-runtime: ten nanoseconds to a thousand seconds in powers of ten.
WORK_QUEUE_BUCKETS = tuple(float(f"1e{exponent}") for exponent in range(-8, 4))
# client-go (component-base/metrics/prometheus/restclient).
REQUEST_BUCKETS = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
# The pipeline answers in well under a millisecond when idle; a minute is an incident.
LATENCY_BUCKETS = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)

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

        controller = ("controller",)
        self._reconciles = Counter(
            "controller_runtime_reconcile",
            "Total number of reconciliations per controller and result.",
            ("controller", "result"),
            registry=self.registry,
        )
        self._errors = Counter(
            "controller_runtime_reconcile_errors",
            "Total number of reconciliations that ended in an error, per controller.",
            controller,
            registry=self.registry,
        )
        self._terminal_errors = Counter(
            "controller_runtime_terminal_reconcile_errors",
            "Total number of reconciliations that ended in an error no retry can cure.",
            controller,
            registry=self.registry,
        )
        self._panics = Counter(
            "controller_runtime_reconcile_panics",
            "Total number of reconciliations in which the planner raised.",
            controller,
            registry=self.registry,
        )
        self._reconcile_time = Histogram(
            "controller_runtime_reconcile_time_seconds",
            "Length of time per reconciliation per controller.",
            controller,
            buckets=RECONCILE_BUCKETS,
            registry=self.registry,
        )
        self._max_concurrent = Gauge(
            "controller_runtime_max_concurrent_reconciles",
            "Maximum number of concurrent reconciles per controller.",
            controller,
            registry=self.registry,
        )
        self._active_workers = Gauge(
            "controller_runtime_active_workers",
            "Number of currently used workers per controller.",
            controller,
            registry=self.registry,
        )
        self._event_to_reconcile = Histogram(
            "mlctl_event_to_reconcile_seconds",
            "From the arrival of a server's event to the start of the reconcile it asked for.",
            controller,
            buckets=LATENCY_BUCKETS,
            registry=self.registry,
        )
        self._event_to_write = Histogram(
            "mlctl_event_to_write_seconds",
            "From the arrival of a server's event to the end of the writes it led to.",
            controller,
            buckets=LATENCY_BUCKETS,
            registry=self.registry,
        )

        queue = ("name", "controller")
        self._depth = Gauge(
            "workqueue_depth",
            "Current depth of the work queue, by priority; waiting keys do not count.",
            (*queue, "priority"),
            registry=self.registry,
        )
        self._adds = Counter(
            "workqueue_adds",
            "Total number of adds handled by the work queue.",
            queue,
            registry=self.registry,
        )
        self._queue_duration = Histogram(
            "workqueue_queue_duration_seconds",
            "How long a key stays in the work queue before it is handed out.",
            queue,
            buckets=WORK_QUEUE_BUCKETS,
            registry=self.registry,
        )
        self._work_duration = Histogram(
            "workqueue_work_duration_seconds",
            "How long processing a key from the work queue takes.",
            queue,
            buckets=WORK_QUEUE_BUCKETS,
            registry=self.registry,
        )
        self._unfinished = Gauge(
            "workqueue_unfinished_work_seconds",
            "Seconds of work in progress that work_duration has not observed yet.",
            queue,
            registry=self.registry,
        )
        self._longest = Gauge(
            "workqueue_longest_running_processor_seconds",
            "How long the longest running key has been worked on, in seconds.",
            queue,
            registry=self.registry,
        )
        self._retries = Counter(
            "workqueue_retries",
            "Total number of rate-limited adds handled by the work queue.",
            queue,
            registry=self.registry,
        )

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

        self._cache_objects = Gauge(
            "mlctl_cache_objects",
            "Objects in the shared cache of a kind.",
            ("kind",),
            registry=self.registry,
        )
        self._cache_bytes = Gauge(
            "mlctl_cache_bytes",
            "Bytes of JSON held by the shared cache of a kind.",
            ("kind",),
            registry=self.registry,
        )
        self._cache_age = Gauge(
            "mlctl_cache_last_event_age_seconds",
            "Time since the server last said anything about a kind, bookmarks included.",
            ("kind",),
            registry=self.registry,
        )
        self._watch_restarts = Counter(
            "mlctl_watch_restarts",
            "Watches that ended and were begun again, by kind and reason.",
            ("kind", "reason"),
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
        return ControllerMetrics(self, name)

    def work_queue(self, name: str) -> WorkQueueMetrics:
        """The metrics of the work queue of controller ``name``."""
        return WorkQueueMetrics(self, name)

    def cache(self, kind: str) -> CacheMetrics:
        """The metrics of the shared cache of a kind, written ``apps/v1/Deployment``."""
        return CacheMetrics(self, kind)

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

    def __init__(self, metrics: Metrics, name: str) -> None:
        self._results = {
            result: metrics._reconciles.labels(name, result)  # noqa: SLF001 - one unit, two classes
            for result in _RESULTS
        }
        self._errors = metrics._errors.labels(name)  # noqa: SLF001
        self._terminal_errors = metrics._terminal_errors.labels(name)  # noqa: SLF001
        self._panics = metrics._panics.labels(name)  # noqa: SLF001
        self._time = metrics._reconcile_time.labels(name)  # noqa: SLF001
        self._max_concurrent = metrics._max_concurrent.labels(name)  # noqa: SLF001
        self._active = metrics._active_workers.labels(name)  # noqa: SLF001
        self._event_to_reconcile = metrics._event_to_reconcile.labels(name)  # noqa: SLF001
        self._event_to_write = metrics._event_to_write.labels(name)  # noqa: SLF001

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

    def __init__(self, metrics: Metrics, name: str) -> None:
        self._depth = metrics._depth.labels(name, name, _PRIORITY)  # noqa: SLF001
        self._adds = metrics._adds.labels(name, name)  # noqa: SLF001
        self._queue_duration = metrics._queue_duration.labels(name, name)  # noqa: SLF001
        self._work_duration = metrics._work_duration.labels(name, name)  # noqa: SLF001
        self._unfinished = metrics._unfinished.labels(name, name)  # noqa: SLF001
        self._longest = metrics._longest.labels(name, name)  # noqa: SLF001
        self._retries = metrics._retries.labels(name, name)  # noqa: SLF001

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

    def __init__(self, metrics: Metrics, kind: str) -> None:
        self._kind = kind
        self._objects = metrics._cache_objects.labels(kind)  # noqa: SLF001
        self._bytes = metrics._cache_bytes.labels(kind)  # noqa: SLF001
        self._age = metrics._cache_age.labels(kind)  # noqa: SLF001
        self._restarts = metrics._watch_restarts  # noqa: SLF001

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
