"""POST, PUT and PATCH: what the server adds, refuses and keeps."""

from __future__ import annotations

import asyncio
import json
import re

import pytest
from api_caller import (
    APPLY,
    CONFIG_MAPS,
    JSON_PATCH,
    MERGE,
    PODS,
    STRATEGIC,
    config_map,
    pod,
)

LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"


def applied(data, **metadata):
    metadata = {"name": "a", **metadata}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def deployment(name="d", replicas=1):
    template = {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [{"name": "c", "image": "x"}]},
    }
    selector = {"matchLabels": {"a": "b"}}
    spec = {"replicas": replicas, "selector": selector, "template": template}
    return {"metadata": {"name": name}, "spec": spec}


async def test_the_server_fills_in_what_is_its_own(api):
    made = await api.made(
        CONFIG_MAPS,
        config_map("a", {"k": "v"}, uid="mine", creationTimestamp="2001-01-01T00:00:00Z"),
    )
    assert (made["kind"], made["apiVersion"]) == ("ConfigMap", "v1")
    metadata = made["metadata"]
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab]\w{3}-\w{12}", metadata["uid"])
    assert metadata["creationTimestamp"] > "2001-01-01T00:00:00Z"
    assert metadata["namespace"] == "default"
    assert int(metadata["resourceVersion"]) == api.server.cluster.store.revision
    assert metadata["managedFields"][0]["manager"] == "tester"


async def test_every_write_raises_the_one_revision_by_one(api):
    one = await api.made(CONFIG_MAPS, config_map("a"))
    two = await api.made("/api/v1/namespaces/default/secrets", {"metadata": {"name": "s"}})
    first, second = (int(made["metadata"]["resourceVersion"]) for made in (one, two))
    assert second == first + 1


async def test_a_generated_name_keeps_its_prefix(api):
    names = {
        (await api.made(CONFIG_MAPS, {"metadata": {"generateName": "gen-"}}))["metadata"]["name"]
        for _ in range(20)
    }
    assert len(names) == 20
    assert all(re.fullmatch(r"gen-[bcdfghjklmnpqrstvwxz2456789]{5}", name) for name in names)


async def test_a_generated_name_fits_a_label_however_long_its_prefix(api):
    made = await api.made(CONFIG_MAPS, {"metadata": {"generateName": "x" * 100}})
    assert len(made["metadata"]["name"]) == 63


async def test_the_same_name_again_is_409(api):
    await api.made(CONFIG_MAPS, config_map("a"))
    refused = await api.post(CONFIG_MAPS, config_map("a"))
    assert (refused.status, refused.reason) == (409, "AlreadyExists")
    assert refused.message == 'configmaps "a" already exists'
    assert refused.body["details"] == {"name": "a", "kind": "configmaps"}


@pytest.mark.parametrize(
    ("body", "status", "reason", "message"),
    [
        (
            {"metadata": {}},
            422,
            "Invalid",
            (
                'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is '
                "required"
            ),
        ),
        ({"metadata": {"name": "A_b"}}, 422, "Invalid", 'metadata.name: Invalid value: "A_b"'),
        (
            {"metadata": {"name": "a", "namespace": "other"}},
            400,
            "BadRequest",
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
        (
            {"metadata": {"name": "a", "resourceVersion": "3"}},
            500,
            "",
            "resourceVersion should not be set on objects to be created",
        ),
        (
            {"metadata": {"name": "a"}, "data": {"k": 1}},
            400,
            "BadRequest",
            (
                'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot '
                "unmarshal number into Go struct field ConfigMap.data of type string"
            ),
        ),
        (
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}},
            400,
            "BadRequest",
            'Deployment in version "v1" cannot be handled as a ConfigMap',
        ),
        (
            "[]",
            400,
            "BadRequest",
            "the object provided is unrecognized (must be of type ConfigMap)",
        ),
        ('"x"', 400, "BadRequest", "cannot unmarshal string"),
        ('{"metadata":', 400, "BadRequest", "json parse error"),
        ('{"metadata": NaN}', 400, "BadRequest", "invalid character 'N'"),
        ("", 400, "BadRequest", "json parse error"),
        ({"metadata": []}, 400, "BadRequest", ""),
        ({"metadata": {"name": "a", "labels": {"k": "no!"}}}, 422, "Invalid", "metadata.labels"),
    ],
)
async def test_what_cannot_be_created_is_refused_in_upstreams_words(
    api, body, status, reason, message
):
    refused = await api.post(CONFIG_MAPS, body)
    assert (refused.status, refused.reason) == (status, reason)
    assert message in refused.message


async def test_creating_in_a_namespace_that_does_not_exist_is_404(api):
    refused = await api.post("/api/v1/namespaces/nope/configmaps", config_map("a"))
    assert (refused.status, refused.message) == (404, 'namespaces "nope" not found')


async def test_unknown_and_doubled_fields_are_warned_of_and_cut_out(api):
    body = '{"metadata":{"name":"a"},"foo":1,"data":{"k":"v","k":"w"}}'
    made = await api.post(CONFIG_MAPS, body)
    assert made.warnings == [
        '299 - "unknown field \\"foo\\""',
        '299 - "duplicate field \\"data.k\\""',
    ]
    assert "foo" not in made.body
    assert made.body["data"] == {"k": "w"}
    quiet = await api.post(CONFIG_MAPS, body.replace('"a"', '"b"'), fieldValidation="Ignore")
    assert quiet.warnings == []


async def test_a_strict_request_with_unknown_fields_is_refused(api):
    body = '{"metadata":{"name":"d","foo":2},"foo":1,"data":{"k":"v","k":"w"}}'
    refused = await api.post(CONFIG_MAPS, body, fieldValidation="Strict")
    assert refused.status == 400
    head, _, problems = refused.message.partition("strict decoding error: ")
    assert head == 'ConfigMap in version "v1" cannot be handled as a ConfigMap: '
    assert sorted(problems.split(", ")) == [
        'duplicate field "data.k"',
        'unknown field "foo"',
        'unknown field "metadata.foo"',
    ]


@pytest.mark.parametrize(
    ("query", "field"),
    [({"fieldValidation": "Bad"}, "fieldValidation"), ({"dryRun": "x"}, "dryRun")],
)
async def test_options_with_impossible_values_are_refused(api, query, field):
    refused = await api.post(CONFIG_MAPS, config_map("a"), **query)
    assert refused.status == 422
    assert refused.body["details"]["kind"] == "CreateOptions"
    assert refused.body["details"]["causes"][0]["field"] == field


async def test_a_dry_run_answers_and_stores_nothing(api):
    revision = api.server.cluster.store.revision
    tried = await api.post(CONFIG_MAPS, config_map("a"), dryRun="All")
    assert tried.status == 201
    assert "uid" in tried.body["metadata"]
    assert "resourceVersion" not in tried.body["metadata"]
    made = await api.made(CONFIG_MAPS, config_map("b", {"x": "1"}))
    for answer in (
        await api.put(f"{CONFIG_MAPS}/b", config_map("b", {"x": "2"}), dryRun="All"),
        await api.patch(f"{CONFIG_MAPS}/b", {"data": {"x": "2"}}, dryRun="All"),
    ):
        assert answer.body["data"] == {"x": "2"}
        assert answer.version == made["metadata"]["resourceVersion"]
    await api.delete(f"{CONFIG_MAPS}/b", dryRun="All")
    assert (await api.get(f"{CONFIG_MAPS}/b")).body["data"] == {"x": "1"}
    assert api.server.cluster.store.revision == revision + 1


async def test_a_body_beyond_the_limit_is_413_and_one_that_nests_too_deeply_is_400(api):
    refused = await api.post(CONFIG_MAPS, config_map("a", {"x": "y" * 4_000_000}))
    assert (refused.status, refused.reason) == (413, "RequestEntityTooLarge")
    deep = '{"metadata":{"name":"a"},"x":' + "[" * 100_000 + "]" * 100_000 + "}"
    for body in (
        deep,
        deep.replace("[", '{"a":').replace("]", "}"),
        '{"x":' + "[" * 300 + "]" * 300 + "}",
    ):
        assert (await api.post(CONFIG_MAPS, body)).status == 400
    assert (await api.get("/healthz")).status == 200


async def test_yaml_is_read_but_not_its_aliases(api):
    made = await api.post(CONFIG_MAPS, "metadata: {name: a}\ndata: {k: v}", kind="application/yaml")
    assert made.body["data"] == {"k": "v"}
    bomb = "metadata: {name: b}\ndata: {a: &x [1], b: *x}"
    assert (await api.post(CONFIG_MAPS, bomb, kind="application/yaml")).status == 400


async def test_other_types_are_415(api):
    refused = await api.post(CONFIG_MAPS, "a: b", kind="text/plain")
    assert (refused.status, refused.reason) == (415, "UnsupportedMediaType")
    refused = await api.patch(f"{CONFIG_MAPS}/a", "{}", kind="application/json")
    assert refused.status == 415


async def test_put_needs_the_name_of_the_url(api):
    await api.made(CONFIG_MAPS, config_map("a"))
    refused = await api.put(f"{CONFIG_MAPS}/a", config_map("b"))
    assert refused.message == "the name of the object (b) does not match the name on the URL (a)"
    refused = await api.put(f"{CONFIG_MAPS}/a", {"metadata": {}})
    assert "was undeterminable: name must be provided" in refused.message


async def test_put_against_an_old_version_is_a_conflict(api):
    made = await api.made(CONFIG_MAPS, config_map("a"))
    await api.patch(f"{CONFIG_MAPS}/a", {"data": {"x": "y"}})
    refused = await api.put(f"{CONFIG_MAPS}/a", made)
    assert (refused.status, refused.reason) == (409, "Conflict")
    assert refused.message == (
        'Operation cannot be fulfilled on configmaps "a": the object has been modified; please '
        "apply your changes to the latest version and try again"
    )


async def test_put_for_another_uid_is_a_conflict(api):
    await api.made(CONFIG_MAPS, config_map("a"))
    refused = await api.put(f"{CONFIG_MAPS}/a", config_map("a", uid="abc"))
    assert refused.status == 409
    assert "Precondition failed: UID in precondition: abc, UID in object meta: " in refused.message


async def test_put_of_what_is_not_there_is_404_but_creates_a_lease(api):
    assert (await api.put(f"{CONFIG_MAPS}/a", config_map("a"))).status == 404
    lease = {"metadata": {"name": "l"}, "spec": {"holderIdentity": "x"}}
    assert (await api.put(f"{LEASES}/l", lease)).status == 201
    refused = await api.put(f"{LEASES}/l", lease)
    assert refused.status == 422
    assert "metadata.resourceVersion: Invalid value: 0: must be specified" in refused.message


async def test_a_write_that_changes_nothing_keeps_the_version_and_wakes_nobody(api):
    made = await api.made(CONFIG_MAPS, config_map("a", {"k": "v"}))
    version = made["metadata"]["resourceVersion"]
    same = [
        await api.put(f"{CONFIG_MAPS}/a", config_map("a", {"k": "v"})),
        await api.patch(f"{CONFIG_MAPS}/a", {"data": {"k": "v"}}),
        await api.patch(f"{CONFIG_MAPS}/a", [], JSON_PATCH),
        await api.patch(
            f"{CONFIG_MAPS}/a", {"metadata": {"creationTimestamp": "2001-01-01T00:00:00Z"}}
        ),
    ]
    assert {answer.version for answer in same} == {version}
    first = await api.patch(f"{CONFIG_MAPS}/a", applied({"k": "v"}), APPLY, fieldManager="m")
    again = await api.patch(f"{CONFIG_MAPS}/a", applied({"k": "v"}), APPLY, fieldManager="m")
    assert first.version != version
    assert again.version == first.version


@pytest.mark.parametrize(
    ("metadata", "status", "message"),
    [
        ({"resourceVersion": "1"}, 409, "the object has been modified"),
        ({"uid": "1"}, 422, 'metadata.uid: Invalid value: "1": field is immutable'),
        ({"name": "zz"}, 400, "the name of the object (zz) does not match the name on the URL (a)"),
        ({"namespace": "zz"}, 400, "the namespace of the provided object does not match"),
        ({"deletionTimestamp": "2026-01-01T00:00:00Z"}, 422, "metadata.deletionTimestamp"),
        ({"labels": {"a": "no!"}}, 422, "metadata.labels"),
    ],
)
async def test_a_patch_may_not_touch_what_is_the_servers(api, metadata, status, message):
    await api.made(CONFIG_MAPS, config_map("a"))
    refused = await api.patch(f"{CONFIG_MAPS}/a", {"metadata": metadata})
    assert refused.status == status
    assert message in refused.message


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        (MERGE, "{bad", 400),
        (MERGE, "[]", 400),
        (JSON_PATCH, "{}", 400),
        (JSON_PATCH, [{"op": "test", "path": "/data/k", "value": "no"}], 422),
        (JSON_PATCH, [{"op": "remove", "path": "/data/zz"}], 422),
        (JSON_PATCH, [{"op": "replace", "path": "", "value": 7}], 422),
        (JSON_PATCH, [7], 400),
        (STRATEGIC, "7", 400),
    ],
)
async def test_a_patch_that_does_not_fit_is_refused(api, kind, body, status):
    await api.made(CONFIG_MAPS, config_map("a"))
    refused = await api.patch(f"{CONFIG_MAPS}/a", body, kind)
    assert refused.status == status, refused.text


async def test_a_patch_that_makes_the_object_unreadable_shows_what_it_made(api):
    await api.made(CONFIG_MAPS, config_map("a"))
    refused = await api.patch(f"{CONFIG_MAPS}/a", {"data": {"k": 1}})
    assert (refused.status, refused.reason) == (422, "Invalid")
    assert refused.message.startswith(' "" is invalid: patch: Invalid value: "{')
    assert "cannot unmarshal number" in refused.message
    assert refused.body["details"]["causes"][0]["field"] == "patch"
    strict = await api.patch(f"{CONFIG_MAPS}/a", {"foo": 1}, fieldValidation="Strict")
    assert strict.message.endswith('strict decoding error: unknown field "foo"')
    assert (await api.patch(f"{CONFIG_MAPS}/a", {"foo": 1})).warnings


async def test_each_kind_of_patch(api):
    path = f"{DEPLOYMENTS}/d"
    await api.made(DEPLOYMENTS, deployment())
    merged = await api.patch(path, {"metadata": {"labels": {"x": "1"}}})
    assert merged.body["metadata"]["labels"] == {"x": "1"}
    by_json = await api.patch(
        path, [{"op": "replace", "path": "/spec/replicas", "value": 2}], JSON_PATCH
    )
    assert by_json.body["spec"]["replicas"] == 2
    sidecar = {"spec": {"template": {"spec": {"containers": [{"name": "s", "image": "y"}]}}}}
    strategic = await api.patch(path, sidecar, STRATEGIC)
    containers = strategic.body["spec"]["template"]["spec"]["containers"]
    assert {container["name"] for container in containers} == {"c", "s"}


async def test_generation_counts_changes_of_spec_only(api):
    path = f"{DEPLOYMENTS}/d"
    assert (await api.made(DEPLOYMENTS, deployment()))["metadata"]["generation"] == 1
    assert (await api.patch(path, {"metadata": {"labels": {"x": "1"}}})).body["metadata"][
        "generation"
    ] == 1
    assert (await api.patch(path, {"spec": {"replicas": 2}})).body["metadata"]["generation"] == 2
    status = await api.patch(f"{path}/status", {"status": {"replicas": 2}})
    assert status.body["metadata"]["generation"] == 2
    assert "generation" not in (await api.made(CONFIG_MAPS, config_map("a")))["metadata"]


async def test_status_and_the_rest_have_doors_of_their_own(api):
    await api.made(PODS, {**pod("p"), "status": {"phase": "Running"}})
    assert (await api.get(f"{PODS}/p")).body["status"]["phase"] == "Pending"
    both = {"metadata": {"labels": {"a": "b"}}, "status": {"phase": "Running"}}
    whole = await api.patch(f"{PODS}/p", both)
    assert whole.body["status"]["phase"] == "Pending"
    status = await api.patch(f"{PODS}/p/status", {"spec": {"nodeName": "n"}, **both})
    assert status.body["status"]["phase"] == "Running"
    assert "nodeName" not in status.body["spec"]
    got = await api.get(f"{PODS}/p/status")
    assert got.body["status"]["phase"] == "Running"


async def test_apply_creates_then_owns_and_conflicts(api):
    path = f"{CONFIG_MAPS}/a"
    created = await api.patch(path, applied({"k": "1", "z": "1"}), APPLY, fieldManager="one")
    assert created.status == 201
    assert created.body["metadata"]["managedFields"][0]["operation"] == "Apply"
    refused = await api.patch(path, applied({"k": "2"}), APPLY, fieldManager="two")
    assert (refused.status, refused.reason) == (409, "Conflict")
    assert refused.message == 'Apply failed with 1 conflict: conflict with "one": .data.k'
    assert refused.body["details"]["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".data.k"}
    ]
    forced = await api.patch(path, applied({"k": "2"}), APPLY, fieldManager="two", force="true")
    assert forced.body["data"] == {"k": "2", "z": "1"}
    dropped = await api.patch(path, applied({}), APPLY, fieldManager="one")
    assert dropped.body["data"] == {"k": "2"}


@pytest.mark.parametrize(
    ("body", "query", "status", "message"),
    [
        (applied({}), {}, 422, "fieldManager: Required value: is required for apply patch"),
        ({"data": {}}, {"fieldManager": "m"}, 400, "invalid object type: /, Kind="),
        (
            {"apiVersion": "v1", "kind": "Secret"},
            {"fieldManager": "m"},
            400,
            "invalid object type: /v1, Kind=Secret",
        ),
        (applied({}, managedFields=[{}]), {"fieldManager": "m"}, 400, "managedFields must be nil"),
        (
            applied({}, uid="3"),
            {"fieldManager": "m"},
            409,
            "uid mismatch: the provided object specified uid 3, and no existing object was found",
        ),
        ("a: [", {"fieldManager": "m"}, 400, "error encoding patch"),
        (
            {**applied({}), "foo": 1},
            {"fieldManager": "m"},
            500,
            ".foo: field not declared in schema",
        ),
    ],
)
async def test_an_apply_that_makes_no_sense_is_refused(api, body, query, status, message):
    refused = await api.patch(f"{CONFIG_MAPS}/a", body, APPLY, **query)
    assert refused.status == status, refused.text
    assert message in refused.message


async def test_force_is_for_apply_only(api):
    await api.made(CONFIG_MAPS, config_map("a"))
    refused = await api.patch(f"{CONFIG_MAPS}/a", {}, force="true")
    assert "force: Forbidden: may not be specified for non-apply patch" in refused.message


async def test_updates_take_fields_over_from_their_appliers(api):
    await api.patch(f"{CONFIG_MAPS}/a", applied({"k": "1"}), APPLY, fieldManager="one")
    changed = await api.patch(f"{CONFIG_MAPS}/a", {"data": {"k": "2"}}, fieldManager="two")
    owners = {
        entry["manager"]: json.dumps(entry["fieldsV1"])
        for entry in changed.body["metadata"]["managedFields"]
    }
    assert "f:k" in owners["two"]
    assert "f:k" not in owners.get("one", "")


async def test_writers_of_one_object_meet_conflicts_and_lose_nothing(api):
    await api.made(CONFIG_MAPS, config_map("a", {"n": "0"}))

    async def add_one():
        while True:
            read = (await api.get(f"{CONFIG_MAPS}/a")).body
            read["data"]["n"] = str(int(read["data"]["n"]) + 1)
            if (await api.put(f"{CONFIG_MAPS}/a", read)).status == 200:
                return

    await asyncio.gather(*(add_one() for _ in range(10)))
    assert (await api.get(f"{CONFIG_MAPS}/a")).body["data"] == {"n": "10"}


async def test_names_and_methods_that_do_not_exist(api):
    missing = await api.get("/apis/apps/v1/namespaces/default/deployments/x")
    assert missing.message == 'deployments.apps "x" not found'
    assert missing.body["details"] == {"name": "x", "group": "apps", "kind": "deployments"}
    unknown = await api.get("/apis/apps/v1/namespaces/default/foos")
    assert unknown.message == "the server could not find the requested resource"
    for path in ("/apis/nope.io/v1/foos", "/nope"):
        assert (await api.get(path)).text == "404 page not found\n"
    for method, path in (
        ("PUT", CONFIG_MAPS),
        ("POST", f"{CONFIG_MAPS}/a"),
        ("OPTIONS", f"{CONFIG_MAPS}/a"),
    ):
        refused = await api.call(method, path, {})
        assert (refused.status, refused.reason) == (405, "MethodNotAllowed")
