import asyncio
import json

import pytest

from mlctl_core.client.client import Client, PatchType
from mlctl_core.client.config import ClusterConfig
from mlctl_core.client.credentials import Access
from mlctl_core.client.errors import (
    AlreadyExistsError,
    ApiError,
    ConflictError,
    ConnectionFailedError,
    GoneError,
    MalformedResponseError,
    NotFoundError,
    RequestTimeoutError,
    TooManyRequestsError,
    UnauthorizedError,
    UnavailableError,
)
from mlctl_core.objects.kinds import CONFIG_MAP, NODE, POD
from mlctl_core.telemetry.metrics import Metrics
from mlctl_core.testing.scripted_server import status_body


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


async def ask(server, coroutine):
    """Start a call and return its task and the request it sent."""
    task = asyncio.create_task(coroutine)
    return task, await server.next()


async def test_get_returns_the_bytes_that_came(client, server):
    call, request = await ask(server, client.get(POD, "p", "n"))
    request.reply(b'{"kind": "Pod",  "x": 1}')
    assert await call == b'{"kind": "Pod",  "x": 1}'
    assert (request.method, request.path) == ("GET", "/api/v1/namespaces/n/pods/p")


async def test_compression_is_not_asked_for_and_json_is(client, server):
    call, request = await ask(server, client.get(POD, "p", "n"))
    request.reply({})
    await call
    assert request.headers["Accept-Encoding"] == "identity"
    assert request.headers["Accept"] == "application/json"
    assert request.headers["User-Agent"] == "mlctl"


async def test_the_environment_s_proxies_are_not_used(server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    async with Client(server.config()) as client:
        call, request = await ask(server, client.get(NODE, "n"))
        request.reply({})
        await call


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a%2fb"])
async def test_a_name_that_could_lead_elsewhere_is_not_sent(client, server, name):
    with pytest.raises(ValueError, match=r"name|path"):
        await client.get(POD, name, "n")
    assert server.received == 0


async def test_names_with_colons_go_as_they_are(client, server):
    call, request = await ask(server, client.get(NODE, "system:node:a b"))
    request.reply({})
    await call
    assert request.path.endswith("/system:node:a%20b")


async def test_create_posts_to_the_namespace_of_the_object(client, server):
    body = {"metadata": {"name": "a", "namespace": "n"}}
    call, request = await ask(server, client.create(CONFIG_MAP, body, field_manager="m"))
    request.reply({"ok": True}, 201)
    await call
    assert (request.method, request.path) == ("POST", "/api/v1/namespaces/n/configmaps")
    assert request.query == {"fieldManager": "m"}
    assert json.loads(request.body) == body


async def test_apply_patches_the_object_s_own_path(client, server):
    body = {"metadata": {"name": "a", "namespace": "n"}, "data": {}}
    call, request = await ask(
        server, client.apply(CONFIG_MAP, body, field_manager="m", force=True, subresource="status")
    )
    request.reply({})
    await call
    assert (request.method, request.path) == (
        "PATCH",
        "/api/v1/namespaces/n/configmaps/a/status",
    )
    assert request.query == {"fieldManager": "m", "force": "true"}
    assert request.headers["Content-Type"] == "application/apply-patch+yaml"


@pytest.mark.parametrize("patch_type", PatchType)
async def test_patch_says_what_kind_of_patch_it_is(client, server, patch_type):
    call, request = await ask(
        server, client.patch(POD, "p", {"a": None}, "n", patch_type=patch_type)
    )
    request.reply({})
    await call
    assert request.headers["Content-Type"] == patch_type.value
    assert json.loads(request.body) == {"a": None}


async def test_replace_puts(client, server):
    body = {"metadata": {"name": "a", "namespace": "n"}}
    call, request = await ask(server, client.replace(CONFIG_MAP, body))
    request.reply({})
    await call
    assert (request.method, request.path) == ("PUT", "/api/v1/namespaces/n/configmaps/a")


async def test_delete_carries_its_preconditions(client, server):
    call, request = await ask(
        server,
        client.delete(POD, "p", "n", uid="u", resource_version="5", grace_period_seconds=0),
    )
    request.reply({})
    await call
    assert json.loads(request.body) == {
        "kind": "DeleteOptions",
        "apiVersion": "v1",
        "propagationPolicy": "Background",
        "preconditions": {"uid": "u", "resourceVersion": "5"},
        "gracePeriodSeconds": 0,
    }


async def test_delete_without_preconditions_has_none(client, server):
    call, request = await ask(server, client.delete(POD, "p", "n", propagation="Foreground"))
    request.reply({})
    await call
    options = json.loads(request.body)
    assert options["preconditions"] == {}
    assert options["propagationPolicy"] == "Foreground"


async def test_a_page_is_split_and_says_how_to_go_on(client, server):
    call, request = await ask(
        server, client.list_page(POD, "n", label_selector="a=b", limit=2, resource_version="")
    )
    request.reply(
        {
            "metadata": {"resourceVersion": "9", "continue": "more"},
            "items": [{"metadata": {"name": "a", "managedFields": [1]}}, {"metadata": {}}],
        }
    )
    page = await call
    assert request.query == {"labelSelector": "a=b", "limit": "2"}
    assert [json.loads(item) for item in page.items] == [
        {"metadata": {"name": "a"}},
        {"metadata": {}},
    ]
    assert (page.resource_version, page.continue_token) == ("9", "more")


async def test_a_continue_token_is_sent_without_a_version(client, server):
    call, request = await ask(
        server, client.list_page(POD, limit=5, continue_token="t", resource_version="3")
    )
    request.reply({"metadata": {"resourceVersion": "9"}, "items": None})
    assert (await call).items == []
    assert request.query == {"limit": "5", "continue": "t"}


async def test_list_all_reads_page_after_page(client, server):
    call, first = await ask(server, client.list_all(POD))
    assert first.query["limit"] == "500"
    first.reply({"metadata": {"resourceVersion": "9", "continue": "t"}, "items": [{"a": 1}]})
    second = await server.next()
    assert second.query["continue"] == "t"
    second.reply({"metadata": {"resourceVersion": "9"}, "items": [{"a": 2}]})
    page = await call
    assert [json.loads(item)["a"] for item in page.items] == [1, 2]
    assert page.resource_version == "9"


async def test_list_all_begins_again_in_one_piece_when_its_token_expires(client, server):
    call, first = await ask(server, client.list_all(POD))
    first.reply({"metadata": {"resourceVersion": "9", "continue": "t"}, "items": [{"a": 1}]})
    (await server.next()).fail(410, "Expired")
    whole = await server.next()
    assert "limit" not in whole.query
    assert "continue" not in whole.query
    whole.reply({"metadata": {"resourceVersion": "12"}, "items": [{"a": 3}]})
    page = await call
    assert [json.loads(item)["a"] for item in page.items] == [3]


async def test_an_expired_first_page_is_an_error(client, server):
    call, request = await ask(server, client.list_all(POD))
    request.fail(410, "Expired")
    with pytest.raises(GoneError):
        await call


async def test_a_list_at_a_version_is_not_paged(client, server):
    call, request = await ask(server, client.list_all(POD, resource_version="7"))
    request.reply({"metadata": {"resourceVersion": "9"}, "items": []})
    await call
    assert request.query == {"resourceVersion": "7"}


async def test_html_instead_of_a_list_is_malformed(client, server):
    call, request = await ask(server, client.list_page(POD))
    request.reply(b"<html>login</html>", content_type="text/html")
    with pytest.raises(MalformedResponseError):
        await call


async def test_html_instead_of_a_written_object_is_malformed(client, server):
    call, request = await ask(server, client.create(CONFIG_MAP, {"metadata": {}}, "n"))
    request.reply(b"<html>login</html>", content_type="text/html")
    with pytest.raises(MalformedResponseError):
        await call


@pytest.mark.parametrize(
    ("status", "reason", "error"),
    [
        (404, "NotFound", NotFoundError),
        (409, "AlreadyExists", AlreadyExistsError),
        (409, "Conflict", ConflictError),
    ],
)
async def test_a_status_becomes_its_exception(client, server, status, reason, error):
    call, request = await ask(server, client.get(POD, "p", "n"))
    request.fail(status, reason, details={"name": "p"})
    with pytest.raises(error) as caught:
        await call
    assert caught.value.status == status
    assert caught.value.reason == reason
    assert caught.value.details == {"name": "p"}


@pytest.mark.parametrize("body", [b"", b"<html>\x1b[31mBad gateway</html>", b'{"a": 1}'])
async def test_an_error_without_a_status_object_is_one_by_its_code(client, server, body):
    call, request = await ask(server, client.get(POD, "p", "n"))
    request.reply(body, 502, content_type="text/html")
    with pytest.raises(ApiError) as caught:
        await call
    assert caught.value.status == 502
    assert "\x1b" not in str(caught.value)


async def test_a_redirect_is_an_error_and_not_followed(client, server):
    call, request = await ask(server, client.get(POD, "p", "n"))
    request.reply(b"", 302, headers={"Location": server.url + "/elsewhere"})
    with pytest.raises(ApiError) as caught:
        await call
    assert caught.value.status == 302
    assert server.received == 1


async def test_a_refused_connection_is_a_typed_error():
    async with Client(ClusterConfig(server="http://127.0.0.1:1")) as client:
        with pytest.raises(ConnectionFailedError, match="GET /api/v1/nodes/n"):
            await client.get(NODE, "n")


async def test_a_reset_connection_is_a_typed_error(client, server):
    call, request = await ask(server, client.patch(POD, "p", {}, "n"))
    request.cut()
    with pytest.raises(ConnectionFailedError):
        await call


async def test_a_server_that_does_not_answer_is_given_up(client, server, clock):
    call, _ = await ask(server, client.get(POD, "p", "n"))
    await clock.advance(29.9)
    assert not call.done()
    await clock.advance(0.1)
    with pytest.raises(RequestTimeoutError, match="30 s"):
        await call


async def test_an_answer_that_stalls_in_the_middle_is_given_up(client, server, clock):
    call, request = await ask(
        server, client.request("GET", "/api/v1/nodes", params={"a": "b"}, timeout=3)
    )
    await request.send(b'{"half":')
    await clock.advance(3)
    with pytest.raises(RequestTimeoutError):
        await call


async def test_a_cancelled_call_stays_cancelled(client, server):
    call, _ = await ask(server, client.get(POD, "p", "n"))
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_nothing_is_sent_by_a_closed_client(server):
    client = Client(server.config())
    await client.close()
    with pytest.raises(ConnectionFailedError, match="closed"):
        await client.get(NODE, "n")


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_waited_for_and_not_a_moment_less(client, server, clock, status):
    call, request = await ask(server, client.get(POD, "p", "n"))
    request.reply(status_body(status), status, headers={"Retry-After": "5"})
    await until(lambda: clock.next_timer() == 5)
    await clock.advance(4.9)
    assert server.received == 1
    await clock.advance(0.1)
    (await server.next()).reply({"again": 1})
    assert json.loads(await call) == {"again": 1}


async def test_the_status_may_say_when_to_come_again(client, server, clock):
    call, request = await ask(server, client.get(POD, "p", "n"))
    request.fail(429, "TooManyRequests", details={"retryAfterSeconds": 2})
    await until(lambda: clock.next_timer() == 2)
    await clock.advance(2)
    (await server.next()).reply({})
    await call


@pytest.mark.parametrize("status", [429, 503])
async def test_without_retry_after_nothing_is_retried(client, server, status):
    call, request = await ask(server, client.get(POD, "p", "n"))
    request.fail(status)
    with pytest.raises((TooManyRequestsError, UnavailableError)) as caught:
        await call
    assert caught.value.retry_after is None


async def test_a_create_is_retried_after_429_which_did_nothing(client, server, clock):
    call, request = await ask(server, client.create(CONFIG_MAP, {"metadata": {}}, "n"))
    request.fail(429, details={"retryAfterSeconds": 1})
    await until(lambda: clock.next_timer() == 1)
    await clock.advance(1)
    (await server.next()).reply({}, 201)
    await call


async def test_a_create_is_not_retried_after_503_which_may_have_done_something(client, server):
    call, request = await ask(server, client.create(CONFIG_MAP, {"metadata": {}}, "n"))
    request.fail(503, details={"retryAfterSeconds": 1})
    with pytest.raises(UnavailableError):
        await call


async def test_a_json_patch_is_not_retried_after_503_for_it_may_append(client, server):
    call, request = await ask(
        server, client.patch(POD, "p", [{"op": "add"}], "n", patch_type=PatchType.JSON)
    )
    request.fail(503, details={"retryAfterSeconds": 1})
    with pytest.raises(UnavailableError):
        await call


async def test_a_wait_that_is_too_long_is_the_caller_s_to_decide(client, server):
    call, request = await ask(server, client.get(POD, "p", "n"))
    request.fail(429, details={"retryAfterSeconds": 31})
    with pytest.raises(TooManyRequestsError) as caught:
        await call
    assert caught.value.retry_after == 31


async def test_retries_are_bounded(client, server, clock):
    call = asyncio.create_task(client.get(POD, "p", "n"))
    for attempt in range(11):
        (await server.next()).fail(429, details={"retryAfterSeconds": 1})
        if attempt < 10:
            await until(lambda at=attempt: clock.next_timer() == at + 1)
            await clock.advance(1)
    with pytest.raises(TooManyRequestsError):
        await call
    assert server.received == 11


class Rotating:
    """Credentials that can be renewed so many times."""

    def __init__(self, renewals):
        self._left = renewals
        self._last = Access("Bearer 0")
        self.refusals = 0

    async def access(self):
        return self._last

    def refused(self, access):
        self.refusals += 1
        if self._left:
            self._left -= 1
            self._last = Access(f"Bearer {self.refusals}")


async def test_a_401_leads_to_fresh_credentials_and_one_more_try(server):
    credentials = Rotating(renewals=1)
    config = ClusterConfig(server=server.url, credentials=credentials)
    async with Client(config) as client:
        call, request = await ask(server, client.get(NODE, "n"))
        assert request.headers["Authorization"] == "Bearer 0"
        request.fail(401, "Unauthorized")
        again = await server.next()
        assert again.headers["Authorization"] == "Bearer 1"
        again.reply({})
        await call


@pytest.mark.parametrize("renewals", [0, 5])
async def test_a_401_is_an_error_when_fresh_credentials_do_not_help(server, renewals):
    config = ClusterConfig(server=server.url, credentials=Rotating(renewals))
    async with Client(config) as client:
        call, request = await ask(server, client.get(NODE, "n"))
        request.fail(401, "Unauthorized")
        if renewals:
            (await server.next()).fail(401, "Unauthorized")
        with pytest.raises(UnauthorizedError):
            await call


async def test_a_server_behind_a_path_is_found(server):
    async with Client(ClusterConfig(server=f"{server.url}/k8s/clusters/c-1/")) as client:
        call, request = await ask(server, client.get(NODE, "n"))
        request.reply({})
        await call
    assert request.path == "/k8s/clusters/c-1/api/v1/nodes/n"


async def test_a_pod_s_log_is_bytes(client, server):
    call, request = await ask(
        server, client.pod_log("p", "n", container="main", tail_lines=5, limit_bytes=100)
    )
    request.reply(b"line\n\xff", content_type="text/plain")
    assert await call == b"line\n\xff"
    assert request.path == "/api/v1/namespaces/n/pods/p/log"
    assert request.query == {"container": "main", "tailLines": "5", "limitBytes": "100"}


async def test_a_followed_log_comes_as_it_is_written(client, server):
    log = client.follow_pod_log("p", "n", tail_lines=0)
    first, request = await ask(server, anext(log))
    assert request.query == {"follow": "true", "tailLines": "0"}
    await request.send(b"one\n")
    assert await first == b"one\n"
    await request.send(b"two\n")
    assert await anext(log) == b"two\n"
    request.end()
    with pytest.raises(StopAsyncIteration):
        await anext(log)


async def test_a_followed_log_may_be_silent_for_hours_before_its_first_word_too(
    client, server, clock
):
    log = client.follow_pod_log("p", "n")
    first, request = await ask(server, anext(log))
    await clock.advance(7_200)
    await request.send(b"one\n")
    assert await first == b"one\n"
    second = asyncio.create_task(anext(log))
    await clock.advance(7_200)
    await request.send(b"two\n")
    assert await second == b"two\n"
    await log.aclose()


async def test_another_form_of_the_answer_can_be_asked_for(client, server):
    call, request = await ask(server, client.request("GET", "/x", accept="text/plain"))
    request.reply(b"words")
    assert await call == b"words"
    assert request.headers["Accept"] == "text/plain"


async def test_an_address_where_nobody_listens_is_said_in_plain_words():
    async with Client(ClusterConfig(server="https://127.0.0.1:1")) as client:
        with pytest.raises(ConnectionFailedError) as error:
            await client.get(POD, "p", "n")
    assert str(error.value).endswith("cannot connect to 127.0.0.1:1: Connection refused")


async def test_requests_are_counted_by_code_and_timed(server, clock):
    metrics = Metrics()
    host = server.url.removeprefix("http://")
    async with Client(server.config(), clock=clock, metrics=metrics) as client:
        call, request = await ask(server, client.get(NODE, "n"))
        await clock.advance(2)
        request.fail(404, "NotFound")
        with pytest.raises(NotFoundError):
            await call
        call, request = await ask(server, client.patch(NODE, "n", {}))
        request.cut()
        with pytest.raises(ConnectionFailedError):
            await call

    def sample(name, **labels):
        return metrics.registry.get_sample_value(name, {"host": host, **labels})

    assert sample("rest_client_requests_total", code="404", method="GET") == 1
    assert sample("rest_client_requests_total", code="<error>", method="PATCH") == 1
    assert sample("rest_client_request_duration_seconds_sum", verb="GET") == 2
