"""PATCH by merge and by operations: what each does, what it refuses, and what is never patched."""

from __future__ import annotations

import pytest
from raw_client import APPLY, JSON_PATCH, MERGE, STRATEGIC
from specimens import config_map

MODIFIED = (
    "the object has been modified; please apply your changes to the latest version and try again"
)


@pytest.fixture
async def path(server, config_maps):
    await server.made(config_maps, config_map("x", {"a": "1", "b": "2"}, labels={"l": "1"}))
    return f"{config_maps}/x"


@pytest.fixture
async def thing(server, widgets, new_widget):
    labels = {"a": "1", "b/c": "2", "d~e": "3"}
    spec = {"steps": ["a", "b", "c"], "inner": {"a": "1", "b": "2"}, "labels": labels}
    await server.made(widgets, new_widget("x", spec))
    return f"{widgets}/x"


class TestMerge:
    """RFC 7386."""

    async def test_what_is_named_changes_and_the_rest_stays(self, server, path):
        new = (await server.patch(path, {"data": {"a": "9", "f": "4"}})).ok()
        assert new["data"] == {"a": "9", "b": "2", "f": "4"}
        assert new["metadata"]["labels"] == {"l": "1"}

    async def test_null_takes_away(self, server, path):
        new = (await server.patch(path, {"data": {"a": None, "none": None}})).ok()
        assert new["data"] == {"b": "2"}

    async def test_a_whole_map_is_taken_away(self, server, path):
        assert "data" not in (await server.patch(path, {"data": None})).ok()

    async def test_a_list_is_replaced(self, server, thing):
        new = (await server.patch(thing, {"spec": {"steps": ["z"]}})).ok()
        assert new["spec"]["steps"] == ["z"]
        assert new["spec"]["inner"]["a"] == "1"

    async def test_an_empty_patch_changes_nothing(self, server, path):
        before = await server.found(path)
        assert (await server.patch(path, {})).ok() == before

    async def test_a_change_that_is_none_keeps_the_version(self, server, path):
        before = await server.found(path)
        assert (await server.patch(path, {"data": {"a": "1"}})).ok() == before

    @pytest.mark.parametrize("body", [b"[]", b"5"], ids=["a list", "a number"])
    async def test_a_patch_that_is_no_object_is_refused(self, server, path, body):
        answer = await server.patch(path, body)
        code, reason, message = answer.refusal
        assert (code, reason) == (400, "BadRequest")
        assert message.startswith("error decoding patch: json: cannot unmarshal ")

    async def test_a_patch_that_is_no_json_is_refused(self, server, path):
        answer = await server.patch(path, b"{")
        words = server.told(
            "invalid JSON patch", oldest="error decoding patch: unexpected end of JSON input"
        )
        assert answer.refusal == (400, "BadRequest", words)


class TestOperations:
    """RFC 6902."""

    @pytest.mark.parametrize(
        ("patch", "labels"),
        [
            (
                [{"op": "add", "path": "/spec/labels/f", "value": "4"}],
                {"a": "1", "b/c": "2", "d~e": "3", "f": "4"},
            ),
            ([{"op": "replace", "path": "/spec/labels", "value": {"z": "0"}}], {"z": "0"}),
            (
                [{"op": "replace", "path": "/spec/labels/a", "value": "9"}],
                {"a": "9", "b/c": "2", "d~e": "3"},
            ),
            ([{"op": "remove", "path": "/spec/labels/a"}], {"b/c": "2", "d~e": "3"}),
            ([{"op": "remove", "path": "/spec/labels/b~1c"}], {"a": "1", "d~e": "3"}),
            ([{"op": "remove", "path": "/spec/labels/d~0e"}], {"a": "1", "b/c": "2"}),
            (
                [{"op": "move", "from": "/spec/labels/a", "path": "/spec/labels/z"}],
                {"z": "1", "b/c": "2", "d~e": "3"},
            ),
            (
                [{"op": "copy", "from": "/spec/labels/a", "path": "/spec/labels/z"}],
                {"a": "1", "z": "1", "b/c": "2", "d~e": "3"},
            ),
            (
                [
                    {"op": "test", "path": "/spec/labels/a", "value": "1"},
                    {"op": "remove", "path": "/spec/labels/a"},
                ],
                {"b/c": "2", "d~e": "3"},
            ),
            ([], {"a": "1", "b/c": "2", "d~e": "3"}),
        ],
        ids=[
            "add", "replace a map", "replace", "remove", "a slash", "a tilde", "move", "copy",
            "test", "nothing",
        ],
    )  # fmt: skip
    async def test_each_does_what_it_says(self, server, thing, patch, labels):
        assert (await server.patch(thing, patch, JSON_PATCH)).ok()["spec"]["labels"] == labels

    @pytest.mark.parametrize(
        ("patch", "data"),
        [
            (
                [{"op": "replace", "path": "/data/z", "value": "2"}],
                {"a": "1", "b": "2", "z": "2"},
            ),
            ([{"op": "copy", "from": "/data/z", "path": "/data/y"}], {"a": "1", "b": "2", "y": ""}),
            ([{"op": "test", "path": "/data/z", "value": None}], {"a": "1", "b": "2"}),
        ],
        ids=["replace", "copy", "test"],
    )
    async def test_of_what_is_not_there_some_are_done_all_the_same(self, server, path, patch, data):
        assert (await server.patch(path, patch, JSON_PATCH)).ok()["data"] == data

    @pytest.mark.parametrize(
        ("patch", "steps"),
        [
            ([{"op": "add", "path": "/spec/steps/-", "value": "d"}], ["a", "b", "c", "d"]),
            ([{"op": "add", "path": "/spec/steps/1", "value": "d"}], ["a", "d", "b", "c"]),
            ([{"op": "remove", "path": "/spec/steps/0"}], ["b", "c"]),
            ([{"op": "replace", "path": "/spec/steps/2", "value": "d"}], ["a", "b", "d"]),
        ],
        ids=["append", "insert", "remove", "replace"],
    )
    async def test_places_of_lists_are_counted(self, server, thing, patch, steps):
        assert (await server.patch(thing, patch, JSON_PATCH)).ok()["spec"]["steps"] == steps

    @pytest.mark.parametrize(
        ("patch", "message"),
        [
            (
                [{"op": "test", "path": "/data/a", "value": "2"}],
                "the server rejected our request due to an error in our request",
            ),
            (
                [{"op": "test", "path": "/data/z", "value": "2"}],
                "the server rejected our request due to an error in our request",
            ),
            (
                [{"op": "remove", "path": "/data/z"}],
                "the server rejected our request due to an error in our request",
            ),
            (
                [{"op": "add", "path": "/none/z", "value": "2"}],
                "the server rejected our request due to an error in our request",
            ),
            (
                [{"op": "jump", "path": "/data/a"}],
                "the server rejected our request due to an error in our request",
            ),
        ],
        ids=["test", "test of nothing", "remove", "add", "unknown"],
    )
    async def test_one_that_cannot_be_done_is_refused(self, server, path, patch, message):
        answer = await server.patch(path, patch, JSON_PATCH)
        assert answer.refusal == (422, "Invalid", message)

    async def test_all_are_done_or_none(self, server, path):
        before = await server.found(path)
        patch = [
            {"op": "remove", "path": "/data/a"},
            {"op": "test", "path": "/data/a", "value": "1"},
        ]
        assert (await server.patch(path, patch, JSON_PATCH)).status == 422
        assert await server.found(path) == before

    async def test_a_patch_that_is_no_list_is_refused(self, server, path):
        answer = await server.patch(path, {"data": {}}, JSON_PATCH)
        code, reason, message = answer.refusal
        assert (code, reason) == (400, "BadRequest")
        assert message.startswith(
            "error decoding patch: json: cannot unmarshal object into Go value"
        )

    async def test_there_may_not_be_too_many(self, server, path):
        patch = [{"op": "test", "path": "/data/a", "value": "1"}] * 10_001
        answer = await server.patch(path, patch, JSON_PATCH)
        assert answer.refusal == (
            413,
            "RequestEntityTooLarge",
            (
                "Request entity too large: The allowed maximum operations in a JSON patch is "
                "10000, "
                "got 10001"
            ),
        )


@pytest.mark.parametrize("kind", [MERGE, JSON_PATCH, STRATEGIC])
async def test_what_is_not_there_cannot_be_patched(server, config_maps, kind):
    body = [] if kind == JSON_PATCH else {}
    answer = await server.patch(f"{config_maps}/none", body, kind)
    assert answer.refusal == (404, "NotFound", 'configmaps "none" not found')


async def test_a_patch_of_an_old_version_is_a_conflict(server, path):
    version = (await server.found(path))["metadata"]["resourceVersion"]
    await server.patch(path, {"data": {"a": "2"}})
    patch = {"metadata": {"resourceVersion": version}, "data": {"a": "3"}}
    answer = await server.patch(path, patch)
    message = f'Operation cannot be fulfilled on configmaps "x": {MODIFIED}'
    assert answer.refusal == (409, "Conflict", message)


async def test_a_patch_of_the_present_version_is_done(server, path):
    version = (await server.found(path))["metadata"]["resourceVersion"]
    patch = {"metadata": {"resourceVersion": version}, "data": {"a": "3"}}
    assert (await server.patch(path, patch)).ok()["data"]["a"] == "3"


OTHER_UID = "00000000-0000-0000-0000-000000000000"


async def test_a_patch_for_another_objects_uid_is_refused(server, path, thing):
    """So a change cannot meet an object of the same name that came later."""
    for target in (path, thing):
        answer = await server.patch(target, {"metadata": {"uid": OTHER_UID}})
        assert (answer.status, answer.reason) == (422, "Invalid")
        message = f'Invalid value: "{OTHER_UID}": field is immutable'
        assert set(answer.causes) == {("FieldValueInvalid", "metadata.uid", message)}


async def test_a_uid_does_not_guard_the_status_of_a_custom_resource(server, thing):
    """Of metadata, that door takes nothing; what guards is the version, or a test operation."""
    patch = {"metadata": {"uid": OTHER_UID}, "status": {"phase": "Done"}}
    new = (await server.patch(f"{thing}/status", patch)).ok()
    assert new["status"] == {"phase": "Done"}
    assert new["metadata"]["uid"] != OTHER_UID


async def test_a_version_guards_the_status_of_a_custom_resource(server, thing):
    version = (await server.found(thing))["metadata"]["resourceVersion"]
    await server.patch(thing, {"spec": {"size": 5}})
    patch = {"metadata": {"resourceVersion": version}, "status": {"phase": "Done"}}
    answer = await server.patch(f"{thing}/status", patch)
    assert (answer.status, answer.reason) == (409, "Conflict")


async def test_a_test_of_the_uid_guards_the_status_of_a_custom_resource(server, thing):
    uid = (await server.found(thing))["metadata"]["uid"]
    change = {"op": "add", "path": "/status", "value": {"phase": "Done"}}
    answers = [
        await server.patch(
            f"{thing}/status",
            [{"op": "test", "path": "/metadata/uid", "value": one}, change],
            JSON_PATCH,
        )
        for one in (OTHER_UID, uid)
    ]
    assert [answer.status for answer in answers] == [422, 200]


async def test_a_patch_for_its_own_uid_is_done(server, path):
    uid = (await server.found(path))["metadata"]["uid"]
    patch = {"metadata": {"uid": uid}, "data": {"a": "3"}}
    assert (await server.patch(path, patch)).ok()["data"]["a"] == "3"


async def test_the_name_cannot_be_patched(server, path):
    answer = await server.patch(path, {"metadata": {"name": "y"}})
    message = "the name of the object (y) does not match the name on the URL (x)"
    assert answer.refusal == (400, "BadRequest", message)


async def test_the_namespace_cannot_be_patched(server, path):
    answer = await server.patch(path, {"metadata": {"namespace": "elsewhere"}})
    assert answer.refusal == (
        400,
        "BadRequest",
        "the namespace of the provided object does not match the namespace sent on the request",
    )


async def test_the_kind_of_a_custom_resource_cannot_be_patched(server, thing):
    answer = await server.patch(thing, {"kind": "Gadget"})
    assert answer.causes == [
        ("FieldValueInvalid", "kind", 'Invalid value: "Gadget": must be Widget')
    ]


async def test_the_version_of_a_custom_resource_cannot_be_patched(server, thing):
    answer = await server.patch(thing, {"apiVersion": "conformance.example.com/v9"})
    assert answer.causes == [
        (
            "FieldValueInvalid",
            "apiVersion",
            'Invalid value: "conformance.example.com/v9": must be conformance.example.com/v1',
        )
    ]


async def test_what_comes_out_is_checked(server, thing):
    answer = await server.patch(thing, {"spec": {"size": 1000}})
    assert answer.fields == [("FieldValueInvalid", "spec.size")]


async def test_a_dry_run_changes_nothing(server, path):
    before = await server.found(path)
    new = (await server.patch(path, {"data": {"a": "2"}}, dryRun="All")).ok()
    assert new["data"]["a"] == "2"
    assert await server.found(path) == before


async def test_a_type_that_nobody_knows_is_refused(server, path, thing):
    for target in (path, thing):
        answer = await server.patch(target, {}, "application/json")
        assert (answer.status, answer.reason) == (415, "UnsupportedMediaType")


async def test_a_strategic_patch_of_a_custom_resource_is_refused(server, thing):
    answer = await server.patch(thing, {"spec": {"size": 5}}, STRATEGIC)
    assert answer.refusal == (
        415,
        "UnsupportedMediaType",
        (
            "the body of the request was in an unknown format - accepted media types include: "
            "application/json-patch+json, application/merge-patch+json, "
            "application/apply-patch+yaml"
        ),
    )


async def test_only_an_apply_is_forced(server, path):
    answer = await server.patch(path, {}, force="true")
    assert answer.refusal == (
        422,
        "Invalid",
        (
            'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for '
            "non-apply patch"
        ),
    )


async def test_a_collection_is_not_patched(server, config_maps):
    for kind in (MERGE, APPLY):
        assert (await server.patch(config_maps, {}, kind)).status == 405


async def test_the_kind_of_a_built_in_object_cannot_be_patched(server, path):
    answer = await server.patch(path, {"kind": "Pod"})
    assert answer.fields == [("FieldValueInvalid", "patch")]
    assert answer.message.endswith("converting (v1.Pod) to (core.ConfigMap): unknown conversion")


async def test_a_patch_that_makes_values_of_a_wrong_type_is_invalid(server, path):
    answer = await server.patch(path, {"data": 5})
    assert answer.status == 422
    assert answer.fields == [("FieldValueInvalid", "patch")]
    assert answer.message.endswith(
        "json: cannot unmarshal number into Go struct field ConfigMap.data of type "
        "map[string]string"
    )


async def test_a_patch_that_takes_the_name_away_is_refused(server, path):
    answer = await server.patch(path, {"metadata": None})
    assert answer.refusal == (
        400,
        "BadRequest",
        "the name of the object (x based on URL) was undeterminable: name must be provided",
    )
