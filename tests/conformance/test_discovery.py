"""What there is: groups, versions, resources and their schemas."""

from __future__ import annotations

import pytest
from specimens import widget_version

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def resources(answer):
    """By name, with verbs in order and without what names a server's storage."""
    found = {}
    for one in answer.ok()["resources"]:
        one.pop("storageVersionHash", None)
        found[one["name"]] = {**one, "verbs": sorted(one["verbs"])}
    return found


@pytest.fixture
async def described(server, unique):
    """The name of a group with several versions of Widgets."""
    group = f"{unique}.example.com"
    scale = {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.replicas"}
    versions = [
        widget_version("v1beta1", storage=False),
        widget_version("v2alpha1", storage=False),
        widget_version("v1", subresources={"status": {}, "scale": scale}),
        widget_version("v10", storage=False),
        widget_version("v3", storage=False, served=False),
    ]
    names = {
        "kind": "Widget", "plural": "widgets", "shortNames": ["wd"], "categories": ["all", "toys"],
    }  # fmt: skip
    definition = {
        "metadata": {"name": f"widgets.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": versions},
    }
    await server.made(DEFINITIONS, definition)
    for version in ("v1", "v10", "v1beta1", "v2alpha1"):
        await server.asked_until(
            lambda answer: answer.status == 200, "GET", f"/apis/{group}/{version}"
        )
    await server.asked_until(
        lambda answer: answer.status == 200 and len(answer.body["versions"]) == 4,
        "GET",
        f"/apis/{group}",
    )
    return group


async def test_the_core_has_one_version(server):
    answer = await server.get("/api")
    assert (answer.ok()["kind"], answer.body["versions"]) == ("APIVersions", ["v1"])


async def test_groups_say_their_versions(server):
    groups = {one["name"]: one for one in (await server.get("/apis")).ok()["groups"]}
    v1 = {"groupVersion": "apps/v1", "version": "v1"}
    assert groups["apps"] == {"name": "apps", "versions": [v1], "preferredVersion": v1}
    assert groups.keys() >= {
        "apiextensions.k8s.io", "authentication.k8s.io", "authorization.k8s.io", "batch",
        "coordination.k8s.io", "events.k8s.io", "policy", "rbac.authorization.k8s.io",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/v1", ("pods", "Pod", ["po"], True)),
        ("/api/v1", ("configmaps", "ConfigMap", ["cm"], True)),
        ("/api/v1", ("secrets", "Secret", None, True)),
        ("/api/v1", ("nodes", "Node", ["no"], False)),
        ("/apis/apps/v1", ("deployments", "Deployment", ["deploy"], True)),
        ("/apis/batch/v1", ("jobs", "Job", None, True)),
        ("/apis/coordination.k8s.io/v1", ("leases", "Lease", None, True)),
        ("/apis/events.k8s.io/v1", ("events", "Event", ["ev"], True)),
        (
            "/apis/apiextensions.k8s.io/v1",
            ("customresourcedefinitions", "CustomResourceDefinition", ["crd", "crds"], False),
        ),
    ],
)
async def test_a_resource_says_what_it_is(server, path, expected):
    name, kind, short, namespaced = expected
    found = resources(await server.get(path))[name]
    assert found["kind"] == kind
    assert found["singularName"] == kind.lower()
    assert found["namespaced"] is namespaced
    assert found["verbs"] == VERBS
    assert found.get("shortNames") == short


@pytest.mark.parametrize(
    ("path", "name", "expected"),
    [
        ("/api/v1", "pods/status", {"kind": "Pod", "verbs": ["get", "patch", "update"]}),
        ("/api/v1", "pods/log", {"kind": "Pod", "verbs": ["get"]}),
        ("/api/v1", "pods/binding", {"kind": "Binding", "verbs": ["create"]}),
        (
            "/api/v1", "pods/eviction",
            {"kind": "Eviction", "group": "policy", "version": "v1", "verbs": ["create"]},
        ),
        (
            "/api/v1", "serviceaccounts/token",
            {
                "kind": "TokenRequest", "group": "authentication.k8s.io", "version": "v1",
                "verbs": ["create"],
            },
        ),
        (
            "/apis/apps/v1", "deployments/scale",
            {
                "kind": "Scale", "group": "autoscaling", "version": "v1",
                "verbs": ["get", "patch", "update"],
            },
        ),
    ],
)  # fmt: skip
async def test_a_subresource_says_what_it_is(server, path, name, expected):
    found = resources(await server.get(path))[name]
    assert found == {"name": name, "singularName": "", "namespaced": True, **expected}


async def test_versions_of_a_custom_kind_are_ordered_by_their_age(server, described):
    found = (await server.get(f"/apis/{described}")).ok()
    ordered = ["v10", "v1", "v1beta1", "v2alpha1"]
    assert [one["version"] for one in found["versions"]] == ordered
    assert found["preferredVersion"]["groupVersion"] == f"{described}/v10"


async def test_a_custom_kind_says_what_it_is(server, described):
    found = resources(await server.get(f"/apis/{described}/v1"))
    common = {"namespaced": True, "kind": "Widget"}
    assert found["widgets"] == {
        "name": "widgets", "singularName": "widget", **common, "verbs": VERBS,
        "shortNames": ["wd"], "categories": ["all", "toys"],
    }  # fmt: skip
    changing = ["get", "patch", "update"]
    status = {"name": "widgets/status", "singularName": "", **common, "verbs": changing}
    assert found["widgets/status"] == status
    assert found["widgets/scale"]["group"] == "autoscaling"
    other = resources(await server.get(f"/apis/{described}/v10"))
    assert other.keys() == {"widgets", "widgets/status"}


async def test_a_version_that_is_not_served_is_not_shown(server, described):
    assert (await server.get(f"/apis/{described}/v3")).status == 404


async def test_everything_is_told_at_once(server, described):
    def is_told(answer):
        return any(one["metadata"]["name"] == described for one in answer.body["items"])

    accept = f"{AGGREGATED},application/json"
    answer = await server.asked_until(is_told, "GET", "/apis", accept=accept)
    assert answer.headers["Content-Type"] == AGGREGATED
    assert answer.body["kind"] == "APIGroupDiscoveryList"
    [group] = [one for one in answer.body["items"] if one["metadata"]["name"] == described]
    first, second, *_ = group["versions"]
    assert (first["version"], second["version"]) == ("v10", "v1")
    [one] = second["resources"]
    one["verbs"].sort()
    subresources = {below["subresource"]: below for below in one.pop("subresources")}
    assert one == {
        "resource": "widgets", "singularResource": "widget", "scope": "Namespaced",
        "responseKind": {"group": described, "version": "v1", "kind": "Widget"},
        "verbs": VERBS, "shortNames": ["wd"], "categories": ["all", "toys"],
    }  # fmt: skip
    assert subresources.keys() == {"status", "scale"}
    kind = {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    assert subresources["scale"]["responseKind"] == kind


async def test_a_definition_that_goes_takes_its_group_along(server, described):
    await server.delete(f"{DEFINITIONS}/widgets.{described}")
    await server.asked_until(lambda one: one.status == 404, "GET", f"/apis/{described}/v1")
    await server.asked_until(
        lambda one: described not in {group["name"] for group in one.body["groups"]},
        "GET",
        "/apis",
    )


async def test_schemas_are_published(server, described):
    key = f"apis/{described}/v1"
    index = await server.asked_until(
        lambda answer: key in answer.body["paths"], "GET", "/openapi/v3"
    )
    assert index.body["paths"].keys() >= {"api/v1", "apis/apps/v1"}
    path, _, query = index.body["paths"][key]["serverRelativeURL"].partition("?")
    assert path == f"/openapi/v3/{key}"
    document = (await server.get(path, hash=query.removeprefix("hash="))).ok()
    group_first = ".".join(reversed(described.split(".")))
    schema = document["components"]["schemas"][f"{group_first}.v1.Widget"]
    kind = {"group": described, "version": "v1", "kind": "Widget"}
    assert schema["x-kubernetes-group-version-kind"] == [kind]
    size = {"type": "integer", "default": 3, "maximum": 100, "minimum": 1}
    assert schema["properties"]["spec"]["properties"]["size"] == size
    reference = "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
    assert schema["properties"]["metadata"]["allOf"] == [{"$ref": reference}]
    assert f"/apis/{described}/v1/namespaces/{{namespace}}/widgets/{{name}}" in document["paths"]


async def test_schemas_of_built_in_kinds_are_published(server):
    document = (await server.get("/openapi/v3/apis/apps/v1")).ok()
    kind = {"group": "apps", "version": "v1", "kind": "Deployment"}
    [schema] = [
        one
        for one in document["components"]["schemas"].values()
        if one.get("x-kubernetes-group-version-kind") == [kind]
    ]
    assert schema["properties"].keys() >= {"apiVersion", "kind", "metadata", "spec", "status"}
    assert (await server.get("/openapi/v3/apis/none/v1")).status == 404


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz", "/livez/ping"])
async def test_health_is_told(server, path):
    answer = await server.get(path)
    assert (answer.status, answer.text) == (200, "ok")


async def test_the_version_is_told(server):
    found = (await server.get("/version")).ok()
    assert found["gitVersion"].startswith(f"v{found['major']}.{found['minor']}.")
    assert found.keys() >= {"gitCommit", "goVersion", "platform", "buildDate"}


class TestReviews:
    """Questions about who one is and what one may do."""

    TOKENS = "/apis/authentication.k8s.io/v1/tokenreviews"
    ACCESS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"

    async def test_a_token_that_is_none(self, server):
        made = await server.made(self.TOKENS, {"spec": {"token": "nonsense"}})
        assert made["status"] == {"user": {}, "error": "invalid bearer token"}

    async def test_a_service_accounts_token(self, server, pods, namespace):
        accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        request = {"spec": {"expirationSeconds": 600}}
        token = (await server.made(f"{accounts}/default/token", request))["status"]["token"]
        status = (await server.made(self.TOKENS, {"spec": {"token": token}}))["status"]
        assert status["authenticated"] is True
        assert status["user"]["username"] == f"system:serviceaccount:{namespace}:default"
        assert status["user"]["groups"] == [
            "system:serviceaccounts",
            f"system:serviceaccounts:{namespace}",
            "system:authenticated",
        ]

    async def test_a_token_is_not_for_less_than_ten_minutes(self, server, pods, namespace):
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/default/token"
        answer = await server.post(path, {"spec": {"expirationSeconds": 5}})
        words = "Invalid value: 5: may not specify a duration less than 10 minutes"
        assert answer.causes == [("FieldValueInvalid", "spec.expirationSeconds", words)]
        assert answer.message.startswith('TokenRequest.authentication.k8s.io "" is invalid: ')

    async def test_no_token_is_no_question(self, server):
        answer = await server.post(self.TOKENS, {"spec": {}})
        message = "token is required for TokenReview in authentication"
        assert answer.refusal == (400, "BadRequest", message)

    async def test_administrators_may(self, server):
        path = {"verb": "get", "path": "/metrics"}
        spec = {"user": "x", "groups": ["system:masters"], "nonResourceAttributes": path}
        made = await server.made(self.ACCESS, {"spec": spec})
        assert made["status"] == {"allowed": True}

    async def test_no_access_is_no_question(self, server):
        answer = await server.post(self.ACCESS, {"spec": {"user": "x"}})
        assert answer.refusal[:2] == (422, "Invalid")
        [(_, _, words)] = answer.causes
        assert words.endswith(
            "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        )
