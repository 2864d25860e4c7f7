"""When two want different things of one field, and who wins."""

from __future__ import annotations

import pytest
from specimens import config_map, deployment, widget


@pytest.fixture
async def path(server, config_maps):
    """The path of an object of which `one` owns two fields by applying."""
    path = f"{config_maps}/a"
    await server.apply(path, config_map("a", {"k": "1", "l": "1"}), "one")
    return path


def managers(body):
    entries = body["metadata"].get("managedFields", [])
    return {entry["manager"]: entry["fieldsV1"].get("f:data", {}) for entry in entries}


async def test_another_value_for_anothers_field_is_a_conflict(server, path):
    answer = await server.apply(path, config_map("a", {"k": "2"}), "two")
    assert answer.refusal == (
        409,
        "Conflict",
        'Apply failed with 1 conflict: conflict with "one": .data.k',
    )
    assert answer.body["details"] == {
        "causes": [
            {
                "reason": "FieldManagerConflict",
                "message": 'conflict with "one"',
                "field": ".data.k",
            }
        ]
    }


async def test_nothing_is_changed_by_a_conflict(server, path):
    before = await server.found(path)
    await server.apply(path, config_map("a", {"k": "2", "new": "3"}), "two")
    assert await server.found(path) == before


async def test_several_conflicts_are_told_together(server, path):
    answer = await server.apply(path, config_map("a", {"k": "2", "l": "2"}), "two")
    assert answer.message == (
        'Apply failed with 2 conflicts: conflicts with "one":\n- .data.k\n- .data.l'
    )
    assert [cause[1] for cause in answer.causes] == [".data.k", ".data.l"]


async def test_several_owners_are_told_together(server, path):
    await server.apply(path, config_map("a", {"m": "1"}), "three")
    answer = await server.apply(path, config_map("a", {"k": "2", "m": "2"}), "two")
    assert answer.message == (
        'Apply failed with 2 conflicts: conflicts with "one":\n- .data.k\n'
        'conflicts with "three":\n- .data.m'
    )


async def test_the_same_value_is_shared(server, path):
    new = (await server.apply(path, config_map("a", {"k": "1"}), "two")).ok()
    assert managers(new) == {"one": {"f:k": {}, "f:l": {}}, "two": {"f:k": {}}}


async def test_a_shared_field_that_one_owner_changes_is_a_conflict(server, path):
    await server.apply(path, config_map("a", {"k": "1"}), "two")
    answer = await server.apply(path, config_map("a", {"k": "2", "l": "1"}), "one")
    assert answer.causes == [("FieldManagerConflict", ".data.k", 'conflict with "two"')]


async def test_force_takes_the_field(server, path):
    new = (await server.apply(path, config_map("a", {"k": "2"}), "two", force=True)).ok()
    assert new["data"] == {"k": "2", "l": "1"}
    assert managers(new) == {"one": {"f:l": {}}, "two": {"f:k": {}}}


async def test_who_lost_a_field_leaves_it_alone_by_leaving_it_out(server, path):
    await server.apply(path, config_map("a", {"k": "2"}), "two", force=True)
    new = (await server.apply(path, config_map("a", {"l": "1"}), "one")).ok()
    assert new["data"] == {"k": "2", "l": "1"}


async def test_who_lost_a_field_and_wants_it_still_is_in_conflict(server, path):
    await server.apply(path, config_map("a", {"k": "2"}), "two", force=True)
    answer = await server.apply(path, config_map("a", {"k": "1", "l": "1"}), "one")
    assert answer.status == 409


async def test_an_update_takes_what_it_changes_without_asking(server, path):
    obj = await server.found(path)
    obj["data"]["k"] = "2"
    new = (await server.put(path, obj, fieldManager="two")).ok()
    assert managers(new) == {"one": {"f:l": {}}, "two": {"f:k": {}}}


async def test_an_apply_over_an_update_is_a_conflict_that_names_the_operation(server, path):
    await server.patch(path, {"data": {"k": "2"}}, fieldManager="two")
    answer = await server.apply(path, config_map("a", {"k": "1", "l": "1"}), "one")
    assert answer.message == 'Apply failed with 1 conflict: conflict with "two" using v1: .data.k'


async def test_what_an_update_left_as_it_was_stays_its_owners(server, path):
    await server.patch(path, {"data": {"new": "2"}}, fieldManager="two")
    new = (await server.apply(path, config_map("a", {"k": "3", "l": "1"}), "one")).ok()
    assert new["data"] == {"k": "3", "l": "1", "new": "2"}


async def test_the_same_manager_by_another_operation_is_another(server, path):
    await server.patch(path, {"data": {"k": "2"}}, fieldManager="one")
    answer = await server.apply(path, config_map("a", {"k": "3", "l": "1"}), "one")
    assert answer.status == 409
    new = (await server.apply(path, config_map("a", {"k": "3", "l": "1"}), "one", force=True)).ok()
    assert new["data"]["k"] == "3"


async def test_a_create_owns_what_it_made(server, config_maps):
    await server.made(config_maps, config_map("b", {"k": "1"}), fieldManager="maker")
    answer = await server.apply(f"{config_maps}/b", config_map("b", {"k": "2"}), "two")
    assert answer.causes == [("FieldManagerConflict", ".data.k", 'conflict with "maker" using v1')]


async def test_another_managers_status_is_a_conflict(server, widgets):
    thing = f"{widgets}/a"
    await server.apply(thing, widget("a"))
    body = {**widget("a"), "status": {"phase": "Done"}}
    await server.apply(f"{thing}/status", body, "one")
    body["status"]["phase"] = "Failed"
    answer = await server.apply(f"{thing}/status", body, "two")
    assert answer.causes == [
        ("FieldManagerConflict", ".status.phase", 'conflict with "one" with subresource "status"')
    ]


async def test_the_number_of_replicas_set_by_scaling_is_the_scalers(server, namespace):
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/a"
    await server.apply(path, deployment("a", replicas=1), "one")
    await server.patch(f"{path}/scale", {"spec": {"replicas": 2}}, fieldManager="scaler")
    answer = await server.apply(path, deployment("a", replicas=1), "one")
    message = 'conflict with "scaler" with subresource "scale" using apps/v1'
    assert answer.causes == [("FieldManagerConflict", ".spec.replicas", message)]


async def test_a_list_entrys_field_is_named_by_its_key(server, widgets):
    thing = f"{widgets}/a"
    await server.apply(thing, widget("a", {"ports": [{"name": "x", "port": 1}]}), "one")
    body = widget("a", {"ports": [{"name": "x", "port": 2}]})
    answer = await server.apply(thing, body, "two")
    assert answer.causes == [
        ("FieldManagerConflict", '.spec.ports[name="x"].port', 'conflict with "one"')
    ]
