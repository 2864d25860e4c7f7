"""What is served, and in which forms."""

from __future__ import annotations

import pytest
from api_caller import CONFIG_MAPS, DEFINITIONS, FOOS, PODS, config_map, definition, foo, pod

from mlctl_core.embedded.apiserver.negotiation import choose_discovery

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
PARTIAL = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v={};as=APIGroupDiscoveryList"


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz", "/readyz/"])
async def test_health_needs_no_credentials(api, path):
    async with api.session.get(path, headers={"Authorization": ""}) as response:
        assert (response.status, await response.text()) == (200, "ok")


async def test_the_version_is_one_clients_understand(api):
    version = (await api.get("/version")).body
    assert (version["major"], version["minor"]) == ("1", "37")
    assert version["gitVersion"].startswith("v1.37.")


async def test_groups_and_resources(api):
    assert (await api.get("/api")).body["versions"] == ["v1"]
    groups = {group["name"]: group for group in (await api.get("/apis")).body["groups"]}
    assert {"apps", "batch", "apiextensions.k8s.io", "events.k8s.io"} <= set(groups)
    assert groups["apps"]["preferredVersion"] == {"groupVersion": "apps/v1", "version": "v1"}
    core = (await api.get("/api/v1")).body
    resources = {one["name"]: one for one in core["resources"]}
    assert (core["kind"], core["groupVersion"]) == ("APIResourceList", "v1")
    assert resources["pods"]["shortNames"] == ["po"]
    assert resources["pods/eviction"]["group"] == "policy"
    assert resources["bindings"]["verbs"] == ["create"]
    assert resources["namespaces"]["namespaced"] is False
    assert (await api.get("/apis/apps")).body["name"] == "apps"
    for path in ("/apis/apps/v2", "/api/v2"):
        assert (await api.get(path)).message == "the server could not find the requested resource"
    assert (await api.get("/apis/nope.io")).text == "404 page not found\n"


@pytest.mark.parametrize("version", ["v2", "v2beta1"])
async def test_aggregated_discovery(api, version):
    await api.made(DEFINITIONS, definition())
    accept = f"{AGGREGATED.format(version)},application/json"
    answer = await api.get("/apis", accept=accept)
    assert answer.headers["Content-Type"] == AGGREGATED.format(version)
    assert answer.body["apiVersion"] == f"apidiscovery.k8s.io/{version}"
    groups = {item["metadata"]["name"]: item["versions"] for item in answer.body["items"]}
    foos = groups["test.io"][0]["resources"][0]
    assert foos["resource"] == "foos"
    assert foos["scope"] == "Namespaced"
    assert foos["responseKind"] == {"group": "test.io", "version": "v1", "kind": "Foo"}
    assert [one["subresource"] for one in foos["subresources"]] == ["status"]
    core = (await api.get("/api", accept=accept)).body["items"]
    assert [item["versions"][0]["version"] for item in core] == ["v1"]


def test_the_discovery_a_client_names_first_is_given():
    assert choose_discovery(f"{AGGREGATED.format('v2')},application/json") == "v2"
    assert choose_discovery(f"application/json,{AGGREGATED.format('v2')}") == ""
    assert choose_discovery(AGGREGATED.format("v9")) == ""
    assert choose_discovery("application/json, */*") == ""


async def test_discovery_follows_definitions(api):
    assert (await api.get("/apis/test.io/v1")).status == 404
    await api.made(DEFINITIONS, definition())
    assert [r["name"] for r in (await api.get("/apis/test.io/v1")).body["resources"]] == [
        "foos",
        "foos/status",
    ]
    await api.delete(f"{DEFINITIONS}/foos.test.io")
    await api.gone(f"{DEFINITIONS}/foos.test.io")
    assert (await api.get("/apis/test.io/v1")).status == 404


async def test_openapi_documents_are_kept_by_their_hash(api):
    index = (await api.get("/openapi/v3")).body["paths"]
    url = index["apis/apps/v1"]["serverRelativeURL"]
    document = (await api.get(url)).body
    kind = {"group": "apps", "version": "v1", "kind": "Deployment"}
    schemas = document["components"]["schemas"].values()
    assert any(kind in one.get("x-kubernetes-group-version-kind", ()) for one in schemas)
    assert "/apis/apps/v1/namespaces/{namespace}/deployments/{name}" in document["paths"]
    await api.made(DEFINITIONS, definition())
    after = (await api.get("/openapi/v3")).body["paths"]
    assert after["apis/apps/v1"]["serverRelativeURL"] == url
    custom = (await api.get(after["apis/test.io/v1"]["serverRelativeURL"])).body
    assert "io.test.v1.Foo" in custom["components"]["schemas"]
    async with api.session.get("/openapi/v3/apis/apps/v1?hash=old", allow_redirects=False) as moved:
        assert (moved.status, moved.headers["Location"]) == (301, url)
    assert (await api.get("/openapi/v3/apis/nope.io/v1")).status == 404


async def test_the_old_openapi_document_is_empty_in_either_form(api):
    assert (await api.get("/openapi/v2")).body["paths"] == {}
    accept = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
    async with api.session.get("/openapi/v2", headers={"Accept": accept}) as response:
        assert "protobuf" in response.headers["Content-Type"]
        assert await response.read() == b"\x0a\x032.0"


async def test_metadata_alone(api):
    made = await api.made(CONFIG_MAPS, config_map("a", {"k": "v"}, labels={"l": "1"}))
    one = (await api.get(f"{CONFIG_MAPS}/a", accept=PARTIAL)).body
    assert (one["kind"], one["apiVersion"]) == ("PartialObjectMetadata", "meta.k8s.io/v1")
    assert one["metadata"] == made["metadata"]
    assert "data" not in one
    listed = (await api.get(CONFIG_MAPS, accept=PARTIAL_LIST, labelSelector="l")).body
    assert listed["kind"] == "PartialObjectMetadataList"
    assert listed["items"] == [one]
    async with api.session.get(
        f"{CONFIG_MAPS}?watch=1&labelSelector=l", headers={"Accept": PARTIAL}
    ) as stream:
        assert b'"kind":"PartialObjectMetadata"' in await stream.content.readline()


async def test_a_list_is_not_one_object_nor_the_other_way_round(api):
    await api.made(CONFIG_MAPS, config_map("a"))
    for path, accept in ((CONFIG_MAPS, PARTIAL), (f"{CONFIG_MAPS}/a", PARTIAL_LIST)):
        refused = await api.get(path, accept=accept)
        assert (refused.status, refused.reason) == (406, "NotAcceptable")


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("text/html", 406),
        ("text/html,*/*", 200),
        ("application/json;as=Foo;v=v1;g=meta.k8s.io", 406),
        ("application/json;as=Foo;v=v1;g=meta.k8s.io,application/json", 200),
        ("application/vnd.kubernetes.protobuf,application/json", 200),
        ("application/vnd.kubernetes.protobuf", 406),
        ("", 200),
    ],
)
async def test_what_a_client_accepts(api, accept, status):
    answer = await api.get(f"{CONFIG_MAPS}/kube-root-ca.crt", accept=accept)
    assert answer.status == status


async def test_tables_have_columns_and_rows_with_metadata(api):
    await api.made(PODS, pod("p"))
    table = (await api.get(PODS, accept=f"{TABLE},application/json")).body
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    columns = [column["name"] for column in table["columnDefinitions"]]
    assert columns[:5] == ["Name", "Ready", "Status", "Restarts", "Age"]
    row = table["rows"][0]
    assert row["cells"][:3] == ["p", "0/1", "Pending"]
    assert row["object"]["kind"] == "PartialObjectMetadata"
    assert int(table["metadata"]["resourceVersion"]) == api.server.cluster.store.revision
    whole = (await api.get(PODS, accept=TABLE, includeObject="Object")).body
    assert whole["rows"][0]["object"]["spec"]
    none = (await api.get(f"{PODS}/p", accept=TABLE, includeObject="None")).body
    assert none["rows"][0]["object"] is None
    refused = await api.get(PODS, accept=TABLE, includeObject="Foo")
    assert "must be 'Metadata', 'Object', 'None', or empty" in refused.message
    missing = await api.get(f"{PODS}/q", accept=TABLE)
    assert missing.body["kind"] == "Status"


async def test_a_watched_table_sends_its_columns_once(api):
    await api.made(DEFINITIONS, definition())
    await api.made(FOOS, foo("a"))
    await api.made(FOOS, foo("b"))
    async with api.session.get(f"{FOOS}?watch=1", headers={"Accept": TABLE}) as stream:
        first, second = [await stream.content.readline() for _ in range(2)]
    assert b'"columnDefinitions":[{' in first
    assert b'"columnDefinitions":null' in second
