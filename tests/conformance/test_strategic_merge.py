"""Strategic merge patches: lists merged by key, and the directives that say otherwise."""

from __future__ import annotations

import pytest
from raw_client import STRATEGIC
from specimens import pod


@pytest.fixture
async def app(server, namespace):
    """A Deployment whose template has enough in it to be merged; no controller acts on it."""
    collection = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    spec = {
        "containers": [
            {
                "name": "main",
                "image": "one",
                "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                "ports": [{"containerPort": 80, "name": "http"}],
                "args": ["x", "y"],
            },
            {"name": "side", "image": "two"},
        ],
        "tolerations": [{"key": "a", "operator": "Exists"}],
        "volumes": [{"name": "v", "emptyDir": {}}],
    }
    body = {
        "metadata": {"name": "a", "finalizers": ["x.io/a", "x.io/b"]},
        "spec": {
            "paused": True,
            "replicas": 0,
            "selector": {"matchLabels": {"app": "a"}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}},
            "template": {"metadata": {"labels": {"app": "a"}}, "spec": spec},
        },
    }
    await server.made(collection, body)
    yield f"{collection}/a"
    await server.patch(f"{collection}/a", {"metadata": {"finalizers": None}})


async def template(server, app, patch):
    answer = await server.patch(app, {"spec": {"template": {"spec": patch}}}, STRATEGIC)
    return answer.ok()["spec"]["template"]["spec"]


def by_name(items):
    return {item["name"]: item for item in items}


async def test_items_of_a_list_are_merged_by_their_key(server, app):
    new = await template(server, app, {"containers": [{"name": "main", "image": "three"}]})
    containers = by_name(new["containers"])
    assert containers["main"]["image"] == "three"
    assert containers["main"]["args"] == ["x", "y"]
    assert containers["side"]["image"] == "two"


async def test_an_item_that_is_not_there_is_put_in(server, app):
    new = await template(server, app, {"containers": [{"name": "new", "image": "i"}]})
    assert sorted(by_name(new["containers"])) == ["main", "new", "side"]


async def test_lists_in_items_of_lists_are_merged(server, app):
    env = [{"name": "B", "value": "9"}, {"name": "C", "value": "3"}]
    new = await template(server, app, {"containers": [{"name": "main", "env": env}]})
    found = {one["name"]: one["value"] for one in by_name(new["containers"])["main"]["env"]}
    assert found == {"A": "1", "B": "9", "C": "3"}


async def test_ports_are_merged_by_number(server, app):
    ports = [{"containerPort": 80, "name": "web"}, {"containerPort": 81}]
    new = await template(server, app, {"containers": [{"name": "main", "ports": ports}]})
    found = {one["containerPort"]: one.get("name") for one in new["containers"][0]["ports"]}
    assert found == {80: "web", 81: None}


async def test_lists_of_plain_values_are_replaced(server, app):
    new = await template(server, app, {"containers": [{"name": "main", "args": ["z"]}]})
    assert by_name(new["containers"])["main"]["args"] == ["z"]


async def test_lists_without_a_merge_key_are_replaced(server, app):
    new = await template(server, app, {"tolerations": [{"key": "b", "operator": "Exists"}]})
    assert [one["key"] for one in new["tolerations"]] == ["b"]


async def test_an_item_is_deleted_by_a_directive(server, app):
    new = await template(server, app, {"containers": [{"name": "side", "$patch": "delete"}]})
    assert list(by_name(new["containers"])) == ["main"]


async def test_a_list_is_replaced_by_a_directive(server, app):
    patch = {"containers": [{"name": "only", "image": "i"}, {"$patch": "replace"}]}
    new = await template(server, app, patch)
    assert list(by_name(new["containers"])) == ["only"]


async def test_a_map_is_replaced_by_a_directive(server, app):
    patch = {"spec": {"template": {"metadata": {"annotations": {"a": "1"}}}}}
    await server.patch(app, patch, STRATEGIC)
    patch["spec"]["template"]["metadata"]["annotations"] = {"$patch": "replace", "b": "2"}
    new = (await server.patch(app, patch, STRATEGIC)).ok()
    assert new["spec"]["template"]["metadata"]["annotations"] == {"b": "2"}


async def test_null_takes_a_field_away(server, app):
    new = await template(server, app, {"volumes": None})
    assert "volumes" not in new


async def test_a_union_keeps_only_what_is_named(server, app):
    strategy = {"$retainKeys": ["type"], "type": "Recreate"}
    answer = await server.patch(app, {"spec": {"strategy": strategy}}, STRATEGIC)
    assert answer.ok()["spec"]["strategy"] == {"type": "Recreate"}


async def test_plain_values_are_added_to_a_set(server, app):
    patch = {"metadata": {"finalizers": ["x.io/c"]}}
    new = (await server.patch(app, patch, STRATEGIC)).ok()
    assert sorted(new["metadata"]["finalizers"]) == ["x.io/a", "x.io/b", "x.io/c"]


async def test_plain_values_are_taken_from_a_set_by_a_directive(server, app):
    patch = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["x.io/a"]}}
    new = (await server.patch(app, patch, STRATEGIC)).ok()
    assert new["metadata"]["finalizers"] == ["x.io/b"]


async def test_the_order_of_items_is_set_by_a_directive(server, app):
    patch = {
        "$setElementOrder/containers": [{"name": "side"}, {"name": "new"}, {"name": "main"}],
        "containers": [{"name": "new", "image": "i"}],
    }
    new = await template(server, app, patch)
    assert list(by_name(new["containers"])) == ["side", "new", "main"]


async def test_owners_are_merged_by_uid(server, app):
    def owner(uid, name):
        return {"apiVersion": "v1", "kind": "Node", "name": name, "uid": uid}

    for uid, name in (("u1", "a"), ("u2", "b"), ("u1", "c")):
        patch = {"metadata": {"ownerReferences": [owner(uid, name)]}}
        new = (await server.patch(app, patch, STRATEGIC, dryRun="All")).ok()
    assert [one["uid"] for one in new["metadata"]["ownerReferences"]] == ["u1"]


async def test_conditions_are_merged_by_type(server, pods):
    await server.made(pods, pod("p"))
    for type_, status in (("A", "True"), ("B", "True"), ("A", "False")):
        patch = {"status": {"conditions": [{"type": type_, "status": status}]}}
        new = (await server.patch(f"{pods}/p/status", patch, STRATEGIC)).ok()
    found = {one["type"]: one["status"] for one in new["status"]["conditions"]}
    assert found.items() >= {"A": "False", "B": "True"}.items()


async def test_an_unknown_directive_is_refused(server, app):
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "main", "$patch": "mix"}]}}}}
    answer = await server.patch(app, patch, STRATEGIC)
    message = "unknown patch type: mix in map: map[$patch:mix name:main]"
    assert answer.refusal == (500, "", message)


async def test_an_item_without_its_key_is_refused(server, app):
    patch = {"spec": {"template": {"spec": {"containers": [{"image": "i"}]}}}}
    answer = await server.patch(app, patch, STRATEGIC)
    message = "map: map[image:i] does not contain declared merge key: name"
    assert answer.refusal == (500, "", message)
