"""Codes and reasons: what clients decide by when they are refused."""

from __future__ import annotations

import pytest
from raw_client import PARTIAL
from specimens import pod, secret

NOT_FOUND = (404, "NotFound", "the server could not find the requested resource")
NOT_ALLOWED = (
    405,
    "MethodNotAllowed",
    "the server does not allow this method on the requested resource",
)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v2",
        "/api/v1/things",
        "/api/v1/namespaces/default/things/a",
        "/apis/apps/v9/deployments",
        "/apis/apps/v1/namespaces/default/deployments/a/nothing",
        "/api/v1/namespaces/default/nodes",
        "/api/v1/namespaces/default/namespaces",
        "/api/v1/pods/a",
        "/api/v1//namespaces",
        "/api/v1/namespaces/default/configmaps/a%2Fb",
    ],
)
async def test_what_the_api_does_not_have_is_not_found(server, path):
    assert (await server.get(path)).refusal == NOT_FOUND


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/apis/nothing.example.com",
        "/apis/nothing.example.com/v1",
        "/apis/nothing.example.com/v1/namespaces/default/things/a",
    ],
)
async def test_what_is_no_api_is_no_page(server, path):
    answer = await server.get(path)
    assert (answer.status, answer.text) == (404, "404 page not found\n")


async def test_a_custom_kind_is_found_only_where_it_is_served(server, widgets):
    for path in ("v1/widgets/a", "v9/widgets", "v1/things"):
        answer = await server.get(f"/apis/conformance.example.com/{path}")
        assert (answer.status, answer.text) == (404, "404 page not found\n")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/api/v1/namespaces/default/secrets"),
        ("PATCH", "/api/v1/namespaces/default/secrets"),
        ("POST", "/api/v1/namespaces/default/secrets/a"),
        ("POST", "/api/v1/secrets"),
        ("DELETE", "/api/v1/secrets"),
        ("OPTIONS", "/api/v1/namespaces/default/secrets"),
        ("DELETE", "/version"),
        ("GET", "/api/v1/namespaces/default/pods/a/binding"),
        ("GET", "/api/v1/namespaces/default/pods/a/eviction"),
    ],
)
async def test_what_cannot_be_done_there_is_not_allowed(server, method, path):
    body = {} if method in {"PUT", "PATCH", "POST"} else None
    assert (await server.call(method, path, body)).refusal == NOT_ALLOWED


@pytest.mark.parametrize("name", ["none", "UPPER", "a b"])
async def test_an_object_that_is_not_there_is_named_with_its_kind(server, secrets, name):
    answer = await server.get(f"{secrets}/{name}")
    assert answer.refusal == (404, "NotFound", f'secrets "{name}" not found')
    assert answer.body["details"] == {"name": name, "kind": "secrets"}


async def test_one_of_a_group_is_named_with_it(server, widgets):
    answer = await server.get(f"{widgets}/none")
    kind = {"group": "conformance.example.com", "kind": "widgets"}
    message = 'widgets.conformance.example.com "none" not found'
    assert answer.refusal == (404, "NotFound", message)
    assert answer.body["details"] == {"name": "none", **kind}


async def test_a_conflict_names_the_object(server, secrets):
    made = await server.made(secrets, secret("a"))
    await server.patch(f"{secrets}/a", {"metadata": {"labels": {"a": "b"}}})
    answer = await server.put(f"{secrets}/a", made)
    assert answer.refusal[:2] == (409, "Conflict")
    assert answer.body["details"] == {"name": "a", "kind": "secrets"}


async def test_what_exists_is_named(server, secrets):
    await server.made(secrets, secret("a"))
    answer = await server.post(secrets, secret("a"))
    assert answer.refusal == (409, "AlreadyExists", 'secrets "a" already exists')
    assert answer.body["details"] == {"name": "a", "kind": "secrets"}


async def test_a_list_of_what_one_may_not_see_as_metadata_is_refused_as_any(server, secrets):
    answer = await server.get(f"{secrets}/none", accept=PARTIAL)
    assert answer.refusal[:2] == (404, "NotFound")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"timeoutSeconds": "x"}, 'strconv.ParseInt: parsing "x": invalid syntax'),
        (
            {"continue": "x"},
            (
                "invalid continue token: continue key is not valid: "
                "illegal base64 data at input byte 0"
            ),
        ),
    ],
    ids=["timeout", "continue"],
)
async def test_a_query_that_cannot_be_read_is_a_bad_request(server, secrets, query, message):
    answer = await server.get(secrets, **query)
    assert answer.refusal == (400, "BadRequest", message)


@pytest.mark.parametrize(
    "query", [{"pretty": "x"}, {"unknown": "x"}, {"labelSelector": ""}, {"limit": "-1"}]
)
async def test_a_query_that_says_nothing_is_passed_over(server, secrets, query):
    await server.made(secrets, secret("a"))
    assert (await server.get(secrets, **query)).names == ["a"]


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("spec.nodeName=", ["a"]),
        ("spec.nodeName!=", []),
        ("status.phase=Pending", ["a"]),
        ("status.podIP=", ["a"]),
        ("spec.hostNetwork=false", ["a"]),
        ("spec.hostNetwork=true", []),
        ("spec.restartPolicy=Always,spec.schedulerName=nobody", ["a"]),
    ],
)
async def test_fields_that_say_nothing_are_selected_by_their_zero(server, pods, selector, names):
    await server.made(pods, pod("a"))
    assert (await server.get(pods, fieldSelector=selector)).names == names
