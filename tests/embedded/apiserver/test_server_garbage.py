"""Owners and dependents: background, foreground, orphans."""

from __future__ import annotations

import pytest
from api_caller import CONFIG_MAPS, DEFINITIONS, FOOS, config_map, definition, foo

SECRETS = "/api/v1/namespaces/default/secrets"


def owned_by(*owners, block=True, **more):
    """References to owners."""
    return [
        {
            "apiVersion": owner["apiVersion"],
            "kind": owner["kind"],
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
            "blockOwnerDeletion": block,
            **more,
        }
        for owner in owners
    ]


@pytest.fixture
async def owner(api):
    return await api.made(CONFIG_MAPS, config_map("owner"))


def dependent(name, *owners, **more):
    return config_map(name, ownerReferences=owned_by(*owners), **more)


async def test_dependents_follow_their_owner(api, owner):
    child = await api.made(CONFIG_MAPS, dependent("child", owner))
    await api.made(SECRETS, {"metadata": {"name": "s", "ownerReferences": owned_by(child)}})
    await api.delete(f"{CONFIG_MAPS}/owner")
    await api.gone(f"{CONFIG_MAPS}/child")
    await api.gone(f"{SECRETS}/s")


async def test_an_owner_of_the_same_name_is_not_the_owner(api, owner):
    await api.made(CONFIG_MAPS, dependent("child", owner))
    await api.delete(f"{CONFIG_MAPS}/owner")
    await api.made(CONFIG_MAPS, config_map("owner"))
    await api.gone(f"{CONFIG_MAPS}/child")


async def test_a_dependent_of_two_stays_with_the_one_that_is_left(api, owner):
    second = await api.made(CONFIG_MAPS, config_map("second"))
    await api.made(CONFIG_MAPS, dependent("child", owner, second))
    await api.delete(f"{CONFIG_MAPS}/owner")
    kept = await api.until(
        f"{CONFIG_MAPS}/child", lambda obj: len(obj["metadata"]["ownerReferences"]) == 1
    )
    assert kept["metadata"]["ownerReferences"][0]["name"] == "second"
    await api.delete(f"{CONFIG_MAPS}/second")
    await api.gone(f"{CONFIG_MAPS}/child")


async def test_a_dependent_of_an_owner_that_never_was_is_deleted(api, owner):
    ghost = {**owner, "metadata": {"name": "ghost", "uid": "no-such-uid"}}
    await api.made(CONFIG_MAPS, dependent("child", ghost))
    await api.gone(f"{CONFIG_MAPS}/child")


async def test_an_owner_in_another_namespace_does_not_exist(api):
    await api.made("/api/v1/namespaces", {"metadata": {"name": "other"}})
    there = await api.made("/api/v1/namespaces/other/configmaps", config_map("owner"))
    await api.made(CONFIG_MAPS, dependent("child", there))
    await api.gone(f"{CONFIG_MAPS}/child")


async def test_a_dependent_of_a_kind_that_is_not_served_is_left_alone(api, owner):
    unknown = {**owner, "apiVersion": "nope.io/v1", "kind": "Nope"}
    await api.made(CONFIG_MAPS, dependent("child", unknown))
    await api.made(CONFIG_MAPS, dependent("sure", {**owner, "metadata": {"name": "x", "uid": "y"}}))
    await api.gone(f"{CONFIG_MAPS}/sure")
    assert (await api.get(f"{CONFIG_MAPS}/child")).status == 200


async def test_a_foreground_deletion_waits_for_dependents_that_block(api, owner):
    await api.made(CONFIG_MAPS, dependent("child", owner, finalizers=["x.io/f"]))
    marked = await api.delete(f"{CONFIG_MAPS}/owner", propagationPolicy="Foreground")
    assert marked.body["metadata"]["finalizers"] == ["foregroundDeletion"]
    await api.until(f"{CONFIG_MAPS}/child", lambda obj: obj["metadata"].get("deletionTimestamp"))
    assert (await api.get(f"{CONFIG_MAPS}/owner")).status == 200
    await api.patch(f"{CONFIG_MAPS}/child", {"metadata": {"finalizers": None}})
    await api.gone(f"{CONFIG_MAPS}/owner")


async def test_a_foreground_deletion_does_not_wait_for_those_that_do_not_block(api, owner):
    references = owned_by(owner, block=False)
    child = config_map("child", ownerReferences=references, finalizers=["x.io/f"])
    await api.made(CONFIG_MAPS, child)
    await api.delete(f"{CONFIG_MAPS}/owner", propagationPolicy="Foreground")
    await api.gone(f"{CONFIG_MAPS}/owner")
    await api.until(f"{CONFIG_MAPS}/child", lambda obj: obj["metadata"].get("deletionTimestamp"))


async def test_a_foreground_deletion_goes_down_to_grandchildren(api, owner):
    child = await api.made(CONFIG_MAPS, dependent("child", owner))
    await api.made(CONFIG_MAPS, dependent("grandchild", child, finalizers=["x.io/f"]))
    await api.delete(f"{CONFIG_MAPS}/owner", propagationPolicy="Foreground")
    waiting = await api.until(
        f"{CONFIG_MAPS}/grandchild", lambda obj: obj["metadata"].get("deletionTimestamp")
    )
    assert waiting
    assert (await api.get(f"{CONFIG_MAPS}/child")).status == 200
    await api.patch(f"{CONFIG_MAPS}/grandchild", {"metadata": {"finalizers": None}})
    await api.gone(f"{CONFIG_MAPS}/child")
    await api.gone(f"{CONFIG_MAPS}/owner")


async def test_orphans_stay_and_lose_their_reference(api, owner):
    await api.made(CONFIG_MAPS, dependent("child", owner))
    await api.delete(f"{CONFIG_MAPS}/owner", propagationPolicy="Orphan")
    await api.gone(f"{CONFIG_MAPS}/owner")
    child = (await api.get(f"{CONFIG_MAPS}/child")).body
    assert "ownerReferences" not in child["metadata"]


async def test_custom_resources_own_and_are_owned(api):
    await api.made(DEFINITIONS, definition())
    parent = await api.made(FOOS, foo("parent"))
    await api.made(CONFIG_MAPS, dependent("child", parent))
    await api.made(FOOS, foo("part", ownerReferences=owned_by(parent)))
    await api.delete(f"{FOOS}/parent")
    await api.gone(f"{CONFIG_MAPS}/child")
    await api.gone(f"{FOOS}/part")


async def test_dependents_follow_owners_that_go_with_their_definition(api):
    await api.made(DEFINITIONS, definition())
    owner = await api.made(FOOS, foo("owner"))
    await api.made(CONFIG_MAPS, dependent("child", owner))
    await api.delete(f"{DEFINITIONS}/foos.test.io")
    await api.gone(f"{CONFIG_MAPS}/child")


async def test_an_owner_may_be_given_and_taken_away_later(api, owner):
    await api.made(CONFIG_MAPS, config_map("child"))
    await api.patch(f"{CONFIG_MAPS}/child", {"metadata": {"ownerReferences": owned_by(owner)}})
    await api.made(CONFIG_MAPS, dependent("freed", owner))
    await api.patch(f"{CONFIG_MAPS}/freed", {"metadata": {"ownerReferences": None}})
    await api.delete(f"{CONFIG_MAPS}/owner")
    await api.gone(f"{CONFIG_MAPS}/child")
    assert (await api.get(f"{CONFIG_MAPS}/freed")).status == 200
