"""Requests are counted by who asks for what."""

from __future__ import annotations

import pytest

from hack.bench.requests import POD_CREATION, Asked, Requests


@pytest.mark.parametrize(
    ("method", "path", "asked"),
    [
        ("POST", "/api/v1/namespaces/a/pods", POD_CREATION),
        ("GET", "/api/v1/namespaces/a/pods/p/log", Asked("get", "pods/log")),
        ("DELETE", "/api/v1/namespaces/a/pods/p", Asked("delete", "pods")),
        (
            "PATCH",
            "/apis/mlctl.dev/v1alpha1/namespaces/a/tensorflowjobs/j/status",
            Asked("patch", "tensorflowjobs/status"),
        ),
        ("PUT", "/api/v1/nodes/n", Asked("update", "nodes")),
        ("GET", "/version", Asked("get", "/version")),
    ],
)
def test_a_request_is_named_by_verb_and_resource(method, path, asked):
    requests = Requests()
    requests.count("mlctl", method, path)
    assert requests.of("mlctl") == {asked: 1}


def test_each_program_is_counted_by_itself():
    requests = Requests()
    for agent in ("mlctl", "mlctl", "mlctl-embedded"):
        requests.count(agent, "POST", "/api/v1/namespaces/a/pods")
    assert requests.of("mlctl") == {POD_CREATION: 2}
    assert requests.of("mlctl-embedded") == {POD_CREATION: 1}
    assert requests.of("kubectl") == {}


def test_what_was_counted_does_not_change_with_what_comes_later():
    requests = Requests()
    before = requests.of("mlctl")
    requests.count("mlctl", "DELETE", "/api/v1/namespaces/a/pods/p")
    assert before == {}


def test_reading_is_no_write():
    requests = Requests()
    requests.count("mlctl", "GET", "/api/v1/pods", watch=True)
    requests.count("mlctl", "GET", "/api/v1/pods")
    assert {asked.verb for asked in requests.of("mlctl")} == {"watch", "get"}
    assert not any(asked.is_write for asked in requests.of("mlctl"))
