"""The life of a namespace: what it begins with, and how it ends."""

from __future__ import annotations

import pytest
from specimens import config_map, namespace_named, secret

NAMESPACES = "/api/v1/namespaces"
HOLD = "example.com/hold"


async def test_a_namespace_begins_active_labelled_and_held(server, unique):
    made = await server.made(NAMESPACES, namespace_named(unique))
    assert made["metadata"]["labels"] == {"kubernetes.io/metadata.name": unique}
    assert made["spec"] == {"finalizers": ["kubernetes"]}
    assert made["status"] == {"phase": "Active"}


async def test_it_gets_a_service_account_and_the_root_certificate(server, namespace):
    path = f"{NAMESPACES}/{namespace}"
    await server.until(f"{path}/serviceaccounts/default", lambda found: found is not None)
    root = await server.until(
        f"{path}/configmaps/kube-root-ca.crt", lambda found: found is not None
    )
    assert list(root["data"]) == ["ca.crt"]


async def test_the_service_account_comes_back(server, namespace):
    path = f"{NAMESPACES}/{namespace}/serviceaccounts/default"
    first = await server.until(path, lambda found: found is not None)
    await server.delete(path)
    uid = first["metadata"]["uid"]
    await server.until(path, lambda found: found is not None and found["metadata"]["uid"] != uid)


async def test_its_name_label_cannot_be_changed(server, namespace):
    patch = {"metadata": {"labels": {"kubernetes.io/metadata.name": "other"}}}
    answer = await server.patch(f"{NAMESPACES}/{namespace}", patch)
    assert answer.metadata["labels"] == {"kubernetes.io/metadata.name": namespace}


async def test_its_name_is_a_label(server):
    answer = await server.post(NAMESPACES, namespace_named("a.b"))
    assert answer.refusal == (
        422,
        "Invalid",
        'Namespace "a.b" is invalid: metadata.name: Invalid value: "a.b": must not contain dots',
    )


@pytest.fixture
async def ending(server, namespace, secrets):
    """A namespace that is being deleted and held back by one object; let go afterwards."""
    await server.made(secrets, secret("held", finalizers=[HOLD]))
    await server.made(secrets, secret("free"))
    answer = await server.delete(f"{NAMESPACES}/{namespace}")
    assert answer.ok()["status"]["phase"] == "Terminating"
    yield namespace
    await server.patch(f"{secrets}/held", {"metadata": {"finalizers": None}})


async def test_a_deleted_one_is_marked_and_answers_with_itself(server, ending):
    found = await server.found(f"{NAMESPACES}/{ending}")
    assert "deletionTimestamp" in found["metadata"]
    assert found["status"]["phase"] == "Terminating"


async def test_an_ending_one_takes_nothing_new(server, ending, config_maps):
    answer = await server.post(config_maps, config_map("late"))
    assert answer.refusal == (
        403,
        "Forbidden",
        (
            f'configmaps "late" is forbidden: unable to create new content in namespace {ending} '
            "because it is being terminated"
        ),
    )
    assert answer.body["details"] == {
        "name": "late",
        "kind": "configmaps",
        "causes": [
            {
                "reason": "NamespaceTerminating",
                "message": f"namespace {ending} is being terminated",
                "field": "metadata.namespace",
            }
        ],
    }


async def test_an_ending_one_takes_no_custom_resources(server, ending, widgets, new_widget):
    answer = await server.post(widgets, new_widget("late"))
    assert [cause[0] for cause in answer.causes] == ["NamespaceTerminating"]


async def test_an_ending_one_refuses_a_dry_run_too(server, ending, config_maps):
    answer = await server.post(config_maps, config_map("late"), dryRun="All")
    assert (answer.status, answer.reason) == (403, "Forbidden")


async def test_an_ending_one_refuses_an_apply_that_would_create(server, ending, config_maps):
    answer = await server.apply(f"{config_maps}/late", config_map("late"))
    assert (answer.status, answer.reason) == (403, "Forbidden")


async def test_what_is_in_an_ending_one_can_be_changed(server, ending, secrets):
    answer = await server.patch(f"{secrets}/held", {"metadata": {"labels": {"a": "b"}}})
    assert answer.status == 200


async def test_it_is_emptied_says_what_it_waits_for_and_ends_when_that_is_gone(
    server, ending, secrets
):
    await server.gone(f"{secrets}/free")
    held = await server.until(
        f"{secrets}/held", lambda found: "deletionTimestamp" in found["metadata"]
    )
    assert held["metadata"]["finalizers"] == [HOLD]

    def waits(found):
        conditions = found["status"].get("conditions", [])
        return any(one["type"] == "NamespaceFinalizersRemaining" for one in conditions)

    found = await server.until(f"{NAMESPACES}/{ending}", waits)
    said = {
        one["type"]: (one["status"], one["reason"], one["message"])
        for one in found["status"]["conditions"]
    }
    assert said["NamespaceFinalizersRemaining"] == (
        "True",
        "SomeFinalizersRemain",
        f"Some content in the namespace has finalizers remaining: {HOLD} in 1 resource instances",
    )
    assert said["NamespaceContentRemaining"] == (
        "True",
        "SomeResourcesRemain",
        "Some resources are remaining: secrets. has 1 resource instances",
    )
    assert said["NamespaceDeletionContentFailure"] == (
        "False",
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    )
    await server.patch(f"{secrets}/held", {"metadata": {"finalizers": None}})
    await server.gone(f"{NAMESPACES}/{ending}")


async def test_its_custom_resources_go_with_it_and_its_name_is_free_afterwards(
    server, namespace, widgets, new_widget
):
    made = await server.made(widgets, new_widget("a"))
    path = f"{NAMESPACES}/{namespace}"
    before = await server.found(path)
    await server.delete(path)
    start = made["metadata"]["resourceVersion"]
    async with server.watch(widgets, resourceVersion=start) as stream:
        assert await stream.take(1) == [("DELETED", "a")]
    await server.gone(path)
    after = await server.made(NAMESPACES, namespace_named(namespace))
    assert after["metadata"]["uid"] != before["metadata"]["uid"]


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-public"])
async def test_those_of_the_cluster_cannot_be_deleted(server, name):
    answer = await server.delete(f"{NAMESPACES}/{name}")
    assert answer.refusal == (
        403,
        "Forbidden",
        f'namespaces "{name}" is forbidden: this namespace may not be deleted',
    )


async def test_finalizers_of_the_spec_are_changed_at_their_door_only(server, namespace):
    path = f"{NAMESPACES}/{namespace}"
    obj = await server.found(path)
    obj["spec"] = {"finalizers": ["kubernetes", "example.com/more"]}
    assert (await server.put(path, obj)).ok()["spec"] == {"finalizers": ["kubernetes"]}
    del obj["metadata"]["resourceVersion"]
    finalized = (await server.put(f"{path}/finalize", obj)).ok()
    assert finalized["spec"]["finalizers"] == ["kubernetes", "example.com/more"]
