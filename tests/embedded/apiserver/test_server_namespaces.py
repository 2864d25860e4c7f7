"""Namespaces: what is there from the start, what each one has, how one ends."""

from __future__ import annotations

from api_caller import CONFIG_MAPS, DEFINITIONS, config_map, definition, foo

NAMESPACES = "/api/v1/namespaces"


async def made(api, name="team", **metadata):
    return await api.made(NAMESPACES, {"metadata": {"name": name, **metadata}})


async def test_a_server_has_its_namespaces_when_it_answers(api):
    listed = await api.get(NAMESPACES)
    assert listed.names == ["default", "kube-node-lease", "kube-public", "kube-system"]
    assert {item["status"]["phase"] for item in listed.body["items"]} == {"Active"}


async def test_a_new_namespace_is_active_and_labelled_with_its_name(api):
    namespace = await made(api)
    assert namespace["metadata"]["labels"] == {"kubernetes.io/metadata.name": "team"}
    assert namespace["spec"] == {"finalizers": ["kubernetes"]}
    assert namespace["status"] == {"phase": "Active"}


async def test_every_namespace_gets_a_service_account_and_the_root_certificate(api):
    await made(api)
    await api.until(f"{NAMESPACES}/team/serviceaccounts/default", lambda _: True)
    certificate = await api.until(f"{NAMESPACES}/team/configmaps/kube-root-ca.crt", lambda _: True)
    assert "ca.crt" in certificate["data"]


async def test_what_every_namespace_has_comes_back_when_it_is_deleted(api):
    before = (await api.get(f"{CONFIG_MAPS}/kube-root-ca.crt")).body
    await api.delete(f"{CONFIG_MAPS}/kube-root-ca.crt")
    uid = before["metadata"]["uid"]
    path = f"{CONFIG_MAPS}/kube-root-ca.crt"
    assert await api.until(path, lambda obj: obj["metadata"]["uid"] != uid)


async def test_a_deleted_namespace_takes_everything_with_it(api):
    await api.made(DEFINITIONS, definition())
    await made(api)
    await api.made(f"{NAMESPACES}/team/configmaps", config_map("a"))
    await api.made("/apis/test.io/v1/namespaces/team/foos", foo("f"))
    deleted = await api.delete(f"{NAMESPACES}/team")
    assert deleted.body["status"]["phase"] == "Terminating"
    assert deleted.body["metadata"]["deletionTimestamp"]
    await api.gone(f"{NAMESPACES}/team")
    for path in (f"{NAMESPACES}/team/configmaps", "/apis/test.io/v1/namespaces/team/foos"):
        assert (await api.get(path)).names == []


async def test_an_ending_namespace_says_what_it_waits_for(api):
    await made(api)
    path = f"{NAMESPACES}/team/configmaps"
    await api.made(path, config_map("held", finalizers=["x.io/f"]))
    await api.delete(f"{NAMESPACES}/team")
    waiting = await api.until(f"{NAMESPACES}/team", lambda obj: obj["status"].get("conditions"))
    conditions = {one["type"]: one for one in waiting["status"]["conditions"]}
    remaining = conditions["NamespaceContentRemaining"]
    assert (remaining["status"], remaining["reason"]) == ("True", "SomeResourcesRemain")
    assert "configmaps. has 1 resource instances" in remaining["message"]
    assert "x.io/f in 1 resource instances" in conditions["NamespaceFinalizersRemaining"]["message"]
    await api.patch(f"{path}/held", {"metadata": {"finalizers": None}})
    await api.gone(f"{NAMESPACES}/team")


async def test_nothing_new_is_let_into_an_ending_namespace(api):
    await made(api)
    path = f"{NAMESPACES}/team/configmaps"
    await api.made(path, config_map("held", finalizers=["x.io/f"]))
    await api.delete(f"{NAMESPACES}/team")
    refused = await api.post(path, config_map("late"))
    assert (refused.status, refused.reason) == (403, "Forbidden")
    assert refused.message == (
        'configmaps "late" is forbidden: unable to create new content in namespace team because '
        "it is being terminated"
    )
    cause = refused.body["details"]["causes"][0]
    assert (cause["reason"], cause["field"]) == ("NamespaceTerminating", "metadata.namespace")


async def test_a_namespace_with_a_finalizer_of_its_own_waits_for_that(api):
    await made(api, finalizers=["x.io/f"])
    await api.delete(f"{NAMESPACES}/team")
    waiting = await api.until(f"{NAMESPACES}/team", lambda obj: not obj["spec"].get("finalizers"))
    assert waiting["metadata"]["finalizers"] == ["x.io/f"]
    await api.patch(f"{NAMESPACES}/team", {"metadata": {"finalizers": None}})
    await api.gone(f"{NAMESPACES}/team")


async def test_finalize_is_the_door_to_spec_finalizers(api):
    namespace = await made(api)
    namespace["spec"]["finalizers"] = ["kubernetes", "x.io/f"]
    path = f"{NAMESPACES}/team/finalize"
    answer = await api.put(path, {**namespace, "metadata": {"name": "team"}})
    assert answer.body["spec"]["finalizers"] == ["kubernetes", "x.io/f"]


async def test_the_same_name_can_be_created_again_once_it_is_gone(api):
    first = await made(api)
    await api.delete(f"{NAMESPACES}/team")
    await api.gone(f"{NAMESPACES}/team")
    assert (await made(api))["metadata"]["uid"] != first["metadata"]["uid"]


async def test_the_namespaces_of_the_system_cannot_be_deleted(api):
    for name in ("default", "kube-system", "kube-public"):
        refused = await api.delete(f"{NAMESPACES}/{name}")
        assert (refused.status, refused.reason) == (403, "Forbidden")
        assert refused.message == (
            f'namespaces "{name}" is forbidden: this namespace may not be deleted'
        )


async def test_only_finalize_changes_the_finalizers_of_spec(api):
    await made(api)
    path = f"{NAMESPACES}/team"
    replaced = await api.put(path, {"metadata": {"name": "team", "labels": {"a": "b"}}})
    assert replaced.body["metadata"]["labels"]["a"] == "b"
    assert replaced.body["spec"] == {"finalizers": ["kubernetes"]}
    patched = await api.patch(path, {"spec": {"finalizers": []}})
    assert patched.body["spec"] == {"finalizers": ["kubernetes"]}
