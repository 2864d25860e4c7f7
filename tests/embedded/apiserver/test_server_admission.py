"""What happens to new pods, and quotas."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from api_caller import CONFIG_MAPS, PODS, config_map, pod

from mlctl_core.testing.clock import VirtualClock

QUOTAS = "/api/v1/namespaces/default/resourcequotas"
CLASSES = "/apis/scheduling.k8s.io/v1/priorityclasses"
ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"


def container(**resources):
    return {"name": "main", "image": "x", "resources": resources}


async def test_a_pod_gets_the_default_service_account_and_its_token(api):
    spec = (await api.made(PODS, pod("p")))["spec"]
    assert (spec["serviceAccountName"], spec["serviceAccount"]) == ("default", "default")
    volume = spec["volumes"][0]
    assert volume["name"].startswith("kube-api-access-")
    paths = [next(iter(source)) for source in volume["projected"]["sources"]]
    assert paths == ["serviceAccountToken", "configMap", "downwardAPI"]
    mount = spec["containers"][0]["volumeMounts"][0]
    assert mount == {"name": volume["name"], "readOnly": True, "mountPath": TOKEN_PATH}


async def test_a_pod_may_do_without_a_token(api):
    spec = (await api.made(PODS, pod("p", spec={"automountServiceAccountToken": False})))["spec"]
    assert "volumes" not in spec
    await api.made(ACCOUNTS, {"metadata": {"name": "bare"}, "automountServiceAccountToken": False})
    spec = (await api.made(PODS, pod("q", spec={"serviceAccountName": "bare"})))["spec"]
    assert "volumes" not in spec


async def test_a_service_account_that_is_not_there_is_refused(api):
    refused = await api.post(PODS, pod("p", spec={"serviceAccountName": "nope"}))
    assert refused.status == 403
    assert refused.message == (
        'pods "p" is forbidden: error looking up service account default/nope: serviceaccount '
        '"nope" not found'
    )


async def test_pods_tolerate_troubled_nodes_for_five_minutes(api):
    spec = (await api.made(PODS, pod("p")))["spec"]
    assert [(one["key"], one["tolerationSeconds"]) for one in spec["tolerations"]] == [
        ("node.kubernetes.io/not-ready", 300),
        ("node.kubernetes.io/unreachable", 300),
    ]
    own = {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}
    mine = [{**own, "tolerationSeconds": 1}]
    spec = (await api.made(PODS, pod("q", spec={"tolerations": mine})))["spec"]
    assert [one["tolerationSeconds"] for one in spec["tolerations"]] == [1, 300]


async def test_priority_comes_from_the_class_that_is_named(api):
    high = {"metadata": {"name": "high"}, "value": 1000, "preemptionPolicy": "Never"}
    await api.made(CLASSES, high)
    spec = (await api.made(PODS, pod("p", spec={"priorityClassName": "high"})))["spec"]
    assert (spec["priority"], spec["preemptionPolicy"]) == (1000, "Never")
    refused = await api.post(PODS, pod("q", spec={"priorityClassName": "nope"}))
    assert refused.status == 403
    assert refused.message == 'pods "q" is forbidden: no PriorityClass with name nope was found'
    refused = await api.post(PODS, pod("q", spec={"priority": 7}))
    assert "must not be provided in pod spec" in refused.message
    critical = await api.made(PODS, pod("c", spec={"priorityClassName": "system-node-critical"}))
    assert critical["spec"]["priority"] == 2_000_001_000


async def test_the_global_default_class_is_taken_when_none_is_named(api):
    assert (await api.made(PODS, pod("p")))["spec"]["priority"] == 0
    await api.made(CLASSES, {"metadata": {"name": "d"}, "value": 5, "globalDefault": True})
    spec = (await api.made(PODS, pod("q")))["spec"]
    assert (spec["priority"], spec["priorityClassName"]) == (5, "d")


@pytest.mark.parametrize(
    ("resources", "quality"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
        ({"limits": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "2", "memory": "1"}, "requests": {"cpu": "1"}}, "Burstable"),
    ],
)
async def test_the_quality_of_service_follows_from_requests_and_limits(api, resources, quality):
    made = await api.made(PODS, pod("p", spec={"containers": [container(**resources)]}))
    assert made["status"]["qosClass"] == quality


async def quota(api, **hard):
    await api.made(QUOTAS, {"metadata": {"name": "q"}, "spec": {"hard": hard}})


async def test_a_quota_on_pods_lets_no_more_in_until_one_ends(api):
    await quota(api, pods="1")
    await api.made(PODS, pod("a"))
    refused = await api.post(PODS, pod("b"))
    assert (refused.status, refused.reason) == (403, "Forbidden")
    assert refused.message == (
        'pods "b" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1'
    )
    assert refused.body["details"] == {"name": "b", "kind": "pods"}
    await api.patch(f"{PODS}/a/status", {"status": {"phase": "Succeeded"}})
    await api.made(PODS, pod("b"))


async def test_a_quota_on_requests_counts_what_a_pod_takes_at_once(api):
    await quota(api, **{"requests.cpu": "2", "requests.nvidia.com/gpu": "1"})
    first = container(requests={"cpu": "500m"}, limits={"nvidia.com/gpu": "1"})
    init = {**container(requests={"cpu": "1500m"}), "name": "init"}
    await api.made(PODS, pod("a", spec={"containers": [first], "initContainers": [init]}))
    refused = await api.post(
        PODS, pod("b", spec={"containers": [container(requests={"cpu": "1"})]})
    )
    assert "requested: requests.cpu=1, used: requests.cpu=1500m" in refused.message
    gpu = container(requests={"cpu": "100m"}, limits={"nvidia.com/gpu": "1"})
    refused = await api.post(PODS, pod("c", spec={"containers": [gpu]}))
    assert (
        "requested: requests.nvidia.com/gpu=1, used: requests.nvidia.com/gpu=1" in refused.message
    )


async def test_what_a_quota_limits_must_be_specified(api):
    await quota(api, **{"requests.cpu": "2", "limits.memory": "1Gi"})
    refused = await api.post(PODS, pod("a"))
    assert refused.message == (
        'pods "a" is forbidden: failed quota: q: must specify limits.memory for: main; '
        "requests.cpu for: main"
    )


async def test_any_kind_can_be_counted(api):
    await quota(api, **{"count/configmaps": "2"})
    await api.made(CONFIG_MAPS, config_map("a"))
    refused = await api.post(CONFIG_MAPS, config_map("b"))
    assert "used: count/configmaps=2, limited: count/configmaps=2" in refused.message
    await api.delete(f"{CONFIG_MAPS}/a")
    await api.made(CONFIG_MAPS, config_map("b"))


async def test_a_quota_says_what_is_used(api):
    await quota(api, pods="3")
    await api.made(PODS, pod("a"))

    def used(count):
        return lambda obj: (obj.get("status") or {}).get("used") == {"pods": count}

    told = await api.until(f"{QUOTAS}/q", used("1"))
    assert told["status"]["hard"] == {"pods": "3"}
    await api.delete(f"{PODS}/a")
    await api.until(f"{QUOTAS}/q", used("0"))


async def test_events_go_after_an_hour_without_a_write(serve):
    clock = VirtualClock(datetime(2026, 1, 1, tzinfo=UTC))
    events = "/api/v1/namespaces/default/events"
    async with serve(clock=clock, random=random.Random(1)) as api:
        involved = {"kind": "Pod", "namespace": "default", "name": "p"}
        for name in ("old", "kept"):
            await api.made(events, {"metadata": {"name": name}, "involvedObject": involved})
        await clock.advance(1800)
        await api.patch(f"{events}/kept", {"count": 2})
        await clock.advance(1861)
        assert (await api.get(events)).names == ["kept"]
        await clock.advance(1800)
        assert (await api.get(events)).names == []
