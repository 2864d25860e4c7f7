"""Events: one stored object under the field names of two groups."""

from __future__ import annotations

import pytest

CORE = "/api/v1/namespaces/default/events"
NEW = "/apis/events.k8s.io/v1/namespaces/default/events"

EVENT = {
    "metadata": {"name": "e"},
    "eventTime": "2026-01-01T00:00:00.000000Z",
    "type": "Normal",
    "reason": "Tried",
    "action": "Try",
    "reportingController": "test.io/me",
    "reportingInstance": "me-1",
    "note": "hello",
    "regarding": {"kind": "Pod", "namespace": "default", "name": "p", "uid": "u"},
}


async def test_an_event_of_the_new_group_is_read_in_the_core_group(api):
    made = await api.made(NEW, EVENT)
    assert (made["apiVersion"], made["note"]) == ("events.k8s.io/v1", "hello")
    core = (await api.get(f"{CORE}/e")).body
    assert (core["apiVersion"], core["message"]) == ("v1", "hello")
    assert core["involvedObject"]["name"] == "p"
    assert core["reportingComponent"] == "test.io/me"
    assert "note" not in core


async def test_an_event_of_the_core_group_is_read_in_the_new_one(api):
    involved = {"kind": "Pod", "namespace": "default", "name": "p"}
    event = {
        "metadata": {"name": "e"},
        "involvedObject": involved,
        "reason": "Old",
        "message": "hi",
        "source": {"component": "kubelet"},
        "count": 2,
        "firstTimestamp": "2026-01-01T00:00:00Z",
        "lastTimestamp": "2026-01-01T00:00:10Z",
    }
    await api.made(CORE, event)
    new = (await api.get(f"{NEW}/e")).body
    assert (new["note"], new["regarding"]) == ("hi", involved)
    assert (new["deprecatedCount"], new["deprecatedSource"]) == (2, {"component": "kubelet"})


@pytest.mark.parametrize(
    ("path", "selector"),
    [
        (CORE, "involvedObject.name=p,involvedObject.uid=u,involvedObject.kind=Pod"),
        (CORE, "reason=Tried,type=Normal,reportingComponent=test.io/me"),
        (NEW, "regarding.name=p,reportingController=test.io/me"),
    ],
)
async def test_events_are_selected_by_what_they_are_about_in_either_group(api, path, selector):
    await api.made(NEW, EVENT)
    regarding = {**EVENT["regarding"], "name": "q", "uid": "v"}
    other = {**EVENT, "metadata": {"name": "f"}, "regarding": regarding, "reason": "Other"}
    await api.made(NEW, {**other, "reportingController": "test.io/other"})
    assert (await api.get(path, fieldSelector=selector)).names == ["e"]


async def test_a_watch_of_either_group_sees_both(api):
    async with api.watch(CORE) as core, api.watch(NEW) as new:
        await api.made(NEW, EVENT)
        assert (await core.next())["object"]["message"] == "hello"
        assert (await new.next())["object"]["note"] == "hello"
