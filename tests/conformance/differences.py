"""Where the embedded server is not like a real one, each with its reason.

None of it is in what the runtime uses. `differential/excuses.py` has those that random
sequences come upon; all together are at most `MOST`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs
from raw_client import PARTIAL, TABLE, Answer, Server
from specimens import config_map, deployment, pod

MOST = 15
"""More differences than this would say that the servers are different ones."""


@attrs.frozen
class Difference:
    """What is different, why it stays, and how one sees it in a namespace."""

    what: str
    reason: str
    seen: Callable[[Server, str], Awaitable[object]]
    embedded: object
    real: object


async def _of_a_stranger(server: Server, namespace: str) -> object:
    headers = {"Impersonate-User": "jane"}
    path = f"/api/v1/namespaces/{namespace}/secrets"
    return (await server.get(path, headers=headers)).status


async def _eviction(server: Server, namespace: str) -> object:
    labels = {"app": namespace}
    pods = f"/api/v1/namespaces/{namespace}/pods"
    await server.made(pods, pod("a", labels=labels))
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    await server.patch(f"{pods}/a/status", {"status": ready})
    budgets = f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets"
    spec = {"minAvailable": 1, "selector": {"matchLabels": labels}}
    await server.made(budgets, {"metadata": {"name": "a"}, "spec": spec})
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "a"}}
    return (await server.post(f"{pods}/a/eviction", eviction)).status


async def _connections(server: Server, namespace: str) -> object:
    pods = f"/api/v1/namespaces/{namespace}/pods"
    await server.made(pods, pod("a"))
    doors = ("exec", "attach", "portforward", "proxy")
    return [(await server.get(f"{pods}/a/{door}")).status for door in doors]


async def _containers_of_running_pods(server: Server, namespace: str) -> object:
    pods = f"/api/v1/namespaces/{namespace}/pods"
    await server.made(pods, pod("a"))
    doors = ("ephemeralcontainers", "resize")
    return [(await server.get(f"{pods}/a/{door}")).status for door in doors]


async def _forms_of_a_scale(server: Server, namespace: str) -> object:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    await server.made(path, deployment("a"))
    scale = {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {"name": "a"},
        "spec": {"replicas": 2},
    }
    answers = [
        await server.apply(f"{path}/a/scale", scale, force=True),
        await server.get(f"{path}/a/scale", accept=TABLE),
        await server.get(f"{path}/a/scale", accept=PARTIAL),
    ]
    return [(one.status, one.body["kind"]) for one in answers]


async def _described_columns(server: Server, namespace: str) -> object:
    await server.made(f"/api/v1/namespaces/{namespace}/configmaps", config_map("a"))
    answer = await server.get(f"/api/v1/namespaces/{namespace}/configmaps", accept=TABLE)
    return [bool(one["description"]) for one in answer.ok()["columnDefinitions"]]


async def _known_by_etag(server: Server, namespace: str) -> object:
    del namespace
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    answers: list[Answer] = [
        await server.get("/apis", accept=accept),
        await server.get("/openapi/v3/apis/apps/v1"),
    ]
    return ["Etag" in one.headers for one in answers]


async def _schemas_of_version_2(server: Server, namespace: str) -> object:
    del namespace
    return bool((await server.get("/openapi/v2")).ok()["paths"])


async def _schema_names(server: Server, namespace: str) -> object:
    del namespace
    document = (await server.get("/openapi/v3/apis/apps/v1")).ok()
    return "io.k8s.api.apps.v1.Deployment" in document["components"]["schemas"]


async def _pages(server: Server, namespace: str) -> object:
    del namespace
    return [(await server.get(path)).status for path in ("/", "/metrics")]


DIFFERENCES = (
    Difference(
        "Whoever is known may do everything.",
        "What a service account may do is held against a real control plane, by its audit log.",
        _of_a_stranger,
        embedded=200,
        real=403,
    ),
    Difference(
        "Disruption budgets hold no eviction back.",
        "Nobody counts the healthy pods of a budget; nothing here evicts.",
        _eviction,
        embedded=201,
        real=429,
    ),
    Difference(
        "There is no exec, attach, port-forward or proxy, and whoever asks is told so.",
        "They are conversations with a kubelet. Logs are served.",
        _connections,
        embedded=[501, 501, 501, 501],
        real=[400, 400, 400, 400],
    ),
    Difference(
        "Running pods get no further containers and no other size.",
        "No pod runtime here could do it.",
        _containers_of_running_pods,
        embedded=[404, 404],
        real=[200, 200],
    ),
    Difference(
        "A scale is not applied and has one form.",
        "kubectl and autoscalers patch it and read it whole.",
        _forms_of_a_scale,
        embedded=[(415, "Status"), (200, "Scale"), (200, "Scale")],
        real=[(200, "Scale"), (200, "Table"), (200, "PartialObjectMetadata")],
    ),
    Difference(
        "Columns of built-in kinds are not described, but for the name.",
        "Nothing that prints tables shows descriptions.",
        _described_columns,
        embedded=[True, False, False],
        real=[True, True, True],
    ),
    Difference(
        "Documents of discovery and schemas have no ETag.",
        "They spare bytes between machines; schemas have a hash in their address all the same.",
        _known_by_etag,
        embedded=[False, False],
        real=[True, True],
    ),
    Difference(
        "Schemas of built-in kinds have names of their own.",
        "Clients look for a kind by x-kubernetes-group-version-kind.",
        _schema_names,
        embedded=False,
        real=True,
    ),
    Difference(
        "The document of all schemas, version 2, is empty.",
        "kubectl asks for it where version 3 does not know a kind, or when it is told to.",
        _schemas_of_version_2,
        embedded=False,
        real=True,
    ),
    Difference(
        "The server lists no pages and has no metrics.",
        "It is a server for tests and laptops, and is not watched over.",
        _pages,
        embedded=[404, 404],
        real=[200, 200],
    ),
)
