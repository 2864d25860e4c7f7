"""The number of replicas behind a common form."""

from __future__ import annotations

import pytest
from raw_client import JSON_PATCH, STRATEGIC
from specimens import deployment, widget, widget_definition

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
PATHS = {
    "specReplicasPath": ".spec.size",
    "statusReplicasPath": ".status.replicas",
    "labelSelectorPath": ".status.selector",
}
MODIFIED = "the object has been modified; please apply your changes to the latest version"


@pytest.fixture
async def app(server, namespace):
    """The path of a Deployment of 3."""
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    await server.made(path, deployment("a", 3))
    return f"{path}/a"


@pytest.fixture
async def scaled(server, define_shared, namespace):
    """The path of a Widget of 3 that can be scaled."""
    await define_shared("scaled.example.com", subresources={"status": {}, "scale": PATHS})
    path = f"/apis/scaled.example.com/v1/namespaces/{namespace}/widgets"
    await server.made(path, widget("a", group="scaled.example.com"))
    return f"{path}/a"


async def test_it_shows_the_number_and_who_is_counted(server, app):
    found = await server.found(f"{app}/scale")
    whole = await server.found(app)
    # Its version moves on whenever a controller writes.
    assert found["metadata"].pop("resourceVersion")
    kept = ("name", "namespace", "uid", "creationTimestamp")
    assert found == {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: whole["metadata"][name] for name in kept},
        "spec": {"replicas": 3},
        "status": {"replicas": 0, "selector": "app=a"},
    }


@pytest.mark.parametrize(
    ("patch", "options"),
    [
        ({"spec": {"replicas": 5}}, ()),
        ({"spec": {"replicas": 5}}, (STRATEGIC,)),
        ([{"op": "replace", "path": "/spec/replicas", "value": 5}], (JSON_PATCH,)),
    ],
    ids=["merge", "strategic", "operations"],
)
async def test_it_is_patched(server, app, patch, options):
    answer = await server.patch(f"{app}/scale", patch, *options)
    assert answer.ok()["spec"] == {"replicas": 5}
    whole = await server.found(app)
    assert (whole["spec"]["replicas"], whole["metadata"]["generation"]) == (5, 2)


async def test_it_is_replaced(server, app):
    scale = await server.found(f"{app}/scale")
    version = scale["metadata"].pop("resourceVersion")
    answer = await server.put(f"{app}/scale", {**scale, "spec": {"replicas": 0}})
    assert answer.ok()["spec"] == {}
    scale["metadata"]["resourceVersion"] = version
    answer = await server.put(f"{app}/scale", {**scale, "spec": {"replicas": 1}})
    assert answer.refusal[:2] == (409, "Conflict")
    assert MODIFIED in answer.message


async def test_a_dry_run_changes_nothing(server, app):
    patch = {"spec": {"replicas": 9}}
    answer = await server.patch(f"{app}/scale", patch, dryRun="All")
    assert answer.ok()["spec"] == {"replicas": 9}
    assert (await server.found(app))["spec"]["replicas"] == 3


async def test_a_number_below_zero_is_refused(server, app):
    answer = await server.patch(f"{app}/scale", {"spec": {"replicas": -1}})
    assert answer.refusal[:2] == (422, "Invalid")
    assert answer.message.startswith('Scale.autoscaling "a" is invalid: ')
    why = "Invalid value: -1: must be greater than or equal to 0"
    assert answer.causes == [("FieldValueInvalid", "spec.replicas", why)]


@pytest.mark.parametrize(("value", "what"), [("x", "string"), (1.5, "number 1.5")])
async def test_what_is_no_number_is_refused(server, app, value, what):
    answer = await server.patch(f"{app}/scale", {"spec": {"replicas": value}})
    assert answer.refusal[:2] == (422, "Invalid")
    [(_, field, words)] = answer.causes
    assert field == "patch"
    where = "into Go struct field ScaleSpec.spec.replicas of type int32"
    assert words.endswith(f"json: cannot unmarshal {what} {where}")


async def test_unknown_fields_are_looked_at(server, app):
    patch = {"spec": {"nothing": 1}}
    answer = await server.patch(f"{app}/scale", patch)
    assert answer.ok()["spec"] == {"replicas": 3}
    assert answer.warnings == ('299 - "unknown field \\"spec.nothing\\""',)
    answer = await server.patch(f"{app}/scale", patch, fieldValidation="Strict")
    assert answer.refusal[:2] == (422, "Invalid")
    assert 'strict decoding error: unknown field "spec.nothing"' in answer.message


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        (
            {"metadata": {"name": "b"}}, 400,
            "the name of the object (b) does not match the name on the URL (a)",
        ),
        (
            {"metadata": {"name": "a", "namespace": "elsewhere"}}, 400,
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
        ({"kind": "Other"}, 400, 'Other in version "v1" cannot be handled as a Scale: '),
        ({"metadata": {"name": "a", "uid": "x"}}, 409, "Operation cannot be fulfilled on "),
    ],
    ids=["name", "namespace", "kind", "uid"],
)  # fmt: skip
async def test_what_is_replaced_must_be_meant(server, app, change, status, message):
    scale = await server.found(f"{app}/scale")
    answer = await server.put(f"{app}/scale", {**scale, **change})
    assert answer.status == status
    assert answer.message.startswith(message)


async def test_it_is_no_door_to_metadata(server, app):
    await server.patch(f"{app}/scale", {"metadata": {"labels": {"a": "b"}}})
    assert "labels" not in (await server.found(app))["metadata"]


async def test_it_is_neither_made_nor_deleted(server, app):
    scale = await server.found(f"{app}/scale")
    for answer in (await server.delete(f"{app}/scale"), await server.post(f"{app}/scale", scale)):
        assert answer.refusal[:2] == (405, "MethodNotAllowed")


async def test_of_what_is_not_there_there_is_none(server, app):
    for answer in (await server.get(f"{app}x/scale"), await server.patch(f"{app}x/scale", {})):
        assert answer.refusal == (404, "NotFound", 'deployments.apps "ax" not found')


async def test_not_every_kind_has_one(server, config_maps):
    answer = await server.get(f"{config_maps}/a/scale")
    message = "the server could not find the requested resource"
    assert answer.refusal == (404, "NotFound", message)


class TestCustomResources:
    """The definition says where the numbers are."""

    async def test_it_shows_them(self, server, scaled):
        found = await server.found(f"{scaled}/scale")
        assert (found["spec"], found["status"]) == ({"replicas": 3}, {"replicas": 0})
        status = {"replicas": 2, "selector": "a=b"}
        await server.patch(f"{scaled}/status", {"status": status})
        assert (await server.found(f"{scaled}/scale"))["status"] == status

    async def test_it_is_patched_and_replaced(self, server, scaled):
        answer = await server.patch(f"{scaled}/scale", {"spec": {"replicas": 5}})
        scale = answer.ok()
        assert scale["spec"] == {"replicas": 5}
        whole = await server.found(scaled)
        assert (whole["spec"]["size"], whole["metadata"]["generation"]) == (5, 2)
        answer = await server.put(f"{scaled}/scale", {**scale, "spec": {"replicas": 7}})
        assert answer.ok()["spec"] == {"replicas": 7}
        answer = await server.put(f"{scaled}/scale", {**scale, "spec": {"replicas": 1}})
        assert answer.refusal[:2] == (409, "Conflict")

    async def test_the_schema_is_asked(self, server, scaled):
        answer = await server.patch(f"{scaled}/scale", {"spec": {"replicas": 1000}})
        words = "Invalid value: 1000: spec.size in body should be less than or equal to 100"
        assert answer.causes == [("FieldValueInvalid", "spec.size", words)]
        answer = await server.patch(f"{scaled}/scale", {"spec": {"replicas": -1}})
        fields = [("FieldValueInvalid", ".spec.size"), ("FieldValueInvalid", "spec.size")]
        assert answer.fields == fields

    async def test_a_strategic_patch_is_refused(self, server, scaled):
        answer = await server.patch(f"{scaled}/scale", {"spec": {"replicas": 6}}, STRATEGIC)
        assert answer.refusal[:2] == (415, "UnsupportedMediaType")

    async def test_it_is_not_deleted(self, server, scaled):
        answer = await server.delete(f"{scaled}/scale")
        message = 'delete is not supported on resources of kind "widgets.scaled.example.com"'
        assert answer.refusal == (405, "MethodNotAllowed", message)

    async def test_of_what_is_not_there_there_is_none(self, server, scaled):
        answer = await server.get(f"{scaled}x/scale")
        assert answer.refusal == (404, "NotFound", 'widgets.scaled.example.com "ax" not found')

    async def test_without_a_number_there_is_none_to_show(self, server, define, namespace, unique):
        scale = {**PATHS, "specReplicasPath": ".spec.free"}
        await define(subresources={"scale": scale})
        group = f"{unique}.example.com"
        path = f"/apis/{group}/v1/namespaces/{namespace}/widgets"
        await server.made(path, widget("a", group=group))
        answer = await server.get(f"{path}/a/scale")
        assert answer.refusal[:2] == (500, "InternalError")

    @pytest.mark.parametrize(
        ("change", "field", "words"),
        [
            ({"statusReplicasPath": ""}, "statusReplicasPath", "Required value"),
            (
                {"specReplicasPath": "spec.size"}, "specReplicasPath",
                'Invalid value: "spec.size": must be a simple json path starting with .',
            ),
            (
                {"specReplicasPath": ".size"}, "specReplicasPath",
                'Invalid value: ".size": should be a json path under .spec',
            ),
            (
                {"statusReplicasPath": ".spec.size"}, "statusReplicasPath",
                'Invalid value: ".spec.size": should be a json path under .status',
            ),
            (
                {"labelSelectorPath": ".x"}, "labelSelectorPath",
                'Invalid value: ".x": should be a json path under either .spec or .status',
            ),
        ],
        ids=["missing", "no path", "of spec", "of status", "of selector"],
    )  # fmt: skip
    async def test_paths_that_make_no_sense_are_refused(self, server, unique, change, field, words):
        below = {"status": {}, "scale": {**PATHS, **change}}
        definition = widget_definition(f"{unique}.example.com", subresources=below)
        answer = await server.post(DEFINITIONS, definition)
        assert [(where, said) for _, where, said in answer.causes] == [
            (f"spec.subresources.scale.{field}", words)
        ]
