from __future__ import annotations

import asyncio

import pytest

from mlctl_core.client.client import Client
from mlctl_core.client.errors import LeaseLostError, TooManyRequestsError
from mlctl_core.clock import SystemClock
from mlctl_core.objects.kinds import POD
from mlctl_core.testing.clock import VirtualClock
from mlctl_core.testing.scripted_server import ScriptedServer, status_body

BODY = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}
WRITES = {
    "create": lambda client: client.create(POD, BODY, "n"),
    "apply": lambda client: client.apply(
        POD, {**BODY, "metadata": {"name": "p", "namespace": "n"}}, field_manager="m"
    ),
    "patch": lambda client: client.patch(POD, "p", {}, "n"),
    "replace": lambda client: client.replace(
        POD, {**BODY, "metadata": {"name": "p", "namespace": "n"}}
    ),
    "delete": lambda client: client.delete(POD, "p", "n"),
}


class Guard:
    """Lets through until it is told otherwise, or as often as it is told, and counts."""

    def __init__(self):
        self.holds = True
        self.allows = None
        self.asked = 0

    def __call__(self):
        self.asked += 1
        if not self.holds or (self.allows is not None and self.asked > self.allows):
            raise LeaseLostError("another may lead")


@pytest.fixture
async def server():
    async with ScriptedServer() as running:
        yield running


@pytest.fixture
def guard():
    return Guard()


@pytest.fixture
def clock():
    return SystemClock()


@pytest.fixture
async def client(server, guard, clock):
    async with Client(server.config(), guard=guard, clock=clock) as made:
        yield made


@pytest.mark.parametrize("verb", WRITES)
async def test_a_write_that_the_guard_stops_is_never_sent(server, client, guard, verb):
    guard.holds = False
    with pytest.raises(LeaseLostError):
        await WRITES[verb](client)
    assert server.received == 0


async def test_reads_go_on_without_it(server, client, guard):
    guard.holds = False
    reading = asyncio.create_task(client.get(POD, "p", "n"))
    (await server.next()).reply(BODY)
    await reading
    assert guard.asked == 0


@pytest.mark.parametrize("verb", WRITES)
async def test_a_write_whose_lease_is_lost_before_its_bytes_go_out_is_never_sent(
    server, client, guard, verb
):
    """As of a process that was stopped right after the guard had let the write through."""
    guard.allows = 1
    with pytest.raises(LeaseLostError, match="another may lead"):
        await WRITES[verb](client)
    assert server.received == 0
    guard.allows = None
    writing = asyncio.create_task(WRITES[verb](client))
    (await server.next()).reply(BODY)
    await writing


@pytest.mark.parametrize("verb", WRITES)
async def test_the_guard_is_asked_before_each_write_and_when_it_goes_out(
    server, client, guard, verb
):
    writing = asyncio.create_task(WRITES[verb](client))
    (await server.next()).reply(BODY)
    await writing
    assert guard.asked == 2


class TestWaiting:
    @pytest.fixture
    def clock(self):
        return VirtualClock()

    async def test_a_write_that_the_server_put_off_is_not_repeated_by_who_lost_the_lease(
        self, server, client, guard, clock
    ):
        writing = asyncio.create_task(client.create(POD, BODY, "n"))
        exchange = await server.next()
        exchange.reply(
            status_body(429, "TooManyRequests"), status=429, headers={"Retry-After": "5"}
        )
        while not clock.sleepers:
            await asyncio.sleep(0)
        guard.holds = False
        await clock.advance(5)
        with pytest.raises(LeaseLostError) as stopped:
            await writing
        assert not isinstance(stopped.value, TooManyRequestsError)
        assert server.received == 1


async def test_a_delete_whose_connection_broke_is_not_repeated_by_who_lost_the_lease(
    server, client, guard
):
    deleting = asyncio.create_task(client.delete(POD, "p", "n"))
    exchange = await server.next()
    guard.holds = False
    exchange.cut()
    with pytest.raises(LeaseLostError):
        await deleting
    assert server.received == 1
