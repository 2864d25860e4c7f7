"""The Lease over real HTTP, with the time in the test's hand."""

from __future__ import annotations

import asyncio
import json
from functools import wraps
from random import Random

import attrs
import pytest
import website_planner
from relay import relaying
from website_cluster import NS, OPTIONS, PATIENCE, SITE, ready_replicas

from mlctl_core.client.client import Client
from mlctl_core.client.errors import LeaseLostError
from mlctl_core.clock import SystemClock, deadline
from mlctl_core.manager.leader import RENEW_SECONDS, RETRY_SECONDS, Elector
from mlctl_core.manager.manager import Manager
from mlctl_core.objects.kinds import LEASE
from mlctl_core.telemetry.metrics import Metrics
from mlctl_core.testing.clock import VirtualClock


def in_time(test):
    """A test that hangs fails; a fixture could not do that, it runs in a task of its own."""

    @wraps(test)
    async def bounded(*args, **fixtures):
        async with deadline(SystemClock(), PATIENCE):
            await test(*args, **fixtures)

    return bounded


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
async def relay(cluster):
    async with relaying(cluster.config.server) as running:
        yield running


@pytest.fixture
def through_the_relay(cluster, relay):
    return attrs.evolve(cluster.config, server=relay.url)


@pytest.fixture
async def elector(through_the_relay, clock):
    async with Client(through_the_relay, clock=clock) as client:
        yield Elector(
            client,
            name="test",
            namespace=NS,
            identity="me",
            clock=clock,
            random=Random(1),
            metrics=Metrics(),
        )


async def renewed(cluster, clock, holding):
    """Let the Lease be renewed once, and the holder wait for the next time."""
    before = (await cluster.get(LEASE, "test"))["spec"]["renewTime"]
    await clock.advance(RETRY_SECONDS)
    await cluster.when(LEASE, lambda lease: lease["spec"]["renewTime"] > before)
    while not clock.sleepers:
        assert not holding.done()
        await asyncio.sleep(0)


@pytest.mark.parametrize("headers_only", [False, True])
@in_time
async def test_it_is_given_up_at_the_renew_deadline_however_the_server_hangs(
    cluster, relay, elector, clock, headers_only
):
    await elector.acquire()
    holding = asyncio.create_task(elector.hold())
    await clock.settle()
    await renewed(cluster, clock, holding)
    relay.hang(headers_only=headers_only)
    await clock.advance(RENEW_SECONDS - 0.1)
    elector.guard()
    assert not holding.done()
    await clock.advance(0.1)
    with pytest.raises(LeaseLostError):
        elector.guard()
    with pytest.raises(LeaseLostError):
        await holding


@in_time
async def test_a_standby_survives_a_server_that_hangs_and_leads_when_it_is_back(
    relay, elector, clock
):
    relay.hang()
    acquiring = asyncio.create_task(elector.acquire())
    for _ in range(20):
        await clock.advance(5)
    assert not acquiring.done()
    relay.flow()
    while not acquiring.done():
        await clock.advance(1)
        await asyncio.sleep(0.01)
    await acquiring
    elector.guard()


@in_time
async def test_giving_it_back_to_a_server_that_hangs_takes_no_longer_than_a_request(
    relay, elector, clock
):
    await elector.acquire()
    relay.hang()
    releasing = asyncio.create_task(elector.release())
    await clock.settle()
    await clock.advance(5)
    await releasing
    with pytest.raises(LeaseLostError):
        elector.guard()


class TestManager:
    @pytest.fixture
    async def manager(self, cluster, through_the_relay, clock):
        options = attrs.evolve(
            OPTIONS, leader_elect=True, metrics_address=None, health_address=None
        )
        made = Manager(options, config=through_the_relay, clock=clock).add(website_planner.plan)
        await made.start()
        yield made
        await made.stop()

    @pytest.fixture
    async def leader(self, manager, cluster):
        async with deadline(SystemClock(), PATIENCE):
            await manager.wait_ready()
        await cluster.when(LEASE, lambda lease: lease["spec"]["holderIdentity"])
        await cluster.create_site("first")
        await cluster.when(SITE, ready_replicas(0))
        return manager

    @pytest.mark.parametrize("headers_only", [False, True])
    @in_time
    async def test_a_leader_of_a_server_that_hangs_ends_with_an_error_and_writes_nothing_more(
        self, cluster, relay, leader, clock, headers_only
    ):
        relay.hang(headers_only=headers_only)
        before = await sites_and_children(cluster)
        await clock.advance(RENEW_SECONDS + RETRY_SECONDS)
        await leader._ended.wait()
        assert isinstance(leader._error, LeaseLostError)
        stopping = asyncio.create_task(leader.stop())
        relay.flow()
        await stopping
        assert await sites_and_children(cluster) == before

    @in_time
    async def test_what_is_being_worked_on_when_the_lease_is_lost_is_cut_off(
        self, cluster, through_the_relay, clock
    ):
        looking = asyncio.Event()

        async def observe(site, view, client):
            looking.set()
            await asyncio.Event().wait()

        options = attrs.evolve(
            OPTIONS, leader_elect=True, metrics_address=None, health_address=None
        )
        plan = attrs.evolve(website_planner.plan, observe=observe)
        manager = Manager(options, config=through_the_relay, clock=clock).add(plan)
        await manager.start()
        await cluster.create_site()
        await looking.wait()
        patch = {"spec": {"holderIdentity": "somebody else"}}
        await cluster.client.patch(LEASE, "test", patch, NS)
        await clock.advance(RETRY_SECONDS)
        await manager._ended.wait()
        # No time passes any more: a stop that waited for the worker would never return.
        await manager.stop()
        assert isinstance(manager._error, LeaseLostError)
        lease = await cluster.get(LEASE, "test")
        assert lease["spec"]["holderIdentity"] == "somebody else"


async def sites_and_children(cluster):
    """All that a manager writes, in the versions that it has."""
    kinds = (SITE, *website_planner.plan.owns)
    pages = [await cluster.client.list_all(kind, NS) for kind in kinds]
    return {
        (str(kind), obj["metadata"]["name"]): obj["metadata"]["resourceVersion"]
        for kind, page in zip(kinds, pages, strict=True)
        for obj in map(json.loads, page.items)
    }
