"""Watches that begin with the whole collection (KEP-3157): what a cache fills itself from."""

from __future__ import annotations

import pytest
from raw_client import PARTIAL
from specimens import secret

WATCH_LIST = {
    "sendInitialEvents": "true",
    "resourceVersionMatch": "NotOlderThan",
    "allowWatchBookmarks": "true",
}
END = {"k8s.io/initial-events-end": "true"}


def annotations_of(event):
    return event["object"]["metadata"].get("annotations", {})


async def initial(stream):
    """The events up to the bookmark that ends the initial ones, and that bookmark."""
    events = []
    while (event := await stream.next())["type"] != "BOOKMARK":
        events.append((event["type"], event["object"]["metadata"]["name"]))
    return events, event


async def test_the_collection_comes_in_order_of_names_and_a_bookmark_ends_it(server, secrets):
    for name in ("b", "c", "a"):
        await server.made(secrets, secret(name))
    async with server.watch(secrets, **WATCH_LIST) as stream:
        events, end = await initial(stream)
    assert events == [("ADDED", "a"), ("ADDED", "b"), ("ADDED", "c")]
    assert annotations_of(end).items() >= END.items()


async def test_the_end_is_an_object_of_the_kind_with_a_version_only(server, secrets):
    async with server.watch(secrets, **WATCH_LIST) as stream:
        _, end = await initial(stream)
    assert end["object"].keys() == {"kind", "apiVersion", "metadata"}
    assert (end["object"]["kind"], end["object"]["apiVersion"]) == ("Secret", "v1")
    assert end["object"]["metadata"].keys() == {"resourceVersion", "annotations"}


async def test_an_empty_collection_is_the_bookmark_alone(server, secrets):
    async with server.watch(secrets, **WATCH_LIST) as stream:
        events, _ = await initial(stream)
    assert events == []


async def test_without_a_version_the_last_write_is_seen(server, secrets):
    made = await server.made(secrets, secret("a"))
    async with server.watch(secrets, **WATCH_LIST) as stream:
        events, end = await initial(stream)
    assert events == [("ADDED", "a")]
    version = int(end["object"]["metadata"]["resourceVersion"])
    assert version >= int(made["metadata"]["resourceVersion"])


async def test_from_a_version_on_the_state_is_not_older_than_that(server, secrets):
    made = await server.made(secrets, secret("a"))
    version = made["metadata"]["resourceVersion"]
    async with server.watch(secrets, resourceVersion=version, **WATCH_LIST) as stream:
        events, end = await initial(stream)
    assert events == [("ADDED", "a")]
    assert int(end["object"]["metadata"]["resourceVersion"]) >= int(version)


async def test_changes_follow_the_bookmark(server, secrets):
    await server.made(secrets, secret("a"))
    async with server.watch(secrets, **WATCH_LIST) as stream:
        await initial(stream)
        await server.delete(f"{secrets}/a")
        await server.made(secrets, secret("b"))
        assert await stream.take(2) == [("DELETED", "a"), ("ADDED", "b")]


async def test_the_bookmark_is_a_place_to_go_on_from(server, secrets):
    await server.made(secrets, secret("a"))
    async with server.watch(secrets, **WATCH_LIST) as stream:
        _, end = await initial(stream)
    await server.made(secrets, secret("b"))
    version = end["object"]["metadata"]["resourceVersion"]
    async with server.watch(secrets, resourceVersion=version) as stream:
        assert await stream.take(1) == [("ADDED", "b")]


async def test_selectors_choose_among_the_initial_events(server, secrets):
    await server.made(secrets, secret("a", labels={"tier": "web"}))
    await server.made(secrets, secret("b"))
    async with server.watch(secrets, labelSelector="tier=web", **WATCH_LIST) as stream:
        events, _ = await initial(stream)
    assert events == [("ADDED", "a")]


async def test_custom_resources_are_streamed_as_well(server, widgets, new_widget):
    await server.made(widgets, new_widget("a"))
    async with server.watch(widgets, **WATCH_LIST) as stream:
        events, end = await initial(stream)
    assert events == [("ADDED", "a")]
    assert end["object"]["kind"] == "Widget"
    assert annotations_of(end).items() >= END.items()


async def test_metadata_alone_is_streamed_with_a_bookmark_of_its_form(server, secrets):
    await server.made(secrets, secret("a"))
    async with server.watch(secrets, accept=PARTIAL, **WATCH_LIST) as stream:
        events, end = await initial(stream)
    assert events == [("ADDED", "a")]
    assert end["object"]["kind"] == "PartialObjectMetadata"
    assert end["object"]["apiVersion"] == "meta.k8s.io/v1"


async def test_who_wants_no_bookmarks_is_not_told_the_end(server, secrets):
    await server.made(secrets, secret("a"))
    query = {**WATCH_LIST, "allowWatchBookmarks": "false"}
    async with server.watch(secrets, **query) as stream:
        assert await stream.take(1) == [("ADDED", "a")]
        await server.made(secrets, secret("b"))
        assert await stream.take(1) == [("ADDED", "b")]


@pytest.mark.parametrize("version", ["", "0"], ids=["no version", "version 0"])
async def test_initial_events_can_be_declined(server, secrets, version):
    await server.made(secrets, secret("a"))
    query = {**WATCH_LIST, "sendInitialEvents": "false", "resourceVersion": version}
    async with server.watch(secrets, **query) as stream:
        await server.made(secrets, secret("b"))
        assert await stream.take(1) == [("ADDED", "b")]


REFUSED = 'ListOptions.meta.k8s.io "" is invalid: '


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            {"sendInitialEvents": "true"},
            (
                "resourceVersionMatch: Forbidden: sendInitialEvents requires setting "
                "resourceVersionMatch to NotOlderThan"
            ),
        ),
        (
            {"sendInitialEvents": "true", "resourceVersionMatch": "Exact", "resourceVersion": "5"},
            (
                "[resourceVersionMatch: Forbidden: sendInitialEvents requires setting "
                "resourceVersionMatch to NotOlderThan, resourceVersionMatch: Unsupported value: "
                '"Exact": supported values: "NotOlderThan"]'
            ),
        ),
        (
            {"resourceVersionMatch": "NotOlderThan"},
            (
                "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch "
                "unless "
                "sendInitialEvents is provided"
            ),
        ),
    ],
    ids=["no match", "exact match", "match without initial events"],
)
async def test_options_that_do_not_go_together_are_refused(server, secrets, query, message):
    async with server.watch(secrets, **query) as stream:
        assert (await stream.refused()).refusal == (422, "Invalid", REFUSED + message)


async def test_a_list_sends_no_events(server, secrets):
    answer = await server.get(
        secrets, sendInitialEvents="true", resourceVersionMatch="NotOlderThan", resourceVersion="1"
    )
    assert answer.refusal == (
        422,
        "Invalid",
        REFUSED + "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list",
    )


async def test_a_version_that_is_yet_to_come_is_not_waited_for_long(server, secrets):
    future = str(int((await server.get(secrets)).version) + 1_000_000)
    async with server.watch(secrets, resourceVersion=future, **WATCH_LIST) as stream:
        assert stream.status == 200
        event = await stream.next()
        assert await stream.next() is None
    assert event["type"] == "ERROR"
    status = event["object"]
    assert (status["code"], status["reason"]) == (504, "Timeout")
    assert status["message"].startswith(f"Timeout: Too large resource version: {future}, current: ")
    assert status["details"] == {
        "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        "retryAfterSeconds": 1,
    }
