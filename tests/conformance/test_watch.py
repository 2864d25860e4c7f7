"""WATCH: order, completeness, resumption, selectors, bookmarks, and how a watch ends."""

from __future__ import annotations

import asyncio

import pytest
from raw_client import PARTIAL, TABLE
from specimens import pod, secret


def version_of(event):
    return event["object"]["metadata"]["resourceVersion"]


async def churn(server, secrets, rounds):
    """Make, change and delete objects; the events this must cause."""
    expected = []
    for number in range(rounds):
        name = f"s{number}"
        await server.made(secrets, secret(name))
        await server.patch(f"{secrets}/{name}", {"data": {"k": "djE="}})
        await server.delete(f"{secrets}/{name}")
        expected += [("ADDED", name), ("MODIFIED", name), ("DELETED", name)]
    return expected


async def test_each_change_after_the_given_version_is_one_event_in_order(server, secrets):
    await server.made(secrets, secret("before"))
    start = (await server.get(secrets)).version
    expected = await churn(server, secrets, 4)
    async with server.watch(secrets, resourceVersion=start) as stream:
        assert await stream.take(len(expected)) == expected


async def test_versions_of_events_only_rise(server, secrets):
    start = (await server.get(secrets)).version
    expected = await churn(server, secrets, 4)
    async with server.watch(secrets, resourceVersion=start) as stream:
        versions = [int(version_of(await stream.next())) for _ in expected]
    assert versions == sorted(set(versions))
    assert versions[0] > int(start)


async def test_watchers_see_the_same_events_in_the_same_order(server, secrets):
    start = (await server.get(secrets)).version
    async with (
        server.watch(secrets, resourceVersion=start) as one,
        server.watch(secrets, resourceVersion=start) as other,
    ):
        expected = await churn(server, secrets, 3)
        seen = [[await stream.next() for _ in expected] for stream in (one, other)]
    assert seen[0] == seen[1]


async def test_concurrent_writes_are_seen_in_the_order_of_their_versions(server, secrets):
    start = (await server.get(secrets)).version
    await asyncio.gather(*(server.made(secrets, secret(f"s{number}")) for number in range(20)))
    async with server.watch(secrets, resourceVersion=start) as stream:
        versions = [int(version_of(await stream.next())) for _ in range(20)]
    assert versions == sorted(set(versions))


async def test_every_event_is_a_place_to_go_on_from(server, secrets):
    start = (await server.get(secrets)).version
    expected = await churn(server, secrets, 3)
    async with server.watch(secrets, resourceVersion=start) as stream:
        versions = [version_of(await stream.next()) for _ in expected]
    for index, version in enumerate(versions[:-1]):
        async with server.watch(secrets, resourceVersion=version) as stream:
            rest = expected[index + 1 :]
            assert await stream.take(len(rest)) == rest


async def test_an_event_of_an_unfinished_stream_is_not_repeated_after_resumption(server, secrets):
    start = (await server.get(secrets)).version
    await server.made(secrets, secret("a"))
    async with server.watch(secrets, resourceVersion=start) as stream:
        seen = await stream.next()
    await server.made(secrets, secret("b"))
    async with server.watch(secrets, resourceVersion=version_of(seen)) as stream:
        assert await stream.take(1) == [("ADDED", "b")]


async def test_a_new_object_is_shown_as_the_create_answered(server, secrets):
    start = (await server.get(secrets)).version
    made = await server.made(secrets, secret("a"))
    async with server.watch(secrets, resourceVersion=start) as stream:
        assert await stream.next() == {"type": "ADDED", "object": made}


async def test_a_deleted_object_is_shown_as_it_was_at_the_version_of_its_end(server, secrets):
    made = await server.made(secrets, secret("a"))
    await server.delete(f"{secrets}/a")
    async with server.watch(secrets, resourceVersion=made["metadata"]["resourceVersion"]) as stream:
        event = await stream.next()
    assert event["type"] == "DELETED"
    assert int(version_of(event)) > int(made["metadata"].pop("resourceVersion"))
    del event["object"]["metadata"]["resourceVersion"]
    assert event["object"] == made


async def test_a_write_that_changes_nothing_is_no_event(server, secrets):
    start = (await server.made(secrets, secret("a")))["metadata"]["resourceVersion"]
    await server.patch(f"{secrets}/a", {"data": {}})
    await server.delete(f"{secrets}/a")
    async with server.watch(secrets, resourceVersion=start) as stream:
        assert await stream.take(1) == [("DELETED", "a")]


async def test_a_dry_run_is_no_event(server, secrets):
    start = (await server.get(secrets)).version
    await server.made(secrets, secret("dry"), dryRun="All")
    await server.made(secrets, secret("wet"))
    async with server.watch(secrets, resourceVersion=start) as stream:
        assert await stream.take(1) == [("ADDED", "wet")]


@pytest.mark.parametrize("query", [{}, {"resourceVersion": "0"}], ids=["no version", "version 0"])
async def test_a_watch_from_anywhere_begins_with_what_is_there(server, secrets, query):
    await server.made(secrets, secret("a"))
    await server.made(secrets, secret("b"))
    await server.get(secrets)
    async with server.watch(secrets, **query) as stream:
        assert sorted(await stream.take(2)) == [("ADDED", "a"), ("ADDED", "b")]
        await server.delete(f"{secrets}/a")
        assert await stream.take(1) == [("DELETED", "a")]


async def test_a_watch_of_a_namespace_sees_no_other(server, secrets, other_namespace):
    start = (await server.get(secrets)).version
    elsewhere = f"/api/v1/namespaces/{other_namespace}/secrets"
    await server.made(elsewhere, secret("there"))
    await server.made(secrets, secret("here"))
    async with server.watch(secrets, resourceVersion=start) as stream:
        assert await stream.take(1) == [("ADDED", "here")]


async def test_a_watch_of_all_namespaces_sees_each(server, secrets, other_namespace, unique):
    start = (await server.get(secrets)).version
    elsewhere = f"/api/v1/namespaces/{other_namespace}/secrets"
    await server.made(elsewhere, secret("there", labels={"in": unique}))
    await server.made(secrets, secret("here", labels={"in": unique}))
    async with server.watch(
        "/api/v1/secrets", resourceVersion=start, labelSelector=f"in={unique}"
    ) as stream:
        assert await stream.take(2) == [("ADDED", "there"), ("ADDED", "here")]


async def test_an_object_is_added_and_deleted_as_it_begins_and_ceases_to_match_labels(
    server, secrets
):
    start = (await server.get(secrets)).version
    await server.made(secrets, secret("a"))
    for labels in ({"tier": "web"}, {"more": "x"}, {"tier": "db"}, {"tier": "web"}):
        await server.patch(f"{secrets}/a", {"metadata": {"labels": labels}})
    await server.delete(f"{secrets}/a")
    async with server.watch(secrets, resourceVersion=start, labelSelector="tier=web") as stream:
        types = [(await stream.next())["type"] for _ in range(5)]
    assert types == ["ADDED", "MODIFIED", "DELETED", "ADDED", "DELETED"]


async def test_an_object_that_ceases_to_match_is_shown_as_it_last_matched(server, secrets):
    made = await server.made(secrets, secret("a", labels={"tier": "web"}))
    changed = await server.patch(f"{secrets}/a", {"metadata": {"labels": {"tier": "db"}}})
    start = made["metadata"]["resourceVersion"]
    async with server.watch(secrets, resourceVersion=start, labelSelector="tier=web") as stream:
        event = await stream.next()
    assert event["type"] == "DELETED"
    assert event["object"]["metadata"]["labels"] == {"tier": "web"}
    assert version_of(event) == changed.version


async def test_changes_of_what_does_not_match_are_not_seen(server, secrets):
    start = (await server.get(secrets)).version
    await churn(server, secrets, 2)
    await server.made(secrets, secret("last", labels={"tier": "web"}))
    async with server.watch(secrets, resourceVersion=start, labelSelector="tier") as stream:
        assert await stream.take(1) == [("ADDED", "last")]


async def test_one_object_is_watched_by_its_name(server, secrets):
    start = (await server.get(secrets)).version
    await churn(server, secrets, 2)
    async with server.watch(
        secrets, resourceVersion=start, fieldSelector="metadata.name=s1"
    ) as stream:
        assert await stream.take(3) == [("ADDED", "s1"), ("MODIFIED", "s1"), ("DELETED", "s1")]


async def test_an_object_is_deleted_for_a_watch_when_a_selected_field_changes(server, pods):
    made = await server.made(pods, pod("a"))
    await server.patch(f"{pods}/a/status", {"status": {"phase": "Running"}})
    await server.patch(f"{pods}/a/status", {"status": {"phase": "Failed"}})
    start = made["metadata"]["resourceVersion"]
    selector = "status.phase=Running"
    async with server.watch(pods, resourceVersion=start, fieldSelector=selector) as stream:
        assert await stream.take(2) == [("ADDED", "a"), ("DELETED", "a")]


async def test_a_version_that_is_forgotten_ends_the_stream_with_410_inside_it(
    server, widgets, forgotten
):
    async with server.watch(widgets, resourceVersion=forgotten) as stream:
        assert stream.status == 200
        event = await stream.next()
        assert await stream.next() is None
    assert event["type"] == "ERROR"
    status = event["object"]
    assert (status["kind"], status["code"], status["reason"]) == ("Status", 410, "Expired")
    assert status["message"].startswith("too old resource version: 1 (")


async def test_a_version_that_is_none_is_refused(server, secrets):
    async with server.watch(secrets, resourceVersion="abc") as stream:
        assert (await stream.refused()).refusal == (
            500,
            "",
            (
                'resourceVersion: Invalid value: "abc": '
                'strconv.ParseUint: parsing "abc": invalid syntax'
            ),
        )


async def test_a_watch_ends_when_its_time_is_over(server, secrets):
    start = (await server.get(secrets)).version
    async with server.watch(secrets, resourceVersion=start, timeoutSeconds="1") as stream:
        assert stream.status == 200
        assert await stream.next() is None


async def test_a_bookmark_says_how_far_a_quiet_watch_has_come(server, secrets):
    start = (await server.made(secrets, secret("a")))["metadata"]["resourceVersion"]
    async with server.watch(
        secrets,
        resourceVersion=start,
        labelSelector="none=such",
        allowWatchBookmarks="true",
        timeoutSeconds="3",
    ) as stream:
        later = await server.made(secrets, secret("b"))
        event = await stream.next()
    assert event["type"] == "BOOKMARK"
    assert event["object"] == {
        "kind": "Secret",
        "apiVersion": "v1",
        "metadata": {"resourceVersion": version_of(event)},
    }
    assert int(version_of(event)) >= int(later["metadata"]["resourceVersion"])
    await server.made(secrets, secret("c"))
    async with server.watch(secrets, resourceVersion=version_of(event)) as stream:
        assert await stream.take(1) == [("ADDED", "c")]


async def test_frames_are_lines_of_json(server, secrets):
    start = (await server.get(secrets)).version
    await server.made(secrets, secret("a"))
    async with server.watch(secrets, resourceVersion=start) as stream:
        assert stream.headers["Content-Type"] == "application/json"
        assert stream.headers["Transfer-Encoding"] == "chunked"
        line = await stream.line()
    assert line.startswith(b'{"type":"ADDED","object":{')
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1


async def test_metadata_alone_can_be_watched(server, secrets):
    start = (await server.get(secrets)).version
    made = await server.made(secrets, secret("a"))
    async with server.watch(secrets, resourceVersion=start, accept=PARTIAL) as stream:
        event = await stream.next()
    assert event["object"] == {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": made["metadata"],
    }


async def test_tables_are_watched_with_columns_in_the_first_only(server, secrets):
    start = (await server.get(secrets)).version
    await churn(server, secrets, 1)
    async with server.watch(secrets, resourceVersion=start, accept=TABLE) as stream:
        tables = [(await stream.next())["object"] for _ in range(3)]
    assert {table["kind"] for table in tables} == {"Table"}
    assert [bool(table["columnDefinitions"]) for table in tables] == [True, False, False]
    assert [[row["cells"][0] for row in table["rows"]] for table in tables] == [["s0"]] * 3


async def test_the_old_path_of_watches_is_still_served(server, secrets, namespace):
    start = (await server.get(secrets)).version
    expected = await churn(server, secrets, 1)
    path = f"/api/v1/watch/namespaces/{namespace}/secrets"
    async with server.watch(path, resourceVersion=start) as stream:
        assert await stream.take(3) == expected


async def test_a_watch_that_breaks_off_does_not_disturb_others(server, secrets):
    start = (await server.get(secrets)).version
    async with server.watch(secrets, resourceVersion=start) as stays:
        async with server.watch(secrets, resourceVersion=start):
            pass
        expected = await churn(server, secrets, 1)
        assert await stays.take(3) == expected


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            {"labelSelector": "a in (b"},
            "unable to parse requirement: found '', expected: ',' or ')'",
        ),
        (
            {"fieldSelector": "spec.color=red"},
            "field label not supported: spec.color",
        ),
    ],
    ids=["labels", "fields"],
)
async def test_a_selector_that_makes_no_sense_is_refused(server, secrets, query, message):
    async with server.watch(secrets, **query) as stream:
        assert (await stream.refused()).refusal == (400, "BadRequest", message)
