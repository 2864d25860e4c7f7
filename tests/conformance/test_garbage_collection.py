"""What becomes of dependents when their owners go, and of owners that wait for dependents."""

from __future__ import annotations

import asyncio

from specimens import config_map, owner, secret

OTHER_UID = "00000000-0000-0000-0000-000000000000"
HOLD = "example.com/hold"


async def owned(server, config_maps, name, *owners, **metadata):
    body = config_map(name, ownerReferences=list(owners), **metadata)
    return await server.made(config_maps, body)


async def test_dependents_go_after_their_owner(server, secrets, config_maps):
    parent = await server.made(secrets, secret("parent"))
    await owned(server, config_maps, "child", owner(parent))
    await server.delete(f"{secrets}/parent", {"propagationPolicy": "Background"})
    await server.gone(f"{config_maps}/child")


async def test_dependents_go_after_an_owner_deleted_without_a_word(server, secrets, config_maps):
    parent = await server.made(secrets, secret("parent"))
    await owned(server, config_maps, "child", owner(parent, controller=True))
    await server.delete(f"{secrets}/parent")
    await server.gone(f"{config_maps}/child")


async def test_dependents_of_dependents_go_too(server, secrets, config_maps):
    top = await server.made(secrets, secret("top"))
    middle = await owned(server, config_maps, "middle", owner(top))
    await owned(server, config_maps, "bottom", owner(middle))
    await server.delete(f"{secrets}/top")
    await server.gone(f"{config_maps}/bottom")


async def test_orphans_stay_and_lose_their_owner(server, secrets, config_maps):
    parent = await server.made(secrets, secret("parent"))
    await owned(server, config_maps, "child", owner(parent))
    await server.delete(f"{secrets}/parent", {"propagationPolicy": "Orphan"})
    await server.gone(f"{secrets}/parent")
    assert "ownerReferences" not in (await server.found(f"{config_maps}/child"))["metadata"]


async def test_an_owner_deleted_in_the_foreground_goes_after_its_dependents(
    server, secrets, config_maps
):
    parent = await server.made(secrets, secret("parent"))
    reference = owner(parent, blockOwnerDeletion=True)
    await owned(server, config_maps, "child", reference, finalizers=[HOLD])
    await server.delete(f"{secrets}/parent", {"propagationPolicy": "Foreground"})
    child = await server.until(
        f"{config_maps}/child", lambda found: "deletionTimestamp" in found["metadata"]
    )
    assert HOLD in child["metadata"]["finalizers"]
    parent = await server.found(f"{secrets}/parent")
    assert parent["metadata"]["finalizers"] == ["foregroundDeletion"]
    await server.patch(f"{config_maps}/child", {"metadata": {"finalizers": None}})
    await server.gone(f"{config_maps}/child")
    await server.gone(f"{secrets}/parent")


async def test_a_dependent_that_does_not_block_is_not_waited_for(server, secrets, config_maps):
    parent = await server.made(secrets, secret("parent"))
    await owned(server, config_maps, "child", owner(parent), finalizers=[HOLD])
    await server.delete(f"{secrets}/parent", {"propagationPolicy": "Foreground"})
    await server.gone(f"{secrets}/parent")
    await server.until(
        f"{config_maps}/child", lambda found: "deletionTimestamp" in found["metadata"]
    )
    await server.patch(f"{config_maps}/child", {"metadata": {"finalizers": None}})
    await server.gone(f"{config_maps}/child")


async def test_an_owner_without_dependents_does_not_wait(server, secrets):
    await server.made(secrets, secret("parent"))
    await server.delete(f"{secrets}/parent", {"propagationPolicy": "Foreground"})
    await server.gone(f"{secrets}/parent")


async def test_a_dependent_of_two_stays_while_one_owner_is_there(server, secrets, config_maps):
    one = await server.made(secrets, secret("one"))
    two = await server.made(secrets, secret("two"))
    await owned(server, config_maps, "child", owner(one), owner(two))
    await server.delete(f"{secrets}/one")
    child = await server.until(
        f"{config_maps}/child", lambda found: len(found["metadata"]["ownerReferences"]) == 1
    )
    assert child["metadata"]["ownerReferences"] == [owner(two)]
    await server.delete(f"{secrets}/two")
    await server.gone(f"{config_maps}/child")


async def test_a_new_dependent_of_an_owner_that_is_gone_goes(server, secrets, config_maps):
    parent = await server.made(secrets, secret("parent"))
    await server.delete(f"{secrets}/parent")
    await owned(server, config_maps, "child", owner(parent))
    await server.gone(f"{config_maps}/child")


async def test_an_owner_is_its_uid_and_not_its_name(server, secrets, config_maps):
    parent = await server.made(secrets, secret("parent"))
    await owned(server, config_maps, "child", {**owner(parent), "uid": OTHER_UID})
    await server.gone(f"{config_maps}/child")
    assert (await server.get(f"{secrets}/parent")).status == 200


async def test_an_owner_in_another_namespace_is_none(server, secrets, config_maps, other_namespace):
    elsewhere = f"/api/v1/namespaces/{other_namespace}/secrets"
    parent = await server.made(elsewhere, secret("parent"))
    await owned(server, config_maps, "child", owner(parent))
    await server.gone(f"{config_maps}/child")


async def test_a_cluster_scoped_owner_owns_in_any_namespace(server, config_maps, unique):
    classes = "/apis/scheduling.k8s.io/v1/priorityclasses"
    parent = await server.made(classes, {"metadata": {"name": unique}, "value": 1})
    await owned(server, config_maps, "child", owner(parent))
    await owned(
        server,
        config_maps,
        "stray",
        owner({**parent, "metadata": {"name": unique, "uid": OTHER_UID}}),
    )
    await server.gone(f"{config_maps}/stray")
    assert (await server.get(f"{config_maps}/child")).status == 200
    await server.delete(f"{classes}/{unique}")
    await server.gone(f"{config_maps}/child")


async def test_a_dependent_with_a_finalizer_is_marked(server, secrets, config_maps):
    parent = await server.made(secrets, secret("parent"))
    await owned(server, config_maps, "child", owner(parent), finalizers=[HOLD])
    await server.delete(f"{secrets}/parent")
    await server.until(
        f"{config_maps}/child", lambda found: "deletionTimestamp" in found["metadata"]
    )
    await server.patch(f"{config_maps}/child", {"metadata": {"finalizers": None}})
    await server.gone(f"{config_maps}/child")


async def test_an_owner_taken_on_later_counts(server, secrets, config_maps):
    parent = await server.made(secrets, secret("parent"))
    await server.made(config_maps, config_map("child"))
    patch = {"metadata": {"ownerReferences": [owner(parent)]}}
    await server.patch(f"{config_maps}/child", patch)
    await server.delete(f"{secrets}/parent")
    await server.gone(f"{config_maps}/child")


async def test_many_dependents_all_go(server, secrets, config_maps):
    parent = await server.made(secrets, secret("parent"))
    names = [f"child{number}" for number in range(20)]
    await asyncio.gather(*(owned(server, config_maps, name, owner(parent)) for name in names))
    await server.delete(f"{secrets}/parent", {"propagationPolicy": "Foreground"})
    await server.gone(f"{secrets}/parent")
    for name in names:
        await server.gone(f"{config_maps}/{name}")


async def test_one_owner_may_control(server, secrets, config_maps):
    one = await server.made(secrets, secret("one"))
    two = await server.made(secrets, secret("two"))
    references = [owner(one, controller=True), owner(two, controller=True)]
    answer = await server.post(config_maps, config_map("child", ownerReferences=references))
    assert answer.refusal[:2] == (422, "Invalid")
    assert answer.fields == [("FieldValueInvalid", "metadata.ownerReferences")]
    assert answer.message.endswith(
        'Only one reference can have Controller set to true. Found "true" in references for '
        "Secret/one and Secret/two"
    )


async def test_an_owner_is_named_whole(server, config_maps):
    answer = await server.post(config_maps, config_map("child", ownerReferences=[{}]))
    reason, where = server.told(
        ("FieldValueRequired", "metadata.ownerReferences[0]"),
        oldest=("FieldValueInvalid", "metadata.ownerReferences"),
    )
    fields = ("apiVersion", "kind", "name", "uid")
    assert answer.fields == [(reason, f"{where}.{field}") for field in fields]
