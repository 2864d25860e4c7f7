"""Who owns what: the entries of metadata.managedFields after each kind of write."""

from __future__ import annotations

import asyncio

import pytest
from raw_client import JSON_PATCH
from specimens import config_map, deployment, pod, widget


def entries(body):
    found = body["metadata"].get("managedFields", [])
    return {(one["manager"], one["operation"], one.get("subresource", "")): one for one in found}


@pytest.fixture
async def path(server, config_maps):
    await server.made(config_maps, config_map("a", {"k": "1"}), fieldManager="maker")
    return f"{config_maps}/a"


async def test_an_entry_is_whole(server, path):
    found = await server.found(path)
    (entry,) = found["metadata"]["managedFields"]
    assert entry == {
        "manager": "maker",
        "operation": "Update",
        "apiVersion": "v1",
        "time": found["metadata"]["creationTimestamp"],
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:data": {".": {}, "f:k": {}}},
    }


async def test_without_a_name_the_client_is_the_manager(server, config_maps):
    made = await server.made(config_maps, config_map("b", {"k": "1"}))
    assert list(entries(made)) == [("conformance", "Update", "")]


async def test_who_sets_nothing_owns_nothing(server, config_maps):
    made = await server.made(config_maps, config_map("b"))
    assert "managedFields" not in made["metadata"]


async def test_each_manager_has_an_entry(server, path):
    new = (await server.patch(path, {"data": {"l": "1"}}, fieldManager="two")).ok()
    found = entries(new)
    assert found["maker", "Update", ""]["fieldsV1"] == {"f:data": {".": {}, "f:k": {}}}
    assert found["two", "Update", ""]["fieldsV1"] == {"f:data": {"f:l": {}}}


async def test_a_field_that_another_changes_is_theirs(server, path):
    new = (await server.patch(path, {"data": {"k": "2"}}, fieldManager="two")).ok()
    found = entries(new)
    assert found["maker", "Update", ""]["fieldsV1"] == {"f:data": {}}
    assert found["two", "Update", ""]["fieldsV1"] == {"f:data": {"f:k": {}}}


async def test_a_field_that_is_taken_away_is_nobodys(server, path):
    await server.patch(path, {"data": {"l": "1"}}, fieldManager="two")
    new = (await server.patch(path, {"data": {"l": None}}, fieldManager="three")).ok()
    assert list(entries(new)) == [("maker", "Update", "")]


async def test_status_is_an_entry_of_its_own(server, widgets):
    await server.made(widgets, widget("a", {"size": 5}))
    new = (await server.patch(f"{widgets}/a/status", {"status": {"phase": "x"}})).ok()
    assert {key: one["fieldsV1"] for key, one in entries(new).items()} == {
        ("conformance", "Update", ""): {"f:spec": {".": {}, "f:size": {}}},
        ("conformance", "Update", "status"): {"f:status": {".": {}, "f:phase": {}}},
    }


async def test_applying_and_updating_are_entries_of_their_own(server, path):
    await server.apply(path, config_map("a", {"l": "1"}), "maker")
    found = await server.found(path)
    assert sorted(entries(found)) == [("maker", "Apply", ""), ("maker", "Update", "")]


async def test_an_applied_entry_owns_what_was_applied_and_no_more(server, path):
    new = (await server.apply(path, config_map("a", {"l": "1"}, labels={"x": "y"}))).ok()
    assert entries(new)["applier", "Apply", ""]["fieldsV1"] == {
        "f:data": {"f:l": {}},
        "f:metadata": {"f:labels": {"f:x": {}}},
    }


async def test_the_servers_own_fields_are_nobodys(server, pods):
    made = await server.made(pods, pod("a", labels={"l": "1"}))
    owned = entries(made)["conformance", "Update", ""]["fieldsV1"]
    assert owned["f:metadata"] == {"f:labels": {".": {}, "f:l": {}}}
    assert "f:status" not in owned


async def test_a_change_of_nothing_keeps_the_time(server, path):
    await server.apply(path, config_map("a", {"k": "1"}), "two")
    first = entries(await server.found(path))["two", "Apply", ""]
    await asyncio.sleep(1.1)  # Times of entries are in whole seconds.
    await server.apply(path, config_map("a", {"k": "1"}), "two")
    new = (await server.patch(path, {"data": {"z": "1"}})).ok()
    assert entries(new)["two", "Apply", ""] == first


async def test_entries_are_not_listed_as_changed_when_status_is(server, widgets):
    made = await server.made(widgets, widget("a", {"size": 5}))
    new = (await server.patch(f"{widgets}/a/status", {"status": {"phase": "x"}})).ok()
    key = ("conformance", "Update", "")
    assert entries(new)[key] == entries(made)[key]


@pytest.mark.parametrize("nothing", [[], [{}]], ids=["an empty list", "an empty entry"])
async def test_all_entries_are_removed_by_setting_them_to(server, path, nothing):
    new = (await server.patch(path, {"metadata": {"managedFields": nothing}})).ok()
    assert "managedFields" not in new["metadata"]


async def test_entries_left_out_of_an_update_stay(server, path):
    before = await server.found(path)
    del before["metadata"]["managedFields"]
    new = (await server.put(path, {**before, "data": {"k": "2"}}, fieldManager="two")).ok()
    assert ("two", "Update", "") in entries(new)


async def test_an_entry_is_handed_over_by_a_patch_of_it(server, path):
    """How one who created by POST becomes one who applies: fields it drops then really go."""
    patch = [
        {"op": "replace", "path": "/metadata/managedFields/0/operation", "value": "Apply"},
        {"op": "replace", "path": "/metadata/managedFields/0/manager", "value": "applier"},
    ]
    new = (await server.patch(path, patch, JSON_PATCH, fieldManager="applier")).ok()
    assert list(entries(new)) == [("applier", "Apply", "")]
    new = (await server.apply(path, config_map("a", {"l": "1"}), "applier")).ok()
    assert new["data"] == {"l": "1"}


async def test_an_entry_that_makes_no_sense_is_passed_over(server, path):
    patch = {"metadata": {"managedFields": [{"manager": "m", "operation": "Wish"}]}}
    before = await server.found(path)
    assert (await server.patch(path, patch)).ok() == before


async def test_a_scaling_is_an_entry_of_its_own(server, namespace):
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    await server.made(path, deployment("a"), fieldManager="maker")
    await server.patch(f"{path}/a/scale", {"spec": {"replicas": 1}}, fieldManager="scaler")
    found = entries(await server.found(f"{path}/a"))
    assert found["scaler", "Update", "scale"]["fieldsV1"] == {"f:spec": {"f:replicas": {}}}
    assert "f:replicas" not in found["maker", "Update", ""]["fieldsV1"]["f:spec"]


async def test_a_create_owns_defaults_too_and_atomic_values_whole(server, widgets):
    spec = {"steps": ["a"], "fixed": {"a": "1"}, "tags": ["t"], "ports": [{"name": "x"}]}
    made = await server.made(widgets, widget("a", spec))
    assert entries(made)["conformance", "Update", ""]["fieldsV1"]["f:spec"] == {
        ".": {},
        "f:steps": {},
        "f:fixed": {},
        "f:tags": {".": {}, 'v:"t"': {}},
        "f:ports": {".": {}, 'k:{"name":"x"}': {".": {}, "f:name": {}, "f:protocol": {}}},
        "f:size": {},
    }


async def test_many_updaters_share_one_entry_in_the_end(server, path):
    for number in range(12):
        patch = {"data": {f"n{number}": "1"}}
        new = (await server.patch(path, patch, fieldManager=f"m{number}")).ok()
    updaters = [key for key in entries(new) if key[1] == "Update"]
    assert len(updaters) <= 11
    assert any(manager == "ancient-changes" for manager, _, _ in updaters)
