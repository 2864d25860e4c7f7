"""What is done to pods by name: binding, eviction, logs; and scale, tokens and reviews."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from api_caller import JSON_PATCH, PODS, pod

from mlctl_core.embedded.node.certificate import serving_context

BINDINGS = "/api/v1/namespaces/default/bindings"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"


def binding(name="p", node="n", **metadata):
    return {"metadata": {"name": name, **metadata}, "target": {"kind": "Node", "name": node}}


async def test_a_binding_puts_a_pod_on_a_node_once(api):
    await api.made(PODS, pod("p"))
    bound = await api.post(f"{PODS}/p/binding", binding())
    assert (bound.status, bound.body["status"]) == (201, "Success")
    stored = (await api.get(f"{PODS}/p")).body
    assert stored["spec"]["nodeName"] == "n"
    condition = stored["status"]["conditions"][0]
    assert (condition["type"], condition["status"]) == ("PodScheduled", "True")
    again = await api.post(BINDINGS, binding(node="m"))
    assert (again.status, again.reason) == (409, "Conflict")
    assert again.message == (
        'Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "n"'
    )


@pytest.mark.parametrize(
    ("made", "body", "status", "message"),
    [
        (pod("p"), binding("q"), 400, "name in URL does not match name in Binding object"),
        (pod("p"), {"metadata": {"name": "p"}}, 500, "target.name: Required value"),
        (pod("x"), binding(), 404, 'pods "p" not found'),
        (pod("p"), binding(uid="other"), 409, "the UID in the precondition (other)"),
        (
            pod("p", spec={"schedulingGates": [{"name": "x.io/g"}]}),
            binding(),
            409,
            "pod p has non-empty .spec.schedulingGates",
        ),
    ],
)
async def test_a_binding_that_cannot_be_is_refused(api, made, body, status, message):
    await api.made(PODS, made)
    refused = await api.post(f"{PODS}/p/binding", body)
    assert refused.status == status, refused.text
    assert message in refused.message


async def test_a_pod_that_is_being_deleted_is_not_bound(api):
    await api.made(PODS, pod("p", finalizers=["x.io/f"]))
    await api.delete(f"{PODS}/p")
    refused = await api.post(f"{PODS}/p/binding", binding())
    assert "pod p is being deleted, cannot be assigned to a host" in refused.message


async def test_an_eviction_deletes_the_pod(api):
    await api.made(PODS, pod("p", spec={"nodeName": "n"}))
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}}
    assert (await api.post(f"{PODS}/p/eviction", eviction)).status == 201
    assert (await api.get(f"{PODS}/p")).body["metadata"]["deletionTimestamp"]
    wrong = {**eviction, "deleteOptions": {"preconditions": {"uid": "other"}}}
    assert (await api.post(f"{PODS}/p/eviction", wrong)).status == 409
    other = {**eviction, "metadata": {"name": "q"}}
    assert (await api.post(f"{PODS}/q/eviction", other)).status == 404


@pytest.fixture
async def kubelet(api):
    """A node whose kubelet answers, and what it was asked."""
    asked = []
    go_on = asyncio.Event()

    async def answer(request):
        asked.append((request.path, dict(request.query)))
        if request.path.endswith("/broken"):
            return web.Response(status=400, text='container "broken" is waiting to start')
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"one\n")
        if "follow" in request.query:
            await go_on.wait()
            await response.write(b"two\n")
        return response

    runner = web.ServerRunner(web.Server(answer), shutdown_timeout=1)
    await runner.setup()
    now = api.server.cluster.clock.now()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=serving_context("127.0.0.1", now))
    await site.start()
    port = runner.addresses[0][1]
    status = {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
    }
    await api.made("/api/v1/nodes", {"metadata": {"name": "n"}, "status": status})
    containers = [{"name": name, "image": "x"} for name in ("main", "broken")]
    await api.made(PODS, pod("p", spec={"nodeName": "n", "containers": containers}))
    yield asked, go_on
    await runner.cleanup()


async def test_a_log_is_passed_on_from_the_node(api, kubelet):
    asked, _ = kubelet
    log = await api.get(f"{PODS}/p/log", container="main", tailLines="5", timestamps="true")
    assert (log.status, log.text) == (200, "one\n")
    assert log.headers["Content-Type"].startswith("text/plain")
    query = {"tailLines": "5", "timestamps": "true"}
    assert asked == [("/containerLogs/default/p/main", query)]


async def test_a_followed_log_is_live(api, kubelet):
    _, go_on = kubelet
    path = f"{PODS}/p/log?container=main&follow=true"
    async with api.session.get(path) as response:
        assert await response.content.readline() == b"one\n"
        go_on.set()
        assert await response.content.readline() == b"two\n"


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ({"container": "zz"}, 400, "container zz is not valid for pod p"),
        ({}, 400, "a container name must be specified for pod p, choose one of: [main broken]"),
        ({"container": "broken"}, 400, 'container "broken" is waiting to start'),
        ({"container": "main", "tailLines": "-1"}, 422, "must be greater than or equal to 0"),
        ({"container": "main", "limitBytes": "x"}, 400, 'parsing "x": invalid syntax'),
    ],
)
async def test_a_log_that_cannot_be_read_says_why(api, kubelet, query, status, message):
    refused = await api.get(f"{PODS}/p/log", **query)
    assert refused.status == status
    assert message in refused.message


async def test_logs_without_a_node_to_ask(api):
    await api.made(PODS, pod("waiting"))
    waiting = await api.get(f"{PODS}/waiting/log")
    assert (waiting.status, waiting.text) == (204, "")
    await api.made(PODS, pod("lost", spec={"nodeName": "gone"}))
    assert (await api.get(f"{PODS}/lost/log")).message == 'pods "gone" not found'
    status = {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 1}},
    }
    await api.made("/api/v1/nodes", {"metadata": {"name": "dead"}, "status": status})
    await api.made(PODS, pod("dead", spec={"nodeName": "dead"}))
    refused = await api.get(f"{PODS}/dead/log")
    assert refused.status == 500
    assert 'Get "https://127.0.0.1:1/containerLogs/default/dead/main"' in refused.message


async def test_scale_reads_and_sets_the_replicas(api):
    template = {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [{"name": "c", "image": "x"}]},
    }
    spec = {"replicas": 1, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    made = await api.made(DEPLOYMENTS, {"metadata": {"name": "d"}, "spec": spec})
    path = f"{DEPLOYMENTS}/d/scale"
    scale = (await api.get(path)).body
    assert (scale["kind"], scale["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert scale["spec"] == {"replicas": 1}
    assert scale["status"] == {"replicas": 0, "selector": "a=b"}
    assert (await api.patch(path, {"spec": {"replicas": 2}})).body["spec"] == {"replicas": 2}
    patch = [{"op": "replace", "path": "/spec/replicas", "value": 0}]
    assert (await api.patch(path, patch, JSON_PATCH)).body["spec"] == {}
    stored = (await api.get(f"{DEPLOYMENTS}/d")).body
    assert (stored["spec"]["replicas"], stored["metadata"]["generation"]) == (0, 3)
    refused = await api.put(path, {"metadata": {"name": "d"}, "spec": {"replicas": -2}})
    assert refused.message == (
        'Scale.autoscaling "d" is invalid: spec.replicas: Invalid value: -2: must be greater than '
        "or equal to 0"
    )
    old = {"name": "d", "resourceVersion": made["metadata"]["resourceVersion"]}
    assert (await api.put(path, {"metadata": old, "spec": {"replicas": 2}})).status == 409
    assert (await api.put(path, {"metadata": {"name": "e"}, "spec": {}})).status == 400
    assert (await api.get(f"{PODS}/p/scale")).status == 404


async def test_a_token_is_a_service_account(api):
    request = {"spec": {"audiences": ["a"], "expirationSeconds": 600}}
    answer = await api.made(f"{ACCOUNTS}/default/token", request)
    token = answer["status"]["token"]
    assert answer["status"]["expirationTimestamp"] > answer["metadata"]["creationTimestamp"]
    headers = {"Authorization": f"Bearer {token}"}
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    async with api.session.post(path, json={}, headers=headers) as response:
        info = (await response.json())["status"]["userInfo"]
    assert info["username"] == "system:serviceaccount:default:default"
    assert "system:serviceaccounts:default" in info["groups"]
    review = await api.made(
        "/apis/authentication.k8s.io/v1/tokenreviews", {"spec": {"token": token}}
    )
    assert review["status"]["authenticated"] is True
    refused = await api.post(f"{ACCOUNTS}/default/token", {"spec": {"expirationSeconds": 1}})
    assert refused.status == 422
    assert (await api.post(f"{ACCOUNTS}/zz/token", {})).status == 404


async def test_whoever_is_known_may_do_everything(api):
    spec = {"resourceAttributes": {"verb": "get", "resource": "pods"}}
    for kind in ("selfsubjectaccessreviews", "subjectaccessreviews"):
        review = await api.made(f"/apis/authorization.k8s.io/v1/{kind}", {"spec": spec})
        assert review["status"] == {"allowed": True}
        assert review["spec"] == spec
    rules = await api.made(
        "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", {"spec": {"namespace": "default"}}
    )
    assert rules["status"]["resourceRules"][0]["verbs"] == ["*"]


async def test_a_gated_pod_says_so_from_the_start(api):
    made = await api.made(PODS, pod("p", spec={"schedulingGates": [{"name": "x.io/g"}]}))
    condition = made["status"]["conditions"][0]
    assert (condition["type"], condition["status"]) == ("PodScheduled", "False")
    assert condition["reason"] == "SchedulingGated"


async def test_what_a_pod_was_given_stays_when_a_client_leaves_it_out(api):
    await api.made(PODS, pod("p"))
    status = {"metadata": {"name": "p"}, "status": {"phase": "Running"}}
    answer = await api.put(f"{PODS}/p/status", status)
    assert answer.body["status"] == {"phase": "Running", "qosClass": "BestEffort"}
    tolerations = [{"key": "mine", "operator": "Exists"}]
    changed = await api.patch(f"{PODS}/p", {"spec": {"tolerations": tolerations}})
    assert [one["key"] for one in changed.body["spec"]["tolerations"]] == [
        "mine",
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    ]
