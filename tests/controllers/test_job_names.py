import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllers.jobs import names


def test_children_are_named_after_kind_and_job_only():
    assert names.pod_name("pyjob", "mnist", "worker", 0) == "pyjob-mnist-worker-0"
    assert names.code_name("pyjob", "mnist") == "pyjob-mnist-code"


def test_the_longest_job_name_leaves_room_for_every_child():
    assert len(names.pod_name("sparkjob", "x" * 40, "evaluator", 9)) <= 63


def test_project_experiment_and_user_are_copied_sanitised_and_nothing_else_is():
    labels = names.job_labels(
        "PythonJob",
        "mnist",
        {
            "mlctl.dev/project": "Fraud & Risk",
            "mlctl.dev/user": "ann@example.com",
            "mlctl.dev/experiment": "!!!",
            "mlctl.dev/attempt": "9",
            "kueue.x-k8s.io/queue-name": "other",
            "mine": "x",
        },
    )
    assert labels == {
        "mlctl.dev/kind": "PythonJob",
        "mlctl.dev/name": "mnist",
        "app.kubernetes.io/managed-by": "mlctl",
        "mlctl.dev/project": "Fraud-Risk",
        "mlctl.dev/user": "ann-example.com",
    }


@pytest.mark.parametrize("text", ["x" * 70, "-" * 62 + "ab", "ü" * 70])
def test_long_values_are_cut_to_a_valid_label(text):
    assert len(names.label_value(text)) <= 63


@given(st.text())
def test_every_text_becomes_a_valid_label_value(text):
    assert re.fullmatch(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?", names.label_value(text))


def test_a_host_is_a_pod_of_the_jobs_service_with_the_clusters_domain_if_it_is_known():
    assert names.host("tfjob-x-ps-0", "tfjob-x", "ns") == "tfjob-x-ps-0.tfjob-x.ns.svc"
    assert names.host("p-0", "p", "ns", "cluster.local") == "p-0.p.ns.svc.cluster.local"
