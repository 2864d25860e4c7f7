"""POST: what the server adds, what it ignores and what it refuses."""

from __future__ import annotations

import re

import pytest
from specimens import config_map, deployment, namespace_named, pod, secret

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


async def test_the_server_identifies_and_dates_a_new_object(server, config_maps, namespace):
    metadata = (await server.made(config_maps, config_map("a")))["metadata"]
    assert UUID.fullmatch(metadata["uid"])
    assert TIME.fullmatch(metadata["creationTimestamp"])
    assert metadata["resourceVersion"].isdigit()
    assert metadata["namespace"] == namespace
    assert "generation" not in metadata


async def test_a_create_answers_with_what_is_stored(server, config_maps):
    answer = await server.post(config_maps, config_map("a", {"k": "v"}))
    assert answer.ok(201) == await server.found(f"{config_maps}/a")
    assert answer.headers["Content-Type"] == "application/json"


async def test_what_the_server_decides_is_not_taken_from_the_client(server, config_maps):
    given = {
        "uid": "00000000-0000-0000-0000-000000000000",
        "creationTimestamp": "2001-01-01T00:00:00Z",
        "deletionTimestamp": "2001-01-01T00:00:00Z",
        "deletionGracePeriodSeconds": 5,
        "selfLink": "/elsewhere",
    }
    metadata = (await server.made(config_maps, config_map("a", **given)))["metadata"]
    for name in ("uid", "creationTimestamp", "deletionTimestamp", "selfLink"):
        assert metadata.get(name) != given[name]
    assert "deletionTimestamp" not in metadata


async def test_a_resource_version_must_not_be_given(server, config_maps):
    answer = await server.post(config_maps, config_map("a", resourceVersion="5"))
    message = "resourceVersion should not be set on objects to be created"
    assert answer.refusal == (500, "", message)


async def test_a_name_that_is_taken_is_refused(server, config_maps):
    await server.made(config_maps, config_map("a"))
    answer = await server.post(config_maps, config_map("a"))
    assert answer.refusal == (409, "AlreadyExists", 'configmaps "a" already exists')
    assert answer.body["details"] == {"name": "a", "kind": "configmaps"}


async def test_a_taken_name_in_a_group_is_named_with_the_group(server, widgets, new_widget):
    await server.made(widgets, new_widget("a"))
    answer = await server.post(widgets, new_widget("a"))
    message = 'widgets.conformance.example.com "a" already exists'
    assert answer.refusal == (409, "AlreadyExists", message)
    details = {"name": "a", "group": "conformance.example.com", "kind": "widgets"}
    assert answer.body["details"] == details


async def test_a_name_is_generated_behind_a_prefix(server, config_maps):
    body = config_map(None, generateName="run-")
    one = (await server.made(config_maps, body))["metadata"]
    two = (await server.made(config_maps, body))["metadata"]
    assert re.fullmatch(r"run-[a-z0-9]{5}", one["name"])
    assert one["name"] != two["name"]
    assert one["generateName"] == "run-"


async def test_a_given_name_is_taken_before_a_generated_one(server, config_maps):
    made = await server.made(config_maps, config_map("a", generateName="run-"))
    assert made["metadata"]["name"] == "a"


async def test_a_long_prefix_is_cut_so_that_the_name_fits(server, config_maps):
    made = await server.made(config_maps, config_map(None, generateName="x" * 80))
    assert re.fullmatch(r"x{58}[a-z0-9]{5}", made["metadata"]["name"])


async def test_a_name_is_required(server, config_maps):
    answer = await server.post(config_maps, config_map(None))
    assert answer.refusal == (
        422,
        "Invalid",
        'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
    )


async def test_the_namespace_must_be_there(server, unique):
    answer = await server.post(f"/api/v1/namespaces/{unique}/configmaps", config_map("a"))
    assert answer.refusal == (404, "NotFound", f'namespaces "{unique}" not found')
    assert answer.body["details"] == {"name": unique, "kind": "namespaces"}


async def test_the_namespace_of_the_object_must_be_that_of_the_request(server, config_maps):
    answer = await server.post(config_maps, config_map("a", namespace="elsewhere"))
    assert answer.refusal == (
        400,
        "BadRequest",
        "the namespace of the provided object does not match the namespace sent on the request",
    )


async def test_kind_and_version_may_be_left_out_for_built_in_kinds(server, config_maps):
    made = await server.made(config_maps, {"metadata": {"name": "a"}})
    assert (made["kind"], made["apiVersion"]) == ("ConfigMap", "v1")


async def test_another_kind_is_refused(server, config_maps):
    answer = await server.post(config_maps, pod("a"))
    code, reason, message = answer.refusal
    assert (code, reason) == (400, "BadRequest")
    assert message.startswith('Pod in version "v1" cannot be handled as a ConfigMap: ')


async def test_another_version_of_a_custom_kind_is_refused(server, widgets, new_widget):
    body = {**new_widget("a"), "apiVersion": "conformance.example.com/v2"}
    answer = await server.post(widgets, body)
    assert answer.refusal == (
        400,
        "BadRequest",
        (
            "the API version in the data (conformance.example.com/v2) does not match the expected "
            "API version (conformance.example.com/v1)"
        ),
    )


async def test_another_custom_kind_is_invalid(server, widgets, new_widget):
    answer = await server.post(widgets, {**new_widget("a"), "kind": "Gadget"})
    assert answer.refusal == (
        422,
        "Invalid",
        (
            'Gadget.conformance.example.com "a" is invalid: kind: Invalid value: "Gadget": '
            "must be Widget"
        ),
    )


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "json parse error"),
        (b"", "unexpected end of JSON input"),
        (b"[]", "cannot unmarshal array"),
        (b'{"metadata": "x"}', "cannot unmarshal string"),
        (b'{"kind": "ConfigMap", "apiVersion": "v1", "data": {"k": 1}}', "cannot unmarshal number"),
        (b'{"kind": "ConfigMap", "apiVersion": "v1", "data": []}', "cannot unmarshal array"),
    ],
    ids=["cut off", "empty", "a list", "metadata of a wrong type", "a number", "a list as a map"],
)
async def test_a_body_that_is_no_such_object_is_refused(server, config_maps, body, words):
    answer = await server.post(config_maps, body)
    code, reason, message = answer.refusal
    assert (code, reason) == (400, "BadRequest")
    assert words in message


async def test_yaml_is_taken(server, config_maps):
    body = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: 'yes'}\n"
    made = await server.made(config_maps, body, kind="application/yaml")
    assert made["data"] == {"k": "yes"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12), ("-0x1F", -31), ("017", 15), ("1_000", 1000), ("1e3", 1000), ("1.50", 1.5),
        (".5", 0.5), ("1:30", "1:30"), ("y", True), ("No", False), ("ON", True), ("oN", "oN"),
        ("~", None), ("NULL", None), ("2020-01-01", "2020-01-01"), ("1.2.3", "1.2.3"),
        ("'1'", "1"), ("!!str 1", "1"), ("08", 8), ("0o17", 15), ("0b11", 3), ("+1", 1),
        ("99999999999999999999", 10**20), ("=", "="), ("<<", "<<"), ("1e", "1e"),
    ],
)  # fmt: skip
async def test_plain_words_of_yaml_are_what_go_takes_them_for(server, widgets, text, value):
    body = (
        "{apiVersion: conformance.example.com/v1, kind: Widget, metadata: {name: a}, "
        f"spec: {{free: {{it: {text}}}}}}}"
    )
    answer = await server.post(widgets, body.encode(), kind="application/yaml")
    found = answer.ok(201)["spec"]["free"].get("it")
    assert (found, type(found)) == (value, type(value))


async def test_keys_of_yaml_become_text(server, config_maps):
    body = b"metadata: {name: a}\ndata: {1: a, y: b, 1.5: c, 1e3: d}"
    answer = await server.post(config_maps, body, kind="application/yaml")
    assert answer.ok(201)["data"] == {"1": "a", "true": "b", "1.5": "c", "1000": "d"}


async def test_a_form_that_nobody_reads_is_refused(server, config_maps):
    answer = await server.post(config_maps, b"<a/>", kind="text/xml")
    code, reason, message = answer.refusal
    assert (code, reason) == (415, "UnsupportedMediaType")
    assert message.startswith(
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json, application/yaml"
    )


async def test_a_form_that_nobody_writes_is_refused(server, config_maps):
    answer = await server.get(config_maps, accept="text/html")
    assert answer.status == 406
    assert answer.reason == "NotAcceptable"


async def test_the_status_of_a_new_object_is_its_controllers_to_say(server, namespace):
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    body = {**deployment("a"), "status": {"observedGeneration": 9, "replicas": 5}}
    assert (await server.made(path, body))["status"] == {}


async def test_the_status_of_a_new_custom_resource_is_dropped(server, widgets, new_widget):
    made = await server.made(widgets, {**new_widget("a"), "status": {"phase": "Done"}})
    assert "status" not in made


async def test_a_new_pod_is_pending_whatever_it_says(server, pods):
    made = await server.made(pods, {**pod("a"), "status": {"phase": "Succeeded"}})
    assert made["status"]["phase"] == "Pending"


async def test_an_object_with_a_spec_begins_at_generation_1(server, namespace, widgets, new_widget):
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    assert (await server.made(path, deployment("a")))["metadata"]["generation"] == 1
    assert (await server.made(widgets, new_widget("a")))["metadata"]["generation"] == 1


async def test_text_given_for_convenience_becomes_data(server, secrets):
    body = {**secret("a", {"b": "MQ=="}), "stringData": {"a": "x", "b": "2"}}
    made = await server.made(secrets, body)
    assert made["data"] == {"a": "eA==", "b": "Mg=="}
    assert "stringData" not in made


async def test_a_collection_over_all_namespaces_takes_no_objects(server):
    answer = await server.post("/api/v1/configmaps", config_map("a", namespace="default"))
    assert answer.refusal == (
        405,
        "MethodNotAllowed",
        "the server does not allow this method on the requested resource",
    )


async def test_a_single_object_is_no_place_to_create_at(server, config_maps):
    answer = await server.post(f"{config_maps}/a", config_map("a"))
    assert (answer.status, answer.reason) == (405, "MethodNotAllowed")


async def test_a_cluster_scoped_object_has_no_namespace(server, unique):
    made = await server.made("/api/v1/namespaces", namespace_named(unique))
    assert "namespace" not in made["metadata"]


async def test_a_dry_run_answers_as_if_and_stores_nothing(server, config_maps):
    made = await server.made(config_maps, config_map("a", {"k": "v"}), dryRun="All")
    assert UUID.fullmatch(made["metadata"]["uid"])
    assert made["data"] == {"k": "v"}
    assert "resourceVersion" not in made["metadata"]
    assert (await server.get(f"{config_maps}/a")).status == 404


async def test_a_dry_run_checks_as_if(server, config_maps):
    await server.made(config_maps, config_map("a"))
    answer = await server.post(config_maps, config_map("a"), dryRun="All")
    assert (answer.status, answer.reason) == (409, "AlreadyExists")
    answer = await server.post(config_maps, config_map("A"), dryRun="All")
    assert (answer.status, answer.reason) == (422, "Invalid")


async def test_a_dry_run_is_all_or_none(server, config_maps):
    answer = await server.post(config_maps, config_map("a"), dryRun="Some")
    assert answer.refusal == (
        422,
        "Invalid",
        (
            'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Some"]: '
            'supported values: "All"'
        ),
    )


async def test_an_object_of_more_than_three_megabytes_is_refused(server, config_maps):
    answer = await server.post(config_maps, config_map("a", {"k": "x" * (3 * 2**20)}))
    code, reason, message = answer.refusal
    assert (code, reason) == (413, "RequestEntityTooLarge")
    assert message == "Request entity too large: limit is 3145728"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "unexpected end of JSON input (<empty>)"),
        (b"{", "unexpected end of JSON input ({)"),
        (b'{"a" 1}', "invalid character '1' after object key ({\"a\" 1})"),
        (b"{a: 1}", "invalid character 'a' looking for beginning of object key string ({a: 1})"),
        (b"[1 2]", "invalid character '2' after array element (5b3120325d)"),
        (b'{"a": tru}', "invalid character '}' in literal true (expecting 'e') ({\"a\": tru})"),
        (b'{"a": 1}}', "invalid character '}' after top-level value ({\"a\": 1}})"),
        (
            b"[]",
            (
                "json: cannot unmarshal array into Go value of type struct { APIVersion string "
                '"json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" } '
                "(5b5d)"
            ),
        ),
    ],
)
async def test_what_is_wrong_with_a_body_is_said(server, config_maps, body, why):
    answer = await server.post(config_maps, body)
    assert answer.refusal == (
        400,
        "BadRequest",
        (
            "the object provided is unrecognized (must be of type ConfigMap): couldn't get "
            f"version/kind; json parse error: {why}"
        ),
    )


@pytest.mark.parametrize(
    ("metadata", "why"),
    [
        ("x", "string into Go value of type v1.ObjectMeta"),
        ({"labels": {"a": 1}}, "number into Go struct field ObjectMeta.labels of type string"),
        ({"name": 5}, "number into Go struct field ObjectMeta.name of type string"),
    ],
)
async def test_metadata_of_custom_resources_has_the_types_of_all_metadata(
    server, widgets, new_widget, metadata, why
):
    answer = await server.post(widgets, {**new_widget("a"), "metadata": metadata})
    message = f'Widget in version "v1" cannot be handled as a Widget: json: cannot unmarshal {why}'
    assert answer.refusal == (400, "BadRequest", message)
