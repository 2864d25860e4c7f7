"""Prometheus' own check of the alerts: their syntax, and when they fire."""

from __future__ import annotations

import re
import shutil
import subprocess

import attrs
import pytest
import yaml
from manifest_files import called

SPEC = called("PrometheusRule", "mlctl-manager")["spec"]
RULES = {rule["alert"]: rule for group in SPEC["groups"] for rule in group["rules"]}


@attrs.frozen
class Case:
    """A course of metrics, one value a minute, and whether the alert fires at its end."""

    alert: str
    series: dict[str, str]
    minutes: int
    labels: dict[str, str] | None
    """Of what fires; None if nothing does."""


LEADS = 'leader_election_master_status{name="mlctl",pod="%s"}'
ERRORS = 'controller_runtime_reconcile_errors_total{controller="%s"}'
ALL = 'controller_runtime_reconcile_total{controller="%s",result="%s"}'
AGE = 'mlctl_cache_last_event_age_seconds{kind="%s",pod="%s"}'
RUNS = 'workqueue_longest_running_processor_seconds{controller="%s",name="%s",pod="a"}'

CASES = {
    "nobody leads": Case(
        "MlctlNoLeader", {LEADS % "a": "0x20", LEADS % "b": "0x20"}, 10, {"severity": "critical"}
    ),
    "nobody is there to say": Case(
        "MlctlNoLeader", {}, 10, {"name": "mlctl", "severity": "critical"}
    ),
    "one leads": Case("MlctlNoLeader", {LEADS % "a": "0x20", LEADS % "b": "1x20"}, 10, None),
    "another takes over": Case(
        "MlctlNoLeader", {LEADS % "a": "1x5 0x15", LEADS % "b": "0x6 1x14"}, 10, None
    ),
    "the leader has just gone": Case("MlctlNoLeader", {LEADS % "a": "1x5 0x15"}, 7, None),
    "one kind is silent": Case(
        "MlctlCacheStale",
        {AGE % ("v1/Pod", "a"): "0+60x30", AGE % ("v1/Node", "a"): "30x30"},
        20,
        {"kind": "v1/Pod", "pod": "a", "severity": "warning"},
    ),
    "every kind is heard of": Case(
        "MlctlCacheStale",
        {AGE % ("v1/Pod", "a"): "55x30", AGE % ("v1/Pod", "b"): "60x30"},
        20,
        None,
    ),
    "half of the reconciles fail": Case(
        "MlctlReconcilesFail",
        {
            ERRORS % "pythonjob": "0+30x60",
            ALL % ("pythonjob", "error"): "0+30x60",
            ALL % ("pythonjob", "success"): "0+30x60",
            ERRORS % "other": "0x60",
            ALL % ("other", "success"): "0+30x60",
        },
        40,
        {"controller": "pythonjob", "severity": "warning"},
    ),
    "a few reconciles fail": Case(
        "MlctlReconcilesFail",
        {ERRORS % "pythonjob": "0+1x60", ALL % ("pythonjob", "success"): "0+30x60"},
        40,
        None,
    ),
    "nothing is to be done": Case(
        "MlctlReconcilesFail",
        {ERRORS % "pythonjob": "3x60", ALL % ("pythonjob", "success"): "9x60"},
        40,
        None,
    ),
    "a worker hangs": Case(
        "MlctlWorkerStuck",
        {RUNS % ("pythonjob", "pythonjob"): "0+60x30"},
        20,
        {"controller": "pythonjob", "pod": "a", "severity": "warning"},
    ),
    "workers work": Case("MlctlWorkerStuck", {RUNS % ("pythonjob", "pythonjob"): "2x30"}, 20, None),
}


@pytest.fixture(scope="module")
def promtool():
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not on the PATH: it comes with Prometheus")
    return program


@pytest.fixture
def rules(tmp_path):
    """What the Prometheus operator makes of the object."""
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": SPEC["groups"]}))
    return path


def done(*command):
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_prometheus_takes_the_rules(promtool, rules):
    assert f"{len(RULES)} rules found" in done(promtool, "check", "rules", "--lint=all", rules)


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not():
    for fires in (True, False):
        assert {c.alert for c in CASES.values() if (c.labels is not None) is fires} == set(RULES)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_an_alert_fires_when_it_should(promtool, rules, tmp_path, case):
    told = {
        key: re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda m: (case.labels or {})[m[1]], text)
        for key, text in RULES[case.alert]["annotations"].items()
        if case.labels is not None
    }
    fired = [{"exp_labels": case.labels, "exp_annotations": told}]
    body = {
        "rule_files": [rules.name],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": s, "values": v} for s, v in case.series.items()],
                "alert_rule_test": [
                    {
                        "alertname": case.alert,
                        "eval_time": f"{case.minutes}m",
                        "exp_alerts": [] if case.labels is None else fired,
                    }
                ],
            }
        ],
    }
    path = tmp_path / "test.yaml"
    path.write_text(yaml.safe_dump(body))
    done(promtool, "test", "rules", path)
