"""What a standby knows when it begins to lead, against the embedded API server."""

from __future__ import annotations

import asyncio

import attrs
import pytest
import website_planner
from website_cluster import NS, OPTIONS, PATIENCE, SITE, ready_replicas, running

from mlctl_core.client.config import ClusterConfig
from mlctl_core.clock import SystemClock, deadline
from mlctl_core.objects.kinds import DEPLOYMENT, LEASE, SERVICE
from mlctl_core.reconcile.planner import planner
from mlctl_core.testing.proxy import FaultProxy

PATHS = {kind.path() for kind in (SITE, DEPLOYMENT, SERVICE)}
ELECTED = attrs.evolve(OPTIONS, leader_elect=True)


def lists(proxy):
    """How often each kind was listed, by path."""
    asked = [request.split()[1] for request in proxy.requests if "sendInitialEvents" in request]
    paths = [path.partition("?")[0] for path in asked]
    return {path: paths.count(path) for path in paths}


@pytest.fixture(autouse=True)
async def patience():
    async with deadline(SystemClock(), PATIENCE):
        yield


@pytest.fixture
async def proxy(cluster):
    async with FaultProxy(cluster.config) as started:
        yield started


@pytest.fixture
def through_the_proxy(cluster, proxy):
    cluster.config = ClusterConfig(server=proxy.url)
    return cluster


async def test_it_has_seen_all_that_the_last_leader_wrote_however_far_its_watches_lag(
    cluster, proxy
):
    seen = asyncio.Queue()

    def plan(site, view):
        observed = view.owned("apps/v1/Deployment", name=site.metadata.name)
        seen.put_nowait((site.metadata.name, observed is not None, site.status.ready_replicas))
        return website_planner.plan(site, view)

    leader = cluster.manager(ELECTED)
    await leader.start()
    await cluster.when(LEASE, lambda lease: lease["spec"]["holderIdentity"])
    standby = planner(website_planner.Website, owns=["apps/v1/Deployment", "v1/Service"])(plan)
    direct, cluster.config = cluster.config, ClusterConfig(server=proxy.url)
    async with running(cluster.manager(ELECTED, plan=standby)):
        cluster.config = direct
        proxy.freeze_watches()
        await cluster.create_site()
        await cluster.when(SITE, ready_replicas(0))
        status = {"status": {"readyReplicas": 1, "replicas": 1}}
        await cluster.client.patch(DEPLOYMENT, "shop", status, NS, subresource="status")
        await cluster.when(SITE, ready_replicas(1))
        await leader.stop()
        assert await seen.get() == ("shop", True, 1)
    assert lists(proxy) == dict.fromkeys(PATHS, 2)


async def test_who_leads_from_the_start_lists_once(through_the_proxy, proxy):
    async with running(through_the_proxy.manager(ELECTED)):
        await through_the_proxy.create_site()
        await through_the_proxy.when(SITE, ready_replicas(0))
    assert lists(proxy) == dict.fromkeys(PATHS, 1)


async def test_so_does_who_follows_a_leader_that_gave_the_lease_back_before(
    through_the_proxy, proxy
):
    for _ in range(2):
        proxy.requests.clear()
        async with running(through_the_proxy.manager(ELECTED)):
            await through_the_proxy.when(LEASE, lambda lease: lease["spec"]["holderIdentity"])
        assert lists(proxy) == dict.fromkeys(PATHS, 1)
