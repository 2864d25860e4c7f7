"""The metric families that have one series per controller, work queue or cache.

Names, labels, help and buckets only; what they mean is said where they are observed, in
`mlctl_core.telemetry.metrics`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge, Histogram

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

# controller-runtime's buckets (pkg/internal/controller/metrics): dashboards compute
# quantiles from them, so they are part of the name.
RECONCILE_BUCKETS = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8),
    *(0.9, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0),
    *(15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 60.0),
)
# controller-runtime: ten nanoseconds to a thousand seconds in powers of ten.
WORK_QUEUE_BUCKETS = tuple(float(f"1e{exponent}") for exponent in range(-8, 4))
# The pipeline answers in well under a millisecond when idle; a minute is an incident.
LATENCY_BUCKETS = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)


class ControllerFamilies:
    """The metrics of all controllers, under controller-runtime's names."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ("controller",)
        self.reconciles = Counter(
            "controller_runtime_reconcile",
            "Total number of reconciliations per controller and result.",
            ("controller", "result"),
            registry=registry,
        )
        self.errors = Counter(
            "controller_runtime_reconcile_errors",
            "Total number of reconciliations that ended in an error, per controller.",
            labels,
            registry=registry,
        )
        self.terminal_errors = Counter(
            "controller_runtime_terminal_reconcile_errors",
            "Total number of reconciliations that ended in an error no retry can cure.",
            labels,
            registry=registry,
        )
        self.panics = Counter(
            "controller_runtime_reconcile_panics",
            "Total number of reconciliations in which the planner raised.",
            labels,
            registry=registry,
        )
        self.reconcile_time = Histogram(
            "controller_runtime_reconcile_time_seconds",
            "Length of time per reconciliation per controller.",
            labels,
            buckets=RECONCILE_BUCKETS,
            registry=registry,
        )
        self.max_concurrent = Gauge(
            "controller_runtime_max_concurrent_reconciles",
            "Maximum number of concurrent reconciles per controller.",
            labels,
            registry=registry,
        )
        self.active_workers = Gauge(
            "controller_runtime_active_workers",
            "Number of currently used workers per controller.",
            labels,
            registry=registry,
        )
        self.event_to_reconcile = Histogram(
            "mlctl_event_to_reconcile_seconds",
            "From the arrival of a server's event to the start of the reconcile it asked for.",
            labels,
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self.event_to_write = Histogram(
            "mlctl_event_to_write_seconds",
            "From the arrival of a server's event to the end of the writes it led to.",
            labels,
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )


class WorkQueueFamilies:
    """The metrics of all work queues, under client-go's names."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ("name", "controller")
        self.depth = Gauge(
            "workqueue_depth",
            "Current depth of the work queue, by priority; waiting keys do not count.",
            (*labels, "priority"),
            registry=registry,
        )
        self.adds = Counter(
            "workqueue_adds",
            "Total number of adds handled by the work queue.",
            labels,
            registry=registry,
        )
        self.queue_duration = Histogram(
            "workqueue_queue_duration_seconds",
            "How long a key stays in the work queue before it is handed out.",
            labels,
            buckets=WORK_QUEUE_BUCKETS,
            registry=registry,
        )
        self.work_duration = Histogram(
            "workqueue_work_duration_seconds",
            "How long processing a key from the work queue takes.",
            labels,
            buckets=WORK_QUEUE_BUCKETS,
            registry=registry,
        )
        self.unfinished = Gauge(
            "workqueue_unfinished_work_seconds",
            "Seconds of work in progress that work_duration has not observed yet.",
            labels,
            registry=registry,
        )
        self.longest = Gauge(
            "workqueue_longest_running_processor_seconds",
            "How long the longest running key has been worked on, in seconds.",
            labels,
            registry=registry,
        )
        self.retries = Counter(
            "workqueue_retries",
            "Total number of rate-limited adds handled by the work queue.",
            labels,
            registry=registry,
        )


class CacheFamilies:
    """The metrics of all shared caches."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ("kind",)
        self.objects = Gauge(
            "mlctl_cache_objects",
            "Objects in the shared cache of a kind.",
            labels,
            registry=registry,
        )
        self.bytes = Gauge(
            "mlctl_cache_bytes",
            "Bytes of JSON held by the shared cache of a kind.",
            labels,
            registry=registry,
        )
        self.age = Gauge(
            "mlctl_cache_last_event_age_seconds",
            "Time since the server last said anything about a kind, bookmarks included.",
            labels,
            registry=registry,
        )
        self.restarts = Counter(
            "mlctl_watch_restarts",
            "Watches that ended and were begun again, by kind and reason.",
            ("kind", "reason"),
            registry=registry,
        )
