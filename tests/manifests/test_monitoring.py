"""Alerts and scrapes fit what the manager serves."""

from __future__ import annotations

import re

import pytest
from manifest_files import called
from prometheus_client.parser import text_string_to_metric_families

from mlctl_core.manager.args import ManagerOptions
from mlctl_core.telemetry.metrics import Metrics

ALERTS = [
    rule
    for group in called("PrometheusRule", "mlctl-manager")["spec"]["groups"]
    for rule in group["rules"]
]
_METRIC = re.compile(r"\b(?:mlctl|controller_runtime|workqueue|rest_client|leader_election)_\w+")


@pytest.fixture(scope="module")
def served():
    metrics = Metrics()
    metrics.controller("c")
    metrics.work_queue("c")
    metrics.cache("v1/Pod")
    metrics.leader(ManagerOptions().lease_name, leads=True)
    families = text_string_to_metric_families(metrics.exposition().decode())
    return {sample.name: sample.labels for family in families for sample in family.samples}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_is_about_metrics_and_labels_that_are_served(alert, served):
    used = _METRIC.findall(alert["expr"])
    assert used
    assert set(used) <= served.keys()
    # `pod` comes from the scrape, the rest from the metrics.
    kept = {
        label for by in re.findall(r"by \(([^)]*)\)", alert["expr"]) for label in by.split(", ")
    }
    told = set(re.findall(r"\$labels\.(\w+)", str(alert["annotations"])))
    assert told <= kept <= {"pod", *(label for name in used for label in served[name])}


def test_the_alert_about_a_leader_is_about_our_lease():
    [alert] = [alert for alert in ALERTS if alert["alert"] == "MlctlNoLeader"]
    assert set(re.findall(r'name="(\w+)"', alert["expr"])) == {ManagerOptions().lease_name}


def test_the_service_is_found_and_scraped_at_its_port():
    service = called("Service", "mlctl-manager-metrics")
    monitor = called("ServiceMonitor", "mlctl-manager")["spec"]
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    [endpoint] = monitor["endpoints"]
    assert endpoint["port"] == service["spec"]["ports"][0]["name"]
    assert endpoint["scheme"] == "https"


def test_a_tenants_namespace_stays_in_the_metrics():
    [endpoint] = called("ServiceMonitor", "mlctl-manager")["spec"]["endpoints"]
    assert endpoint["honorLabels"] is True
