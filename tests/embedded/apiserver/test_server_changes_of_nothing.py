"""Requests that change nothing, or that take away what is not there."""

from __future__ import annotations

from datetime import UTC, datetime

from api_caller import APPLY, CONFIG_MAPS, MERGE
from scaled_kind import COUNTERS, counter, define

from mlctl_core.testing.clock import VirtualClock

DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
OWNERS = [{"apiVersion": "v1", "kind": "Secret", "name": "o", "uid": "u"}]


async def test_an_apply_of_nothing_new_a_second_later_writes_nothing(serve):
    clock = VirtualClock(datetime(2026, 1, 1, tzinfo=UTC))
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "generation": 7}}
    body["data"] = {"k": "v"}
    async with serve(clock=clock) as api:
        first = await api.patch(f"{CONFIG_MAPS}/c", body, APPLY, fieldManager="m")
        await clock.advance(1)
        second = await api.patch(f"{CONFIG_MAPS}/c", body, APPLY, fieldManager="m")
    assert second.body == first.body


async def test_a_null_that_is_applied_leaves_what_others_have_set(api):
    await api.made(CONFIG_MAPS, {"metadata": {"name": "c"}, "data": {"k": "v"}})
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": None}
    applied = (await api.patch(f"{CONFIG_MAPS}/c", body, APPLY, fieldManager="m")).body
    assert applied["data"] == {"k": "v"}
    entries = applied["metadata"]["managedFields"]
    owned = {entry["manager"]: entry["fieldsV1"] for entry in entries}
    assert owned["tester"] == {"f:data": {".": {}, "f:k": {}}}


async def test_a_custom_status_of_null_is_none(api):
    await define(api, status=True)
    await api.made(COUNTERS, counter())
    body = counter(status=None)
    applied = await api.patch(f"{COUNTERS}/c/status", body, APPLY, fieldManager="m")
    assert applied.status == 200
    assert "status" not in applied.body


async def test_what_goes_is_told_as_it_was_stored(api):
    await api.made(CONFIG_MAPS, {"metadata": {"name": "c", "finalizers": ["x.io/f"]}})
    await api.delete(f"{CONFIG_MAPS}/c")
    version = (await api.get(CONFIG_MAPS)).version
    await api.patch(f"{CONFIG_MAPS}/c", {"metadata": {"finalizers": None}}, MERGE)
    watched = await api.get(CONFIG_MAPS, watch="true", resourceVersion=version, timeoutSeconds="1")
    event = watched.body
    assert event["type"] == "DELETED"
    assert event["object"]["metadata"]["finalizers"] == ["x.io/f"]
    assert int(event["object"]["metadata"]["resourceVersion"]) > int(version)


async def test_a_status_that_leaves_the_owners_out_takes_them_from_whoever_set_them(serve):
    labels = {"a": "x"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"selector": {"matchLabels": labels}, "template": pod}
    async with serve(controllers=False) as api:
        made = await api.made(
            DEPLOYMENTS, {"metadata": {"name": "d", "ownerReferences": OWNERS}, "spec": spec}
        )
        del made["metadata"]["ownerReferences"]
        changed = (await api.put(f"{DEPLOYMENTS}/d/status", made)).body
        assert "ownerReferences" not in changed["metadata"]
    (entry,) = changed["metadata"]["managedFields"]
    assert "f:metadata" not in entry["fieldsV1"]
