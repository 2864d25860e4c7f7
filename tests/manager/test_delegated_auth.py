from __future__ import annotations

import asyncio
import json
from http import HTTPStatus

import pytest

from mlctl_core.client.client import Client
from mlctl_core.manager.delegated_auth import (
    ALLOWED_SECONDS,
    DENIED_SECONDS,
    MAX_REVIEWS,
    MEMORY,
    REVIEW_SECONDS,
    TOKEN_SECONDS,
    DelegatedAuth,
)
from mlctl_core.testing.clock import VirtualClock
from mlctl_core.testing.scripted_server import ScriptedServer

USER = {
    "username": "system:serviceaccount:monitoring:prometheus",
    "uid": "u",
    "groups": ["system:serviceaccounts"],
    "extra": {"authentication.kubernetes.io/pod-name": ["prometheus-0"]},
}
LET_IN = None
KNOWN = {"authenticated": True, "user": USER}
UNKNOWN = {"authenticated": False, "error": "[invalid bearer token]"}


class Rig:
    def __init__(self, server, client, clock):
        self.server = server
        self.clock = clock
        self.auth = DelegatedAuth(client, clock=clock)

    def ask(self, authorization="Bearer secret", verb="get"):
        return asyncio.create_task(self.auth.refusal(authorization, verb, "/metrics"))

    async def review(self, status):
        """Answer the next review, and return what it asked."""
        exchange = await self.server.next()
        exchange.reply({"status": status}, status=201)
        return exchange.path, json.loads(exchange.body)

    async def verdict(self, token=KNOWN, access=None, **options):
        """One scrape, for which these reviews are asked."""
        asked = self.ask(**options)
        await self.review(token)
        if access is not None:
            await self.review(access)
        return await asked


@pytest.fixture
async def rig():
    clock = VirtualClock()
    async with ScriptedServer() as server, Client(server.config(), clock=clock) as client:
        yield Rig(server, client, clock)


async def test_who_is_known_and_allowed_is_let_in(rig):
    asked = rig.ask()
    path, review = await rig.review(KNOWN)
    assert path == "/apis/authentication.k8s.io/v1/tokenreviews"
    assert review["spec"] == {"token": "secret"}
    path, review = await rig.review({"allowed": True})
    assert path == "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    assert review["spec"] == {
        "user": USER["username"],
        "uid": "u",
        "groups": USER["groups"],
        "extra": USER["extra"],
        "nonResourceAttributes": {"verb": "get", "path": "/metrics"},
    }
    assert await asked is LET_IN


@pytest.mark.parametrize("header", ["", "Basic dTpw", "Bearer", "Bearer   ", "secret"])
async def test_without_a_token_nobody_is_asked_and_nobody_let_in(rig, header):
    assert await rig.ask(header) is HTTPStatus.UNAUTHORIZED
    assert rig.server.received == 0


async def test_a_token_that_nobody_knows_is_401(rig):
    assert await rig.verdict(UNKNOWN) is HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize("status", [{}, {"user": USER}, {"authenticated": "true", "user": USER}])
async def test_only_a_plain_yes_is_a_yes_to_a_token(rig, status):
    assert await rig.verdict(status) is HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize("status", [{}, {"allowed": False}, {"allowed": "true"}, {"denied": True}])
async def test_who_is_known_and_not_allowed_is_403(rig, status):
    assert await rig.verdict(access=status) is HTTPStatus.FORBIDDEN


@pytest.mark.parametrize("status", [403, 404, 500, 503])
@pytest.mark.parametrize("review", [0, 1])
async def test_a_review_that_is_refused_is_500_and_lets_nobody_in(rig, status, review):
    asked = rig.ask()
    for _ in range(review):
        await rig.review(KNOWN)
    (await rig.server.next()).fail(status)
    assert await asked is HTTPStatus.INTERNAL_SERVER_ERROR


async def test_an_answer_that_is_no_review_is_500(rig):
    asked = rig.ask()
    (await rig.server.next()).reply({"kind": "Table"}, status=201)
    assert await asked is HTTPStatus.INTERNAL_SERVER_ERROR


async def test_a_server_that_hangs_is_500_before_a_scraper_gives_up(rig):
    asked = rig.ask()
    await rig.server.next()
    await rig.clock.advance(REVIEW_SECONDS)
    assert await asked is HTTPStatus.INTERNAL_SERVER_ERROR


async def test_a_failure_is_not_remembered(rig):
    asked = rig.ask()
    (await rig.server.next()).fail(500)
    await asked
    assert await rig.verdict(access={"allowed": True}) is LET_IN


async def test_scrapes_that_follow_ask_nobody(rig):
    await rig.verdict(access={"allowed": True})
    await rig.clock.advance(TOKEN_SECONDS - 1)
    assert await rig.ask() is LET_IN
    assert rig.server.received == 2


async def test_a_token_that_was_revoked_is_noticed_within_a_minute(rig):
    await rig.verdict(access={"allowed": True})
    await rig.clock.advance(TOKEN_SECONDS)
    assert await rig.verdict(UNKNOWN) is HTTPStatus.UNAUTHORIZED


async def test_a_right_that_was_taken_away_is_noticed_within_five_minutes(rig):
    await rig.verdict(access={"allowed": True})
    await rig.clock.advance(ALLOWED_SECONDS - 1)
    assert await rig.verdict(KNOWN) is LET_IN
    await rig.clock.advance(1)
    asked = rig.ask()
    await rig.review({"allowed": False})
    assert await asked is HTTPStatus.FORBIDDEN


async def test_a_right_that_was_given_is_noticed_within_half_a_minute(rig):
    await rig.verdict(access={"allowed": False})
    assert await rig.ask() is HTTPStatus.FORBIDDEN
    await rig.clock.advance(DENIED_SECONDS)
    asked = rig.ask()
    await rig.review({"allowed": True})
    assert await asked is LET_IN


async def test_what_one_may_is_not_what_another_may(rig):
    await rig.verdict(access={"allowed": True})
    other = {"authenticated": True, "user": {**USER, "groups": []}}
    refusal = await rig.verdict(other, {"allowed": False}, authorization="Bearer other")
    assert refusal is HTTPStatus.FORBIDDEN


async def test_what_one_may_get_is_not_what_one_may_post(rig):
    await rig.verdict(access={"allowed": True})
    asked = rig.ask(verb="post")
    await rig.review({"allowed": False})
    assert await asked is HTTPStatus.FORBIDDEN


async def test_whoever_tries_tokens_costs_little_memory_and_few_requests_at_once(rig):
    tries = [rig.ask(f"Bearer {number}") for number in range(2 * MEMORY)]
    for _ in tries:
        exchange = await rig.server.next()
        assert rig.server.waiting < MAX_REVIEWS
        exchange.reply({"status": UNKNOWN}, status=201)
    assert set(await asyncio.gather(*tries)) == {HTTPStatus.UNAUTHORIZED}
    assert len(rig.auth._users._answers) == MEMORY


async def test_no_token_is_kept_or_logged(rig, caplog, capsys):
    asked = rig.ask("Bearer CANARY")
    (await rig.server.next()).fail(500, "InternalError", message="no")
    await asked
    await rig.verdict(access={"allowed": True}, authorization="Bearer CANARY")
    kept = repr((rig.auth._users._answers, rig.auth._verdicts._answers))
    told = capsys.readouterr()
    assert "CANARY" not in kept + told.out + told.err + caplog.text
