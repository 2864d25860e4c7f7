"""The status subresource: two doors to one object, each for its own part."""

from __future__ import annotations

import pytest
from raw_client import JSON_PATCH
from specimens import deployment, pod


@pytest.fixture
async def thing(server, widgets, new_widget):
    await server.made(widgets, new_widget("a", {"size": 5}, labels={"l": "1"}))
    return f"{widgets}/a"


async def test_the_object_is_whole_behind_either_door(server, thing):
    assert await server.found(f"{thing}/status") == await server.found(thing)


async def test_an_update_of_status_changes_status_only(server, thing):
    obj = await server.found(thing)
    obj["status"] = {"phase": "Done"}
    obj["spec"] = {"size": 9}
    new = (await server.put(f"{thing}/status", obj)).ok()
    assert new["status"] == {"phase": "Done"}
    assert new["spec"] == {"size": 5}
    assert int(new["metadata"]["resourceVersion"]) > int(obj["metadata"]["resourceVersion"])


async def test_an_update_of_the_rest_keeps_status(server, thing):
    await server.patch(f"{thing}/status", {"status": {"phase": "Done"}})
    obj = await server.found(thing)
    obj["status"] = {"phase": "Never"}
    obj["spec"]["size"] = 9
    new = (await server.put(thing, obj)).ok()
    assert (new["status"], new["spec"]) == ({"phase": "Done"}, {"size": 9})


async def test_an_update_of_the_rest_that_leaves_status_out_keeps_it(server, thing):
    await server.patch(f"{thing}/status", {"status": {"phase": "Done"}})
    obj = await server.found(thing)
    del obj["status"]
    assert (await server.put(thing, obj)).ok()["status"] == {"phase": "Done"}


async def test_a_patch_of_status_through_the_front_door_changes_nothing(server, thing):
    before = await server.found(thing)
    assert (await server.patch(thing, {"status": {"phase": "Done"}})).ok() == before


async def test_metadata_of_a_custom_resource_is_not_changed_through_status(server, thing):
    patch = {
        "metadata": {"labels": {"l": "2"}, "annotations": {"a": "b"}, "finalizers": ["x.io/y"]},
        "status": {"phase": "Done"},
    }
    metadata = (await server.patch(f"{thing}/status", patch)).ok()["metadata"]
    assert metadata["labels"] == {"l": "1"}
    assert not metadata.keys() & {"annotations", "finalizers"}


async def test_labels_of_a_pod_are_changed_through_status(server, pods):
    await server.made(pods, pod("a"))
    patch = {"metadata": {"labels": {"l": "2"}}, "status": {"phase": "Running"}}
    new = (await server.patch(f"{pods}/a/status", patch)).ok()
    assert new["status"]["phase"] == "Running"
    assert new["metadata"].get("labels") == {"l": "2"}


async def test_labels_of_a_deployment_through_status(server, namespace):
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    await server.made(path, deployment("a"))
    patch = {"metadata": {"labels": {"l": "2"}}}
    new = (await server.patch(f"{path}/a/status", patch)).ok()
    assert "labels" not in new["metadata"]


async def test_status_is_checked_against_the_schema(server, thing):
    answer = await server.patch(f"{thing}/status", {"status": {"phase": 5}})
    assert answer.refusal == (
        422,
        "Invalid",
        (
            'Widget.conformance.example.com "a" is invalid: status.phase: Invalid value: '
            '"integer": '
            'phase in body must be of type string: "integer"'
        ),
    )


async def test_an_old_version_is_a_conflict_at_this_door_too(server, thing):
    obj = await server.found(thing)
    await server.patch(thing, {"spec": {"size": 6}})
    obj["status"] = {"phase": "Done"}
    answer = await server.put(f"{thing}/status", obj)
    assert (answer.status, answer.reason) == (409, "Conflict")


async def test_status_can_be_taken_away(server, thing):
    await server.patch(f"{thing}/status", {"status": {"phase": "Done", "replicas": 1}})
    new = (await server.patch(f"{thing}/status", {"status": {"phase": None}})).ok()
    assert new["status"] == {"replicas": 1}
    new = (await server.patch(f"{thing}/status", {"status": None})).ok()
    assert "status" not in new


async def test_status_is_patched_by_operations(server, thing):
    await server.patch(f"{thing}/status", {"status": {"phase": "Done"}})
    patch = [{"op": "replace", "path": "/status/phase", "value": "Failed"}]
    new = (await server.patch(f"{thing}/status", patch, JSON_PATCH)).ok()
    assert new["status"] == {"phase": "Failed"}


async def test_a_kind_without_status_has_no_such_door(server, config_maps):
    answer = await server.get(f"{config_maps}/a/status")
    message = "the server could not find the requested resource"
    assert answer.refusal == (404, "NotFound", message)


async def test_a_custom_kind_without_status_has_no_such_door(
    server, define, namespace, new_widget, unique
):
    group = f"{unique}.example.com"
    await define(subresources={})
    path = f"/apis/{group}/v1/namespaces/{namespace}/widgets"
    body = {**new_widget("a", group=group), "status": {"phase": "Done"}}
    assert (await server.made(path, body))["status"] == {"phase": "Done"}
    answer = await server.get(f"{path}/a/status")
    assert answer.status == 404


async def test_nothing_is_created_or_deleted_at_status(server, thing, new_widget):
    assert (await server.post(f"{thing}/status", new_widget("a"))).status == 405
    assert (await server.delete(f"{thing}/status")).status == 405


async def test_status_of_a_wrong_type_is_refused(server, thing):
    answer = await server.patch(f"{thing}/status", {"status": 5})
    assert answer.causes == [
        (
            "FieldValueTypeInvalid",
            "status",
            'Invalid value: "integer":  in body must be of type object: "integer"',
        )
    ]
