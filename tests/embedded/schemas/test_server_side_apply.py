"""Server-side apply and the tracking of ownership, as a real kube-apiserver does them."""

from __future__ import annotations

import copy

import pytest
from recorded_answers import BUILTIN, custom_object, custom_resource, load

from mlctl_core.embedded.apiserver.apply import ApplyConflict, apply
from mlctl_core.embedded.apiserver.managed_fields import track_update
from mlctl_core.embedded.apiserver.patch import PatchError, json_patch, merge_patch
from mlctl_core.embedded.apiserver.strategy import strategy_for

SCENARIOS = load("apply")
NOW = "2026-01-02T00:00:00Z"
EARLIER = "2026-01-01T00:00:00Z"
NOT_CLIENTS = "kube-controller-manager"


class Endpoint:
    """What a server does around these functions, as far as ownership is concerned."""

    def __init__(self, resource):
        self.strategy = strategy_for(resource)
        self.api_version = resource.api_version
        self.live = None

    def write(self, operation, body, manager, *, subresource="", force=False, now=NOW):
        reset = self.strategy.reset_fields(subresource)
        about = {
            "manager": manager,
            "api_version": self.api_version,
            "now": now,
            "subresource": subresource,
            "reset": reset,
        }
        schema = self.strategy.schema
        match operation:
            case "apply":
                new = apply(self.live, copy.deepcopy(body), schema, force=force, **about)
            case "merge":
                new = merge_patch(self.live, body)
            case "json":
                new = json_patch(self.live, body)
            case _:
                new = body
        new = copy.deepcopy(new)
        self.strategy.decode(new)
        self.strategy.default(new)
        if operation != "apply":
            new = track_update(self.live, new, schema, **about)
        self.live = copy.deepcopy(new)
        return new

    def managers(self):
        entries = self.live["metadata"].get("managedFields", [])
        return {entry["manager"]: entry["fieldsV1"] for entry in entries}


def complete(scenario, body):
    named = {"name": scenario["name"], **body.get("metadata", {})}
    kind = {"apiVersion": scenario["apiVersion"], "kind": scenario["kind"]}
    return {**kind, **body, "metadata": named}


def entries_of(managed):
    shown = [
        {**entry, "time": "T" if entry.get("time") else None}
        for entry in managed
        if entry["manager"] != NOT_CLIENTS
    ]
    key = ("manager", "operation", "subresource")
    return sorted(shown, key=lambda entry: tuple(entry.get(name, "") for name in key))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario["name"])
def test_every_write_leaves_what_a_real_server_stores(scenario):
    endpoint = Endpoint(BUILTIN[scenario["apiVersion"], scenario["kind"]])
    for number, step in enumerate(scenario["steps"]):
        body = step["body"]
        if step["operation"] in {"create", "apply"}:
            body = complete(scenario, body)
        options = {"subresource": step.get("subresource", ""), "force": step.get("force", False)}
        if "error" in step:
            with pytest.raises(ApplyConflict) as caught:
                endpoint.write(step["operation"], body, step["manager"], **options)
            assert caught.value.message == step["error"], f"step {number}"
            continue
        new = endpoint.write(step["operation"], body, step["manager"], **options)
        where = f"step {number}: {step['operation']} by {step['manager']}"
        managed = new["metadata"].pop("managedFields", [])
        assert entries_of(managed) == entries_of(step["result"]["managedFields"]), where
        stored = {
            name: value
            for name, value in new.items()
            if name not in {"apiVersion", "kind", "status"}
        }
        assert stored == step["result"]["object"], where


def config_map(**fields):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, **fields}


@pytest.fixture
def endpoint():
    return Endpoint(BUILTIN["v1", "ConfigMap"])


def test_an_apply_that_changes_nothing_gives_back_the_live_object(endpoint):
    first = endpoint.write("apply", config_map(data={"a": "1"}), "m", now=EARLIER)
    again = endpoint.write("apply", config_map(data={"a": "1"}), "m", now=NOW)
    assert again == first


def test_a_second_owner_without_a_change_gets_no_time(endpoint):
    endpoint.write("apply", config_map(data={"a": "1"}), "m")
    new = endpoint.write("apply", config_map(data={"a": "1"}), "other")
    times = {entry["manager"]: entry.get("time") for entry in new["metadata"]["managedFields"]}
    assert times == {"m": NOW, "other": None}


def test_a_conflict_names_managers_and_fields(endpoint):
    endpoint.write("apply", config_map(data={"a": "1", "b": "1"}), "m")
    endpoint.write("merge", {"data": {"b": "2"}}, "u")
    with pytest.raises(ApplyConflict) as caught:
        endpoint.write("apply", config_map(data={"a": "3", "b": "3"}), "n")
    assert caught.value.message == (
        'Apply failed with 2 conflicts: conflicts with "m":\n- .data.a\n'
        'conflicts with "u" using v1:\n- .data.b'
    )
    assert caught.value.causes()[0] == {
        "reason": "FieldManagerConflict",
        "message": 'conflict with "m"',
        "field": ".data.a",
    }


def test_force_takes_fields_from_others(endpoint):
    endpoint.write("apply", config_map(data={"a": "1", "b": "1"}), "m")
    endpoint.write("apply", config_map(data={"a": "2"}), "n", force=True)
    assert endpoint.managers() == {
        "m": {"f:data": {"f:b": {}}},
        "n": {"f:data": {"f:a": {}}},
    }


def test_a_dropped_field_goes_when_nobody_else_owns_it(endpoint):
    endpoint.write("apply", config_map(data={"a": "1", "b": "1"}), "m")
    endpoint.write("apply", config_map(data={"b": "1"}), "n")
    new = endpoint.write("apply", config_map(data={}), "m")
    assert new["data"] == {"b": "1"}


def test_entries_migrated_by_a_json_patch_are_honoured(endpoint):
    endpoint.write("create", config_map(data={"a": "1"}), "creator")
    migrated = copy.deepcopy(endpoint.live["metadata"]["managedFields"])
    migrated[0] |= {"manager": "applier", "operation": "Apply"}
    patch = [{"op": "replace", "path": "/metadata/managedFields", "value": migrated}]
    endpoint.write("json", patch, "creator")
    assert endpoint.managers() == {"applier": {"f:data": {".": {}, "f:a": {}}}}
    new = endpoint.write("apply", config_map(), "applier")
    assert "data" not in new


@pytest.mark.parametrize("nothing", [[], [{}]])
def test_empty_managed_fields_end_the_tracking_until_the_next_apply(endpoint, nothing):
    endpoint.write("create", config_map(data={"a": "1"}), "creator")
    endpoint.write("merge", {"metadata": {"managedFields": nothing}}, "creator")
    assert endpoint.managers() == {}
    endpoint.write("merge", {"data": {"b": "1"}}, "creator")
    assert endpoint.managers() == {}
    endpoint.write("apply", config_map(data={"a": "1"}), "m")
    assert set(endpoint.managers()) == {"before-first-apply", "m"}


def test_managed_fields_sent_through_a_subresource_are_ignored():
    endpoint = Endpoint(BUILTIN["v1", "Pod"])
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}
    spec = {"containers": [{"name": "a", "image": "i"}]}
    endpoint.write("create", {**pod, "spec": spec}, "creator")
    endpoint.write("merge", {"metadata": {"managedFields": [{}]}}, "k", subresource="status")
    assert set(endpoint.managers()) == {"creator"}


def test_the_status_door_owns_status_alone():
    endpoint = Endpoint(BUILTIN["v1", "Pod"])
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}
    spec = {"containers": [{"name": "a", "image": "i"}]}
    endpoint.write("create", {**pod, "spec": spec}, "creator")
    change = {"spec": {"nodeName": "n"}, "status": {"phase": "Running"}}
    endpoint.write("merge", change, "kubelet", subresource="status")
    assert endpoint.managers()["kubelet"] == {"f:status": {"f:phase": {}}}


def test_old_updates_are_folded_into_one_entry(endpoint):
    endpoint.write("create", config_map(data={"a": "0"}), "m00", now="2026-01-01T00:00:00Z")
    for number in range(1, 15):
        change = {"data": {f"k{number}": "1"}}
        endpoint.write("merge", change, f"m{number:02}", now=f"2026-01-01T00:00:{number:02}Z")
    managers = endpoint.managers()
    assert len(managers) == 10
    assert managers["ancient-changes"]["f:data"].keys() >= {"f:a", "f:k1", "f:k5"}
    assert "m14" in managers


def test_managed_fields_may_not_be_applied(endpoint):
    body = config_map()
    body["metadata"]["managedFields"] = []
    with pytest.raises(PatchError, match=r"metadata\.managedFields must be nil") as caught:
        endpoint.write("apply", body, "m")
    assert caught.value.code == 400


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"foo": 1}, ".foo: field not declared in schema"),
        ({"data": "x"}, ".data: expected map, got &{x}"),
        (
            {"metadata": {"name": "c", "finalizers": ["a/b", "a/b"]}},
            '.metadata.finalizers: duplicate entries for key [="a/b"]',
        ),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(endpoint, fields, problem):
    with pytest.raises(PatchError) as caught:
        endpoint.write("apply", config_map(**fields), "m")
    assert caught.value.code == 500
    assert caught.value.message == (
        f"failed to create typed patch object (/c; /v1, Kind=ConfigMap): {problem}"
    )


THINGS = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "atomic": {"type": "array", "items": {"type": "string"}},
                "set": {
                    "type": "array",
                    "x-kubernetes-list-type": "set",
                    "items": {"type": "string"},
                },
                "map": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["k"],
                    "items": {
                        "type": "object",
                        "properties": {"k": {"type": "string"}, "v": {"type": "integer"}},
                    },
                },
                "whole": {
                    "type": "object",
                    "x-kubernetes-map-type": "atomic",
                    "additionalProperties": {"type": "string"},
                },
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            },
        }
    },
}


def test_custom_lists_and_maps_merge_by_their_schema():
    endpoint = Endpoint(custom_resource(THINGS))
    endpoint.write(
        "apply",
        custom_object(
            spec={
                "atomic": ["a"],
                "set": ["a"],
                "map": [{"k": "a", "v": 1}],
                "whole": {"a": "1"},
                "free": {"a": {"b": 1}, "l": [1]},
            }
        ),
        "m",
    )
    new = endpoint.write(
        "apply",
        custom_object(
            spec={
                "atomic": ["b"],
                "set": ["b"],
                "map": [{"k": "b", "v": 2}],
                "whole": {"b": "2"},
                "free": {"a": {"c": 1}},
            }
        ),
        "n",
        force=True,
    )
    assert new["spec"] == {
        "atomic": ["b"],
        "set": ["a", "b"],
        "map": [{"k": "a", "v": 1}, {"k": "b", "v": 2}],
        "whole": {"b": "2"},
        "free": {"a": {"b": 1, "c": 1}, "l": [1]},
    }
    assert endpoint.managers()["m"]["f:spec"] == {
        "f:free": {"f:a": {".": {}, "f:b": {}}, "f:l": {}},
        "f:map": {'k:{"k":"a"}': {".": {}, "f:k": {}, "f:v": {}}},
        "f:set": {'v:"a"': {}},
    }


@pytest.mark.parametrize(
    ("live", "applied", "merged"),
    [
        ("ab", "c", "abc"),
        ("ab", "ca", "cab"),
        ("abc", "cb", "acb"),
        ("abcd", "db", "acdb"),
        ("", "ba", "ba"),
        ("xay", "bac", "xbayc"),
    ],
)
def test_applied_entries_keep_their_order_among_the_others(live, applied, merged):
    endpoint = Endpoint(custom_resource(THINGS))
    endpoint.write("apply", custom_object(spec={"set": list(live)}), "m")
    new = endpoint.write("apply", custom_object(spec={"set": list(applied)}), "n")
    assert "".join(new["spec"]["set"]) == merged
