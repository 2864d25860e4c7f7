"""Server-side apply: an intent in whole, merged into what others want."""

from __future__ import annotations

import pytest
from specimens import config_map, deployment, widget


@pytest.fixture
def path(config_maps):
    return f"{config_maps}/a"


@pytest.fixture
def thing(widgets):
    return f"{widgets}/a"


def owned(body, manager, subresource=""):
    """What a manager owns by applying, as the object's managedFields tell it."""
    for entry in body["metadata"].get("managedFields", []):
        if (entry["manager"], entry.get("subresource", "")) == (manager, subresource):
            return entry["fieldsV1"]
    return None


async def test_what_is_not_there_is_created(server, path):
    answer = await server.apply(path, config_map("a", {"k": "v"}))
    assert answer.ok(201)["data"] == {"k": "v"}
    assert await server.found(path) == answer.body


async def test_what_is_there_is_merged_into(server, path, config_maps):
    await server.made(config_maps, config_map("a", {"theirs": "1"}))
    new = (await server.apply(path, config_map("a", {"ours": "2"}))).ok()
    assert new["data"] == {"theirs": "1", "ours": "2"}


async def test_applying_again_changes_nothing(server, path):
    first = (await server.apply(path, config_map("a", {"k": "v"}))).ok(201)
    assert (await server.apply(path, config_map("a", {"k": "v"}))).ok() == first


async def test_an_own_field_is_changed(server, path):
    await server.apply(path, config_map("a", {"k": "1"}))
    assert (await server.apply(path, config_map("a", {"k": "2"}))).ok()["data"] == {"k": "2"}


async def test_an_own_field_that_is_left_out_goes(server, path):
    await server.apply(path, config_map("a", {"k": "1", "more": "2"}))
    new = (await server.apply(path, config_map("a", {"k": "1"}))).ok()
    assert new["data"] == {"k": "1"}


async def test_a_field_that_is_left_out_stays_while_another_wants_it(server, path):
    await server.apply(path, config_map("a", {"k": "1"}), "one")
    await server.apply(path, config_map("a", {"k": "1"}), "two")
    new = (await server.apply(path, config_map("a"), "one")).ok()
    assert new["data"] == {"k": "1"}
    new = (await server.apply(path, config_map("a"), "two")).ok()
    assert "k" not in new.get("data", {})


async def test_what_another_wrote_stays(server, path):
    await server.apply(path, config_map("a", {"k": "1"}))
    await server.patch(path, {"metadata": {"labels": {"l": "1"}}, "data": {"other": "2"}})
    new = (await server.apply(path, config_map("a", {"k": "3"}))).ok()
    assert new["data"] == {"k": "3", "other": "2"}
    assert new["metadata"]["labels"] == {"l": "1"}


async def test_an_intent_of_nothing_takes_back_everything(server, path):
    await server.apply(path, config_map("a", {"k": "1"}, labels={"l": "1"}))
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
    new = (await server.apply(path, body)).ok()
    assert "data" not in new
    assert "labels" not in new["metadata"]
    assert "managedFields" not in new["metadata"]


async def test_yaml_is_taken(server, path):
    body = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: 'yes'}\n"
    assert (await server.apply(path, body)).ok(201)["data"] == {"k": "yes"}


async def test_a_dry_run_stores_nothing(server, path):
    answer = await server.apply(path, config_map("a", {"k": "v"}), dryRun="All")
    assert answer.ok(201)["data"] == {"k": "v"}
    assert (await server.get(path)).status == 404


async def test_what_comes_out_is_checked(server, thing):
    answer = await server.apply(thing, widget("a", {"size": 1000}))
    assert answer.fields == [("FieldValueInvalid", "spec.size")]
    assert (await server.get(thing)).status == 404


async def test_defaults_are_filled_in_and_owned_by_nobody(server, thing):
    new = (await server.apply(thing, widget("a", {"color": "red"}))).ok(201)
    assert new["spec"] == {"color": "red", "size": 3}
    assert owned(new, "applier") == {"f:spec": {"f:color": {}}}


class TestRefused:
    """What is no intent for this object."""

    async def test_a_manager_must_be_named(self, server, path):
        answer = await server.apply(path, config_map("a"), "")
        assert answer.refusal == (
            422,
            "Invalid",
            (
                'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: '
                "is required for apply patch"
            ),
        )

    async def test_a_managers_name_has_a_length(self, server, path):
        answer = await server.apply(path, config_map("a"), "m" * 129)
        assert answer.refusal == (
            422,
            "Invalid",
            (
                'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Too long: may not be more '
                "than 128 bytes"
            ),
        )

    async def test_a_managers_name_is_printable(self, server, path):
        answer = await server.apply(path, config_map("a"), "a\nb")
        message = 'Invalid value: "a\\nb": invalid character U+000A (at position 1)'
        assert answer.causes == [("FieldValueInvalid", "fieldManager", message)]

    async def test_managed_fields_are_not_applied(self, server, path):
        body = config_map("a", managedFields=[{"manager": "x"}])
        answer = await server.apply(path, body)
        assert answer.refusal == (400, "BadRequest", "metadata.managedFields must be nil")

    async def test_the_name_is_that_of_the_request(self, server, path):
        answer = await server.apply(path, config_map("b"))
        message = "the name of the object (b) does not match the name on the URL (a)"
        assert answer.refusal == (400, "BadRequest", message)

    async def test_the_kind_is_that_of_the_request(self, server, path):
        body = {**config_map("a"), "kind": "Secret"}
        answer = await server.apply(path, body)
        message = "invalid object type: /v1, Kind=Secret"
        assert answer.refusal == (400, "BadRequest", message)

    async def test_kind_and_version_must_be_there(self, server, path):
        answer = await server.apply(path, {"metadata": {"name": "a"}})
        assert answer.refusal == (400, "BadRequest", "invalid object type: /, Kind=")

    async def test_a_body_that_is_no_yaml(self, server, path):
        answer = await server.apply(path, b"a: b: c")
        assert answer.refusal[:2] == (400, "BadRequest")
        words = server.told("error encoding patch: ", oldest="error decoding YAML: ")
        assert answer.message.startswith(words)

    async def test_an_unknown_field(self, server, path):
        answer = await server.apply(path, {**config_map("a"), "extra": 1})
        assert answer.refusal == (
            500,
            "",
            (
                "failed to create typed patch object (/a; /v1, Kind=ConfigMap): "
                ".extra: field not declared in schema"
            ),
        )

    async def test_a_value_of_a_wrong_type(self, server, path):
        answer = await server.apply(path, {**config_map("a"), "data": 5})
        assert answer.refusal == (
            500,
            "",
            (
                "failed to create typed patch object (/a; /v1, Kind=ConfigMap): "
                ".data: expected map, got &{5}"
            ),
        )

    async def test_two_entries_of_a_list_with_one_key(self, server, thing):
        body = widget("a", {"ports": [{"name": "x"}, {"name": "x"}]})
        answer = await server.apply(thing, body)
        assert answer.refusal == (
            500,
            "",
            (
                "failed to create typed patch object (/a; conformance.example.com/v1, "
                'Kind=Widget): .spec.ports: duplicate entries for key [name="x"]'
            ),
        )

    async def test_another_objects_uid(self, server, path):
        await server.apply(path, config_map("a"))
        uid = "00000000-0000-0000-0000-000000000000"
        answer = await server.apply(path, config_map("a", uid=uid))
        message = f'Invalid value: "{uid}": field is immutable'
        # The oldest version says it twice.
        assert set(answer.causes) == {("FieldValueInvalid", "metadata.uid", message)}

    async def test_a_uid_where_nothing_is(self, server, path):
        """So an apply that was meant for an object does not make another one."""
        uid = "00000000-0000-0000-0000-000000000000"
        answer = await server.apply(path, config_map("a", uid=uid))
        assert answer.refusal == (
            409,
            "Conflict",
            (
                'Operation cannot be fulfilled on configmaps "a": uid mismatch: the provided '
                "object "
                f"specified uid {uid}, and no existing object was found"
            ),
        )

    async def test_an_old_version(self, server, path):
        version = (await server.apply(path, config_map("a"))).version
        await server.apply(path, config_map("a", {"k": "1"}))
        answer = await server.apply(path, config_map("a", {"k": "2"}, resourceVersion=version))
        assert (answer.status, answer.reason) == (409, "Conflict")
        assert "the object has been modified" in answer.message

    async def test_nothing_is_created_at_a_subresource(self, server, thing):
        answer = await server.apply(f"{thing}/status", {**widget("a"), "status": {"phase": "x"}})
        message = 'widgets.conformance.example.com "a" not found'
        assert answer.refusal == (404, "NotFound", message)


class TestLists:
    """Lists are merged as their schema says."""

    async def test_entries_of_a_map_are_owned_each(self, server, thing):
        port = {"name": "http", "port": 80}
        await server.apply(thing, widget("a", {"ports": [port]}), "one")
        body = widget("a", {"ports": [{"name": "admin", "port": 81}]})
        new = (await server.apply(thing, body, "two")).ok()
        assert [one["name"] for one in new["spec"]["ports"]] == ["http", "admin"]
        assert owned(new, "one") == {
            "f:spec": {"f:ports": {'k:{"name":"http"}': {".": {}, "f:name": {}, "f:port": {}}}}
        }

    async def test_an_entry_of_a_map_that_is_left_out_goes(self, server, thing):
        ports = [{"name": "http", "port": 80}, {"name": "admin", "port": 81}]
        await server.apply(thing, widget("a", {"ports": ports}))
        new = (await server.apply(thing, widget("a", {"ports": ports[1:]}))).ok()
        assert [one["name"] for one in new["spec"]["ports"]] == ["admin"]

    async def test_fields_of_one_entry_have_owners_of_their_own(self, server, thing):
        await server.apply(thing, widget("a", {"ports": [{"name": "x", "port": 1}]}), "one")
        body = widget("a", {"ports": [{"name": "x", "protocol": "UDP"}]})
        answer = await server.apply(thing, body, "two")
        assert answer.ok()["spec"]["ports"] == [{"name": "x", "port": 1, "protocol": "UDP"}]

    async def test_items_of_a_set_are_owned_each(self, server, thing):
        await server.apply(thing, widget("a", {"tags": ["a", "b"]}), "one")
        new = (await server.apply(thing, widget("a", {"tags": ["b", "c"]}), "two")).ok()
        assert sorted(new["spec"]["tags"]) == ["a", "b", "c"]
        assert owned(new, "two") == {"f:spec": {"f:tags": {'v:"b"': {}, 'v:"c"': {}}}}
        new = (await server.apply(thing, widget("a", {}), "one")).ok()
        assert sorted(new["spec"]["tags"]) == ["b", "c"]

    async def test_an_atomic_list_is_one_value(self, server, thing):
        await server.apply(thing, widget("a", {"steps": ["a", "b"]}), "one")
        answer = await server.apply(thing, widget("a", {"steps": ["a", "b", "c"]}), "two")
        assert answer.status == 409
        new = (await server.apply(thing, widget("a", {"steps": ["c"]}), "one")).ok()
        assert new["spec"]["steps"] == ["c"]
        assert owned(new, "one") == {"f:spec": {"f:steps": {}}}

    async def test_an_atomic_map_is_one_value(self, server, thing):
        await server.apply(thing, widget("a", {"fixed": {"a": "1"}}), "one")
        assert (await server.apply(thing, widget("a", {"fixed": {"b": "1"}}), "two")).status == 409
        new = (await server.apply(thing, widget("a", {"fixed": {"b": "1"}}), "one")).ok()
        assert new["spec"]["fixed"] == {"b": "1"}
        assert owned(new, "one") == {"f:spec": {"f:fixed": {}}}

    async def test_entries_of_a_plain_map_are_owned_each(self, server, thing):
        await server.apply(thing, widget("a", {"labels": {"a": "1"}}), "one")
        new = (await server.apply(thing, widget("a", {"labels": {"b": "2"}}), "two")).ok()
        assert new["spec"]["labels"] == {"a": "1", "b": "2"}

    async def test_containers_are_merged_by_name(self, server, namespace):
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments/a"
        await server.apply(path, deployment("a"), "one")
        body = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "a"},
            "spec": {
                "template": {
                    "spec": {
                        "containers": [
                            {"name": "main", "env": [{"name": "A", "value": "1"}]},
                            {"name": "side", "image": "i"},
                        ]
                    }
                }
            },
        }
        new = (await server.apply(path, body, "two")).ok()
        containers = new["spec"]["template"]["spec"]["containers"]
        assert [(one["name"], one["image"]) for one in containers] == [
            ("main", "busybox"),
            ("side", "i"),
        ]
        assert containers[0]["env"] == [{"name": "A", "value": "1"}]

    async def test_finalizers_are_a_set(self, server, path):
        await server.apply(path, config_map("a", finalizers=["x.io/a"]), "one")
        new = (await server.apply(path, config_map("a", finalizers=["x.io/b"]), "two")).ok()
        assert new["metadata"]["finalizers"] == ["x.io/a", "x.io/b"]
        new = (await server.apply(path, config_map("a"), "one")).ok()
        assert new["metadata"]["finalizers"] == ["x.io/b"]
        await server.apply(path, config_map("a"), "two")

    async def test_owners_are_merged_by_uid(self, server, path, config_maps):
        made = await server.made(config_maps, config_map("parent"))

        def reference(**more):
            parent = {"apiVersion": "v1", "kind": "ConfigMap", "name": "parent"}
            return {**parent, "uid": made["metadata"]["uid"], **more}

        await server.apply(path, config_map("a", ownerReferences=[reference()]), "one")
        body = config_map("a", ownerReferences=[reference(controller=True)])
        new = (await server.apply(path, body, "two", force=True)).ok()
        assert new["metadata"]["ownerReferences"] == [reference(controller=True)]
        new = (await server.apply(path, config_map("a"), "one")).ok()
        assert len(new["metadata"]["ownerReferences"]) == 1


async def test_status_is_applied_at_its_own_door(server, thing):
    await server.apply(thing, widget("a", {"color": "red"}))
    body = {**widget("a", {"color": "blue"}), "status": {"phase": "Done"}}
    new = (await server.apply(f"{thing}/status", body)).ok()
    assert new["spec"]["color"] == "red"
    assert new["status"] == {"phase": "Done"}
    assert owned(new, "applier") == {"f:spec": {"f:color": {}}}
    assert owned(new, "applier", "status") == {"f:status": {"f:phase": {}}}


async def test_status_is_not_applied_at_the_front_door(server, thing):
    await server.apply(thing, widget("a", {"color": "red"}))
    body = {**widget("a", {"color": "red"}), "status": {"phase": "Done"}}
    new = (await server.apply(thing, body)).ok()
    assert "status" not in new
    assert owned(new, "applier") == {"f:spec": {"f:color": {}}}


async def test_an_intent_for_status_that_leaves_a_field_out_takes_it_back(server, thing):
    await server.apply(thing, widget("a"))
    body = {**widget("a"), "status": {"phase": "Done", "replicas": 1}}
    await server.apply(f"{thing}/status", body)
    body["status"] = {"replicas": 1}
    assert (await server.apply(f"{thing}/status", body)).ok()["status"] == {"replicas": 1}
