"""Lists in pages: complete, consistent over pages, and how they go on when time has passed."""

from __future__ import annotations

import base64
import json

import pytest
from raw_client import TABLE
from specimens import secret

COUNT = 7


@pytest.fixture
async def many(server, secrets):
    """The path of a collection of seven, of which the even ones have a label."""
    for number in range(COUNT):
        labels = {"even": "yes"} if number % 2 == 0 else {}
        await server.made(secrets, secret(f"s{number}", labels=labels))
    return secrets


def aged(token, version):
    """The token as it would be had it been given long ago."""
    content = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    content["rv"] = int(version)
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


async def pages(server, path, **query):
    answer = await server.get(path, **query)
    found = [answer]
    while token := answer.metadata.get("continue"):
        answer = await server.get(path, **{**query, "continue": token})
        answer.ok()
        found.append(answer)
    return found


@pytest.mark.parametrize("limit", [1, 3, 6])
async def test_pages_hold_everything_once_and_in_order(server, many, limit):
    found = await pages(server, many, limit=str(limit))
    names = [name for page in found for name in page.names]
    assert names == [f"s{number}" for number in range(COUNT)]
    assert [len(page.names) for page in found[:-1]] == [limit] * (len(found) - 1)


@pytest.mark.parametrize("limit", [COUNT, COUNT + 1, 0])
async def test_a_limit_that_is_not_reached_makes_one_page(server, many, limit):
    answer = await server.get(many, limit=str(limit))
    assert len(answer.names) == COUNT
    assert answer.metadata.keys() == {"resourceVersion"}


async def test_each_page_tells_how_many_are_left(server, many):
    found = await pages(server, many, limit="3")
    assert [page.metadata.get("remainingItemCount") for page in found] == [4, 1, None]


async def test_with_a_selector_nobody_knows_how_many_are_left(server, many):
    found = await pages(server, many, limit="3", labelSelector="even")
    assert [page.names for page in found] == [["s0", "s2", "s4"], ["s6"]]
    assert ["remainingItemCount" in page.metadata for page in found] == [False, False]


async def test_all_pages_are_of_one_version(server, many):
    found = await pages(server, many, limit="3")
    assert len({page.version for page in found}) == 1


async def test_changes_between_pages_are_not_seen(server, many):
    first = await server.get(many, limit="3")
    await server.delete(f"{many}/s4")
    await server.made(many, secret("s31"))
    token = first.metadata["continue"]
    second = await server.get(many, limit="10", **{"continue": token})
    assert second.names == ["s3", "s4", "s5", "s6"]
    assert second.version == first.version


async def test_a_watch_from_the_version_of_pages_misses_nothing(server, many):
    first = await server.get(many, limit="3")
    await server.delete(f"{many}/s0")
    await server.made(many, secret("s7"))
    async with server.watch(many, resourceVersion=first.version) as stream:
        assert await stream.take(2) == [("DELETED", "s0"), ("ADDED", "s7")]


async def test_the_size_of_a_page_may_change(server, many):
    first = await server.get(many, limit="1")
    token = first.metadata["continue"]
    rest = await server.get(many, **{"continue": token})
    assert rest.names == [f"s{number}" for number in range(1, COUNT)]


async def test_a_token_may_be_used_again(server, many):
    token = (await server.get(many, limit="2")).metadata["continue"]
    answers = [await server.get(many, limit="2", **{"continue": token}) for _ in range(2)]
    assert answers[0].names == answers[1].names == ["s2", "s3"]


async def test_a_token_that_is_too_old_is_gone_and_gives_one_that_goes_on(server, many, forgotten):
    first = await server.get(many, limit="3")
    await server.delete(f"{many}/s4")
    old = aged(first.metadata["continue"], forgotten)
    answer = await server.get(many, limit="2", **{"continue": old})
    assert answer.refusal == (
        410,
        "Expired",
        (
            "The provided continue parameter is too old to display a consistent list result. You "
            "can "
            "start a new list without the continue parameter, or use the continue token in this "
            "response to retrieve the remainder of the results. Continuing with the provided token "
            "results in an inconsistent list - objects that were created, modified, or deleted "
            "between the time the first chunk was returned and now may show up in the list."
        ),
    )
    token = answer.metadata["continue"]
    rest = await server.get(many, limit="2", **{"continue": token})
    assert rest.names == ["s3", "s5"]
    assert int(rest.version) > int(first.version)
    last = await server.get(many, limit="2", **{"continue": rest.metadata["continue"]})
    assert last.names == ["s6"]
    assert last.version == rest.version


async def test_version_0_is_not_paged(server, many):
    await server.get(many)
    answer = await server.get(many, limit="2", resourceVersion="0")
    assert len(answer.names) == COUNT
    assert "continue" not in answer.metadata


async def test_a_version_and_a_limit_show_exactly_that_version(server, many):
    version = (await server.get(many)).version
    await server.delete(f"{many}/s1")
    answer = await server.get(many, limit="2", resourceVersion=version)
    assert answer.names == ["s0", "s1"]
    assert answer.version == version


async def test_pages_not_older_than_a_version_are_consistent(server, many):
    version = (await server.get(many)).version
    query = {"resourceVersion": version, "resourceVersionMatch": "NotOlderThan"}
    first = await server.get(many, limit="4", **query)
    assert len(first.names) == 4
    rest = await server.get(many, limit="4", **{"continue": first.metadata["continue"]})
    assert rest.names == ["s4", "s5", "s6"]


async def test_a_next_page_takes_no_version(server, many):
    token = (await server.get(many, limit="2")).metadata["continue"]
    answer = await server.get(many, resourceVersion="5", **{"continue": token})
    message = "specifying resource version is not allowed when using continue"
    assert answer.refusal == (400, "BadRequest", message)


async def test_a_next_page_at_version_0_is_the_whole_rest(server, many):
    token = (await server.get(many, limit="2")).metadata["continue"]
    answer = await server.get(many, resourceVersion="0", limit="2", **{"continue": token})
    assert answer.names == ["s2", "s3", "s4", "s5", "s6"]


async def test_a_token_that_is_none_is_refused(server, secrets):
    code, reason, message = (await server.get(secrets, **{"continue": "nonsense"})).refusal
    assert (code, reason) == (400, "BadRequest")
    assert message.startswith("invalid continue token: ")


async def test_a_limit_that_is_no_number_is_refused(server, secrets):
    answer = await server.get(secrets, limit="many")
    message = 'strconv.ParseInt: parsing "many": invalid syntax'
    assert answer.refusal == (400, "BadRequest", message)


async def test_tables_are_paged_too(server, many):
    first = await server.get(many, limit="5", accept=TABLE)
    assert [row["cells"][0] for row in first.body["rows"]] == [f"s{n}" for n in range(5)]
    assert first.metadata["remainingItemCount"] == 2
    token = first.metadata["continue"]
    rest = await server.get(many, accept=TABLE, **{"continue": token})
    assert [row["cells"][0] for row in rest.body["rows"]] == ["s5", "s6"]


async def test_custom_resources_are_paged_too(server, widgets, new_widget):
    for name in ("a", "b", "c"):
        await server.made(widgets, new_widget(name))
    found = await pages(server, widgets, limit="2")
    assert [page.names for page in found] == [["a", "b"], ["c"]]
