"""fieldValidation: unknown and doubled fields are refused, warned of or passed over."""

from __future__ import annotations

import pytest
from raw_client import APPLY, JSON_PATCH, MERGE, STRATEGIC
from specimens import config_map, deployment, pod, widget


def warned(answer):
    """The texts of the warnings of an answer."""
    start = '299 - "'
    assert all(one.startswith(start) and one.endswith('"') for one in answer.warnings)
    return [one[len(start) : -1].replace('\\"', '"') for one in answer.warnings]


STRANGE = {**config_map("a"), "extra": 1}


async def test_without_a_word_unknown_fields_are_warned_of(server, config_maps):
    answer = await server.post(config_maps, STRANGE)
    assert "extra" not in answer.ok(201)
    assert warned(answer) == ['unknown field "extra"']


async def test_warn_warns(server, config_maps):
    answer = await server.post(config_maps, STRANGE, fieldValidation="Warn")
    assert answer.status == 201
    assert warned(answer) == ['unknown field "extra"']


async def test_ignore_says_nothing(server, config_maps):
    answer = await server.post(config_maps, STRANGE, fieldValidation="Ignore")
    assert (answer.status, answer.warnings) == (201, ())


async def test_strict_refuses(server, config_maps):
    answer = await server.post(config_maps, STRANGE, fieldValidation="Strict")
    assert answer.refusal == (
        400,
        "BadRequest",
        (
            'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: '
            'unknown field "extra"'
        ),
    )
    assert (await server.get(f"{config_maps}/a")).status == 404


async def test_strict_lets_the_known_pass(server, config_maps):
    assert (await server.post(config_maps, config_map("a"), fieldValidation="Strict")).status == 201


async def test_another_word_is_refused(server, config_maps):
    answer = await server.post(config_maps, config_map("a"), fieldValidation="Maybe")
    assert answer.refusal == (
        422,
        "Invalid",
        (
            'CreateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "Maybe": '
            'supported values: "", "Ignore", "Strict", "Warn"'
        ),
    )


async def test_doubled_fields_are_problems_too(server, config_maps):
    body = b'{"metadata":{"name":"a"},"data":{"k":"1"},"data":{"k":"2"}}'
    answer = await server.post(config_maps, body)
    assert answer.ok(201)["data"] == {"k": "2"}
    assert warned(answer) == ['duplicate field "data"']
    answer = await server.post(config_maps, body, fieldValidation="Strict")
    assert answer.message.endswith('strict decoding error: duplicate field "data"')


async def test_a_field_in_another_case_is_unknown(server, config_maps):
    answer = await server.post(config_maps, {**config_map("a"), "Data": {"k": "1"}})
    assert warned(answer) == ['unknown field "Data"']


async def test_fields_of_list_items_are_named_by_their_place(server, pods):
    body = pod(
        "a", {"name": "c", "image": "i", "envs": [], "ports": [{"containerPort": 1, "x": 1}]}
    )
    answer = await server.post(pods, body)
    assert sorted(warned(answer)) == [
        'unknown field "spec.containers[0].envs"',
        'unknown field "spec.containers[0].ports[0].x"',
    ]


async def test_unknown_metadata_counts(server, config_maps):
    answer = await server.post(config_maps, config_map("a", mood="good"))
    assert warned(answer) == ['unknown field "metadata.mood"']


STRANGE_WIDGET = {**widget("a", {"more": 1, "ports": [{"name": "x", "y": 1}]}), "extra": 1}
STRANGE_IN_WIDGET = [
    'unknown field "extra"',
    'unknown field "spec.more"',
    'unknown field "spec.ports[0].y"',
]


class TestCustomResources:
    """By their schema."""

    async def test_unknown_fields_are_warned_of(self, server, widgets):
        answer = await server.post(widgets, STRANGE_WIDGET)
        assert answer.status == 201
        assert warned(answer) == STRANGE_IN_WIDGET

    async def test_strict_refuses(self, server, widgets):
        answer = await server.post(widgets, STRANGE_WIDGET, fieldValidation="Strict")
        assert answer.refusal == (
            400,
            "BadRequest",
            (
                'Widget in version "v1" cannot be handled as a Widget: strict decoding error: '
                f"{', '.join(STRANGE_IN_WIDGET)}"
            ),
        )

    async def test_what_the_schema_keeps_is_known(self, server, widgets):
        body = widget("a", {"free": {"x": 1}})
        assert (await server.post(widgets, body, fieldValidation="Strict")).status == 201

    async def test_doubled_fields_are_problems_too(self, server, widgets):
        body = (
            b'{"apiVersion":"conformance.example.com/v1","kind":"Widget","metadata":{"name":"a"},'
            b'"spec":{"size":4,"size":5}}'
        )
        answer = await server.post(widgets, body)
        assert answer.ok(201)["spec"]["size"] == 5
        assert warned(answer) == ['duplicate field "spec.size"']


async def test_updates_are_looked_at_as_creates_are(server, config_maps):
    await server.made(config_maps, config_map("a"))
    answer = await server.put(f"{config_maps}/a", STRANGE)
    assert warned(answer) == ['unknown field "extra"']
    answer = await server.put(f"{config_maps}/a", STRANGE, fieldValidation="Strict")
    assert (answer.status, answer.reason) == (400, "BadRequest")


@pytest.mark.parametrize("kind", [MERGE, STRATEGIC])
async def test_patches_are_looked_at_by_what_comes_out(server, config_maps, kind):
    await server.made(config_maps, config_map("a"))
    patch = {"extra": 1, "data": {"k": "1"}}
    answer = await server.patch(f"{config_maps}/a", patch, kind)
    assert answer.ok()["data"] == {"k": "1"}
    assert warned(answer) == ['unknown field "extra"']
    answer = await server.patch(f"{config_maps}/a", patch, kind, fieldValidation="Strict")
    assert (answer.status, answer.reason) == (422, "Invalid")
    assert answer.fields == [("FieldValueInvalid", "patch")]
    assert answer.causes[0][2].endswith('strict decoding error: unknown field "extra"')


async def test_operations_are_looked_at_by_what_comes_out(server, config_maps):
    await server.made(config_maps, config_map("a"))
    patch = [{"op": "add", "path": "/extra", "value": 1}]
    answer = await server.patch(f"{config_maps}/a", patch, JSON_PATCH, fieldValidation="Strict")
    assert answer.fields == [("FieldValueInvalid", "patch")]


async def test_doubled_fields_of_a_patch_are_problems(server, config_maps):
    await server.made(config_maps, config_map("a"))
    body = b'{"data":{"k":"1","k":"2"}}'
    answer = await server.patch(f"{config_maps}/a", body, MERGE)
    assert warned(answer) == ['duplicate field "data.k"']
    answer = await server.patch(f"{config_maps}/a", body, MERGE, fieldValidation="Strict")
    assert answer.fields == [("FieldValueInvalid", "patch")]
    assert answer.causes[0][2].endswith('strict decoding error: duplicate field "data.k"')


async def test_patches_of_custom_resources_are_looked_at_too(server, widgets):
    await server.made(widgets, widget("a"))
    patch = {"spec": {"more": 1}}
    answer = await server.patch(f"{widgets}/a", patch)
    assert warned(answer) == ['unknown field "spec.more"']
    answer = await server.patch(f"{widgets}/a", patch, fieldValidation="Strict")
    assert answer.causes[0][2].endswith('strict decoding error: unknown field "spec.more"')


async def test_an_apply_has_no_unknown_fields_whatever_is_said(server, widgets):
    for word in ("Ignore", "Warn", "Strict"):
        answer = await server.apply(f"{widgets}/a", widget("a", {"more": 1}), fieldValidation=word)
        assert answer.refusal == (
            500,
            "",
            (
                "failed to create typed patch object (/a; conformance.example.com/v1, "
                "Kind=Widget): "
                ".spec.more: field not declared in schema"
            ),
        )


async def test_doubled_fields_of_an_apply_are_problems(server, config_maps):
    body = (
        b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"k":"1","k":"2"}}'
    )
    query = {"fieldManager": "m"}
    answer = await server.patch(f"{config_maps}/a", body, APPLY, **query)
    assert answer.ok(201)["data"] == {"k": "2"}
    assert warned(answer) == ['line 1: key "k" already set in map']
    query["fieldValidation"] = "Strict"
    answer = await server.patch(f"{config_maps}/a", body, APPLY, **query)
    what = server.told("patch", oldest="YAML")
    assert answer.refusal == (
        400,
        "BadRequest",
        (
            f"error strict decoding {what}: error converting YAML to JSON: "
            "yaml: unmarshal errors:\n"
            '  line 1: key "k" already set in map'
        ),
    )


async def test_a_label_that_says_too_little_is_no_problem(server, namespace):
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    answer = await server.post(path, deployment("a"), fieldValidation="Strict")
    assert (answer.status, answer.warnings) == (201, ())


async def test_of_very_many_problems_the_first_are_told(server, config_maps):
    body = {**config_map("a"), **{f"unknown{number:04}": 1 for number in range(400)}}
    answer = await server.post(config_maps, body)
    assert answer.status == 201
    assert len(answer.warnings) == 100


async def test_long_warnings_are_cut(server, config_maps):
    body = {**config_map("a"), **{f"n{number:02}{'x' * 300}": 1 for number in range(50)}}
    texts = warned(await server.post(config_maps, body))
    assert {len(text) for text in texts} == {256}
    assert len(texts) == 16


async def test_doubled_fields_of_yaml_are_named_by_line(server, config_maps):
    body = b"metadata:\n  name: a\ndata:\n  k: x\n  k: z\n"
    answer = await server.post(config_maps, body, kind="application/yaml")
    assert answer.ok(201)["data"] == {"k": "z"}
    assert warned(answer) == ['line 5: key "k" already set in map']
    answer = await server.post(config_maps, body, kind="application/yaml", fieldValidation="Strict")
    assert answer.refusal == (
        400,
        "BadRequest",
        (
            'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: '
            "yaml: "
            'unmarshal errors:\n  line 5: key "k" already set in map'
        ),
    )
