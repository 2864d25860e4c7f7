"""What a request is told when several things are wrong with it, and in which words."""

from __future__ import annotations

import pytest
from api_caller import APPLY, CONFIG_MAPS, MERGE, STRATEGIC
from scaled_kind import COUNTERS, counter, define

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
SERVICES = "/api/v1/namespaces/default/services"
LEASE = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"}}
SERVICE = {"metadata": {"name": "s"}, "spec": {"clusterIP": "None", "ports": [{"port": 80}]}}


@pytest.mark.parametrize(
    ("path", "body", "query", "key"),
    [
        (f"{LEASES}/l", LEASE, {}, "/registry/leases/default/l"),
        (f"{LEASES}/l", LEASE, {"dryRun": "All"}, "/leases/default/l"),
        (f"{SERVICES}/s", SERVICE, {}, "/registry/services/specs/default/s"),
    ],
)
async def test_a_put_of_an_object_with_a_uid_does_not_create_another(api, path, body, query, key):
    body = {**body, "metadata": {**body["metadata"], "uid": "old"}}
    refused = await api.put(path, body, **query)
    assert (refused.status, refused.reason) == (409, "Conflict")
    assert f"Key: {key}, " in refused.message
    assert refused.message.endswith("UID in precondition: old, UID in object meta: ")


async def test_the_wrong_namespace_comes_before_an_object_that_is_not_there(api):
    await define(api)
    elsewhere = counter(metadata={"name": "c", "namespace": "elsewhere"})
    assert (await api.put(f"{COUNTERS}/c", elsewhere)).status == 400
    assert (await api.put(f"{COUNTERS}/c", counter())).status == 404


async def test_an_unknown_field_comes_before_the_wrong_namespace(api):
    await api.made(CONFIG_MAPS, {"metadata": {"name": "c"}})
    patch = {"metadata": {"namespace": "elsewhere", "unknown": 1}}
    strict = await api.patch(f"{CONFIG_MAPS}/c", patch, MERGE, fieldValidation="Strict")
    assert strict.status == 422
    warned = await api.patch(f"{CONFIG_MAPS}/c", patch, MERGE, fieldValidation="Warn")
    assert warned.status == 400
    assert warned.warnings == ['299 - "unknown field \\"metadata.unknown\\""']


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("spec", {"renewTime": "2026"}, "parsing time"),
        ("data", {"k": "!"}, "error decoding from json: illegal base64 data at input byte 0"),
    ],
)
async def test_what_is_applied_and_cannot_be_read_is_an_error_of_the_server(api, field, value, why):
    body = LEASE if field == "spec" else {"apiVersion": "v1", "kind": "Secret"}
    path = f"{LEASES}/l" if field == "spec" else "/api/v1/namespaces/default/secrets/l"
    body = {**body, "metadata": {"name": "l", "uid": "x"}, field: value}
    refused = await api.patch(path, body, APPLY, fieldManager="m")
    assert refused.status == 500
    assert refused.message.startswith("failed to convert new object (/l; ")
    assert why in refused.message


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("Secret", "converting (v1.Secret) to (core.ConfigMap): unknown conversion"),
        ("Other", 'no kind "Other" is registered for version "v1" in scheme'),
    ],
)
async def test_an_object_of_another_kind_is_named(api, kind, why):
    body = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "c"}}
    refused = await api.put(f"{CONFIG_MAPS}/c", body)
    assert refused.status == 400
    assert why in refused.message


async def test_a_continue_token_that_is_none_is_named_by_its_first_character(api):
    refused = await api.get(CONFIG_MAPS, **{"continue": "nonsense"})
    assert refused.message == (
        "invalid continue token: continue key is not valid: "
        "invalid character '\\u009e' looking for beginning of value"
    )


async def test_a_list_of_one_name_has_no_second_page(api):
    for name in ("a", "b"):
        await api.made(CONFIG_MAPS, {"metadata": {"name": name}})
    page = await api.get(CONFIG_MAPS, fieldSelector="metadata.name=a", limit="1")
    assert page.names == ["a"]
    assert "continue" not in page.body["metadata"]


async def test_the_last_finalizer_goes_with_an_answer_of_the_old_version(api):
    await api.made(CONFIG_MAPS, {"metadata": {"name": "c", "finalizers": ["x.io/f"]}})
    await api.delete(f"{CONFIG_MAPS}/c")
    held = await api.get(f"{CONFIG_MAPS}/c")
    gone = await api.patch(f"{CONFIG_MAPS}/c", {"metadata": {"finalizers": None}}, MERGE)
    assert gone.version == held.version
    assert (await api.get(f"{CONFIG_MAPS}/c")).status == 404


async def test_applying_nothing_to_a_status_changes_nothing(api):
    await define(api, status=True)
    made = await api.made(COUNTERS, counter())
    assert "managedFields" not in made["metadata"]
    applied = await api.patch(f"{COUNTERS}/c/status", counter(), APPLY, fieldManager="m")
    assert applied.body == made


async def test_a_column_tells_its_meaning_in_paragraphs(api):
    await define(api)
    table = (await api.get(COUNTERS, accept=TABLE)).body
    assert "in UTC.\n\nPopulated by the system." in table["columnDefinitions"][1]["description"]


async def test_a_selector_that_makes_no_sense_comes_before_options_that_contradict(api):
    query = {"labelSelector": "a in (", "resourceVersionMatch": "Exact"}
    assert (await api.get(CONFIG_MAPS, **query)).status == 400
    assert (await api.get(CONFIG_MAPS, resourceVersionMatch="Exact")).status == 422


async def test_another_object_comes_before_the_lack_of_a_version(api):
    await define(api)
    await api.made(COUNTERS, counter())
    other = counter(metadata={"name": "c", "uid": "old"})
    assert (await api.put(f"{COUNTERS}/c", other)).status == 409
    unversioned = await api.put(f"{COUNTERS}/c", {**counter(), "kind": "Other"})
    assert unversioned.body["details"]["causes"][0]["field"] == "metadata.resourceVersion"


async def test_a_strategic_patch_that_does_not_fit_is_shown_itself(api):
    await api.made(CONFIG_MAPS, {"metadata": {"name": "c"}})
    patch = {"unknown": 1, "data": {"k": None}}
    refused = await api.patch(f"{CONFIG_MAPS}/c", patch, STRATEGIC, fieldValidation="Strict")
    assert refused.message == (
        ' "" is invalid: patch: Invalid value: "map[data:map[k:<nil>] unknown:1]": '
        'strict decoding error: unknown field "unknown"'
    )


async def test_a_strategy_that_is_none_is_shown_with_its_parameters(api):
    spec = {
        "selector": {"matchLabels": {"a": "x"}},
        "strategy": {"type": "RollingUpdate"},
        "template": {
            "metadata": {"labels": {"a": "x"}},
            "spec": {"containers": [{"name": "c", "image": "i"}]},
        },
    }
    path = "/apis/apps/v1/namespaces/default/deployments"
    await api.made(path, {"metadata": {"name": "d"}, "spec": spec})
    refused = await api.patch(f"{path}/d", {"spec": {"strategy": {"type": "Other"}}}, MERGE)
    assert (
        'Unsupported value: {"Type":"Other","RollingUpdate":'
        '{"MaxUnavailable":"25%","MaxSurge":"25%"}}'
    ) in refused.message
