"""Pods that have to go because of their node: one that is deleted, one that is tainted."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from api_caller import PODS, pod

from mlctl_core.testing.clock import VirtualClock

NODES = "/api/v1/nodes"
TAINT = {"key": "k", "value": "v", "effect": "NoExecute"}
TOLERATION = {"key": "k", "operator": "Equal", "value": "v", "effect": "NoExecute"}


@pytest.fixture
def clock():
    return VirtualClock(datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
async def api(serve, clock):
    async with serve(clock=clock, random=random.Random(1)) as api:
        await api.made(NODES, {"metadata": {"name": "n"}})
        yield api


async def running(api, name="p", node="n", *, finalizers=("x.io/f",), **spec):
    """A pod on a node; a finalizer keeps it to be looked at."""
    body = pod(name, finalizers=list(finalizers), spec={"nodeName": node, **spec})
    await api.made(PODS, body)
    status = {"phase": "Running", "containerStatuses": []}
    await api.patch(f"{PODS}/{name}/status", {"status": status})


async def found(api, name="p"):
    answer = await api.get(f"{PODS}/{name}")
    return answer.body if answer.status == 200 else None


def target(pod):
    conditions = pod["status"].get("conditions") or ()
    return next((c for c in conditions if c["type"] == "DisruptionTarget"), {})


def is_going(pod):
    return "deletionTimestamp" in pod["metadata"]


class TestAPodWhoseNodeIsDeleted:
    async def test_fails_and_goes_when_the_node_stays_away(self, api, clock):
        await running(api)
        await running(api, "free", finalizers=())
        await api.delete(f"{NODES}/n")
        await clock.advance(39)
        assert (await found(api))["status"]["phase"] == "Running"
        await clock.advance(2)
        gone = await found(api)
        assert gone["status"]["phase"] == "Failed"
        assert target(gone)["status"] == "True"
        assert target(gone)["reason"] == "DeletionByPodGC"
        assert target(gone)["message"] == "PodGC: node no longer exists"
        assert gone["metadata"]["deletionGracePeriodSeconds"] == 0
        assert await found(api, "free") is None

    async def test_stays_when_the_node_comes_back_in_time(self, api, clock):
        await running(api)
        await api.delete(f"{NODES}/n")
        await clock.advance(20)
        await api.made(NODES, {"metadata": {"name": "n"}})
        await clock.advance(60)
        assert not is_going(await found(api))

    async def test_keeps_its_end_if_it_had_ended(self, api, clock):
        await running(api)
        await api.patch(f"{PODS}/p/status", {"status": {"phase": "Succeeded"}})
        await api.delete(f"{NODES}/n")
        await clock.advance(41)
        gone = await found(api)
        assert (gone["status"]["phase"], target(gone)) == ("Succeeded", {})
        assert is_going(gone)

    async def test_goes_too_if_the_node_never_was(self, api, clock):
        await running(api, node="nowhere", finalizers=())
        await clock.advance(41)
        assert await found(api) is None

    async def test_is_no_reason_to_touch_pods_of_other_nodes(self, api, clock):
        await api.made(NODES, {"metadata": {"name": "m"}})
        await running(api, "other", node="m")
        await api.delete(f"{NODES}/n")
        await clock.advance(60)
        assert not is_going(await found(api, "other"))


async def taint(api, *taints):
    answer = await api.patch(f"{NODES}/n", {"spec": {"taints": list(taints) or None}})
    assert answer.status == 200, answer.text


class TestAPodWhoseNodeIsTainted:
    async def test_goes_with_its_grace_and_says_why(self, api, clock):
        await running(api, terminationGracePeriodSeconds=7)
        await taint(api, TAINT)
        await clock.advance(1)
        gone = await found(api)
        assert gone["metadata"]["deletionGracePeriodSeconds"] == 7
        assert gone["status"]["phase"] == "Running"
        assert target(gone)["reason"] == "DeletionByTaintManager"
        assert target(gone)["message"] == "Taint manager: deleting due to NoExecute taint"

    async def test_goes_as_soon_as_it_comes(self, api, clock):
        await taint(api, TAINT)
        await running(api)
        await clock.advance(1)
        assert is_going(await found(api))

    @pytest.mark.parametrize(
        "toleration",
        [TOLERATION, {"operator": "Exists"}, {"key": "k", "operator": "Exists"}],
    )
    async def test_stays_if_it_tolerates_that(self, api, clock, toleration):
        await running(api, tolerations=[toleration])
        await taint(api, TAINT)
        await clock.advance(3600)
        assert not is_going(await found(api))

    @pytest.mark.parametrize(
        "toleration",
        [
            {**TOLERATION, "value": "w"},
            {**TOLERATION, "key": "l"},
            {**TOLERATION, "effect": "NoSchedule"},
        ],
    )
    async def test_goes_if_it_tolerates_something_else(self, api, clock, toleration):
        await running(api, tolerations=[toleration])
        await taint(api, TAINT)
        await clock.advance(1)
        assert is_going(await found(api))

    async def test_stays_for_as_long_as_it_tolerates_that(self, api, clock):
        await running(api, tolerations=[{**TOLERATION, "tolerationSeconds": 30}])
        await taint(api, TAINT)
        await clock.advance(20)
        await api.patch(f"{PODS}/p", {"metadata": {"labels": {"a": "b"}}})
        await clock.advance(9)
        assert not is_going(await found(api))
        await clock.advance(2)
        assert is_going(await found(api))

    async def test_stays_if_the_taint_goes_in_time(self, api, clock):
        await running(api, tolerations=[{**TOLERATION, "tolerationSeconds": 30}])
        await taint(api, TAINT)
        await clock.advance(20)
        await taint(api)
        await clock.advance(60)
        assert not is_going(await found(api))

    async def test_must_tolerate_every_taint(self, api, clock):
        await running(api, tolerations=[TOLERATION])
        await taint(api, TAINT, {"key": "other", "effect": "NoExecute"})
        await clock.advance(1)
        assert is_going(await found(api))

    async def test_stays_where_new_pods_are_not_wanted(self, api, clock):
        await running(api)
        await taint(api, {**TAINT, "effect": "NoSchedule"})
        await clock.advance(60)
        assert not is_going(await found(api))


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ("exec", "kubectl exec and kubectl cp: not supported by this control plane"),
        ("attach", "kubectl attach: not supported"),
        ("portforward", "kubectl port-forward: not supported"),
        ("proxy", "the proxy to pods: not supported"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_there_is_no_way_into_a_pod_and_that_is_said(api, method, way, words):
    await running(api)
    refused = await api.call(method, f"{PODS}/p/{way}", command="ls")
    assert (refused.status, refused.body["kind"]) == (501, "Status")
    assert refused.message.startswith(words)
    assert "kubectl logs" in refused.message
    assert (await api.call(method, f"{PODS}/q/{way}")).message == 'pods "q" not found'
