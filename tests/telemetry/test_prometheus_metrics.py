from __future__ import annotations

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mlctl_core.telemetry.metrics import Metrics, default_metrics

# What dashboards and alerts rely on: name, type, labels (without le).
EXPORTED = {
    "controller_runtime_reconcile_total": ("counter", {"controller", "result"}),
    "controller_runtime_reconcile_errors_total": ("counter", {"controller"}),
    "controller_runtime_terminal_reconcile_errors_total": ("counter", {"controller"}),
    "controller_runtime_reconcile_panics_total": ("counter", {"controller"}),
    "controller_runtime_reconcile_time_seconds": ("histogram", {"controller"}),
    "controller_runtime_max_concurrent_reconciles": ("gauge", {"controller"}),
    "controller_runtime_active_workers": ("gauge", {"controller"}),
    "workqueue_depth": ("gauge", {"name", "controller", "priority"}),
    "workqueue_adds_total": ("counter", {"name", "controller"}),
    "workqueue_queue_duration_seconds": ("histogram", {"name", "controller"}),
    "workqueue_work_duration_seconds": ("histogram", {"name", "controller"}),
    "workqueue_unfinished_work_seconds": ("gauge", {"name", "controller"}),
    "workqueue_longest_running_processor_seconds": ("gauge", {"name", "controller"}),
    "workqueue_retries_total": ("counter", {"name", "controller"}),
    "rest_client_requests_total": ("counter", {"code", "method", "host"}),
    "rest_client_request_duration_seconds": ("histogram", {"verb", "host"}),
    "leader_election_master_status": ("gauge", {"name"}),
    "mlctl_event_to_reconcile_seconds": ("histogram", {"controller"}),
    "mlctl_event_to_write_seconds": ("histogram", {"controller"}),
    "mlctl_cache_objects": ("gauge", {"kind"}),
    "mlctl_cache_bytes": ("gauge", {"kind"}),
    "mlctl_cache_last_event_age_seconds": ("gauge", {"kind"}),
    "mlctl_watch_restarts_total": ("counter", {"kind", "reason"}),
    "process_resident_memory_bytes": ("gauge", set()),
    "python_info": ("gauge", {"implementation", "major", "minor", "patchlevel", "version"}),
    "python_gc_collections_total": ("counter", {"generation"}),
}


@pytest.fixture
def used():
    """Metrics that have each been observed once."""
    metrics = Metrics()
    controller = metrics.controller("pythonjob")
    controller.started()
    controller.finished("success", 0.3)
    controller.event_to_reconcile(0.001)
    controller.event_to_write(0.02)
    metrics.work_queue("pythonjob").depth(3)
    cache = metrics.cache("v1/Pod")
    cache.sources(objects=lambda: 5, size=lambda: 7, last_event_age=lambda: 1.5)
    cache.watch_restarted("closed")
    metrics.request(code="200", method="GET", host="h")
    metrics.request_duration(verb="GET", host="h", seconds=0.01)
    metrics.leader("mlctl", leads=True)
    metrics.event_dropped("rate")
    return metrics


def families(metrics):
    text = metrics.exposition().decode()
    return {
        (f.name + "_total" if f.type == "counter" else f.name): f
        for f in text_string_to_metric_families(text)
    }


@pytest.mark.parametrize("name", EXPORTED)
def test_names_types_and_labels_are_those_that_dashboards_know(used, name):
    kind, labels = EXPORTED[name]
    family = families(used)[name]
    assert family.type == kind
    assert {label for s in family.samples for label in s.labels} - {"le"} == labels


def test_every_family_has_help_and_ours_have_our_prefix(used):
    prefixes = ("controller_runtime_", "workqueue_", "rest_client_", "leader_election_")
    for name, family in families(used).items():
        assert family.documentation
        assert name.startswith(("mlctl_", "process_", "python_", *prefixes))


def test_no_created_series_that_go_programs_do_not_have(used):
    assert b"_created" not in used.exposition()


def test_buckets_are_controller_runtimes(used):
    family = families(used)["controller_runtime_reconcile_time_seconds"]
    bounds = [s.labels["le"] for s in family.samples if s.name.endswith("_bucket")]
    assert len(bounds) == 41
    assert (bounds[0], bounds[-2], bounds[-1]) == ("0.005", "60.0", "+Inf")


def test_text_is_made_of_lines_that_prometheus_reads(used):
    line = re.compile(r'^(# (HELP|TYPE) .+|[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? \S+)$')
    for text in used.exposition().decode().splitlines():
        assert line.match(text), text


def test_what_is_asked_at_a_scrape_is_what_is_so_then():
    metrics = Metrics()
    held = []
    cache = metrics.cache("v1/Pod")
    cache.sources(objects=lambda: len(held), size=lambda: 0, last_event_age=lambda: 0)
    held += [1, 2]
    assert metrics.registry.get_sample_value("mlctl_cache_objects", {"kind": "v1/Pod"}) == 2


def test_a_controllers_series_are_there_before_anything_happens():
    metrics = Metrics()
    metrics.controller("c")
    for result in ("success", "error", "requeue", "requeue_after"):
        labels = {"controller": "c", "result": result}
        assert metrics.registry.get_sample_value("controller_runtime_reconcile_total", labels) == 0


def test_two_instances_share_nothing_and_the_process_has_one():
    one, other = Metrics(), Metrics()
    one.event_dropped("rate")
    labels = {"reason": "rate"}
    assert other.registry.get_sample_value("mlctl_dropped_events_total", labels) is None
    assert default_metrics() is default_metrics()
