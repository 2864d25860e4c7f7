"""An API server with the Website kind, and ways to look at it and to wait for it."""

from __future__ import annotations

import json
from contextlib import aclosing, asynccontextmanager

import website_planner

from mlctl_core.client.client import Client
from mlctl_core.client.config import ClusterConfig
from mlctl_core.client.credentials import Access, StaticCredentials
from mlctl_core.clock import SystemClock, deadline
from mlctl_core.embedded.apiserver.server import ApiServer, ApiServerOptions
from mlctl_core.manager.args import BindAddress, ManagerOptions
from mlctl_core.manager.manager import Manager
from mlctl_core.objects.kinds import CRD, kind_of

SITE = kind_of(website_planner.Website)
NS = "default"
LOCAL = BindAddress("127.0.0.1", 0)
OPTIONS = ManagerOptions(
    metrics_address=LOCAL, health_address=LOCAL, lease_namespace=NS, lease_name="test"
)
# Far more than anything here takes; a hang should fail the test, not the run.
PATIENCE = 60


class Cluster:
    """An API server with the Website kind, and a client to look and meddle with."""

    def __init__(self, config, client):
        self.config = config
        self.client = client

    def manager(self, options=OPTIONS, plan=website_planner.plan):
        return Manager(options, config=self.config).add(plan)

    async def create_site(self, name="shop", **spec):
        body = {
            "apiVersion": SITE.api_version,
            "kind": SITE.name,
            "metadata": {"name": name},
            "spec": {"image": "nginx:1", **spec},
        }
        return json.loads(await self.client.create(SITE, body, NS))

    async def when(self, kind, wanted):
        """The first object of ``kind`` that is as wanted, now or later."""
        async with (
            deadline(SystemClock(), PATIENCE),
            aclosing(self.client.watch(kind, NS, send_initial_events=True)) as watched,
        ):
            async for event in watched:
                obj = json.loads(event.raw)
                if event.type in ("ADDED", "MODIFIED") and wanted(obj):
                    return obj
        raise AssertionError("the watch ended")

    async def get(self, kind, name):
        return json.loads(await self.client.get(kind, name, NS))


@asynccontextmanager
async def new_cluster():
    async with ApiServer(ApiServerOptions(tls=False)) as server:
        access = Access(authorization=f"Bearer {server.credentials().token}")
        config = ClusterConfig(server=server.url, credentials=StaticCredentials(access))
        async with Client(config) as client:
            made = Cluster(config, client)
            await client.create(CRD, website_planner.WEBSITE_CRD)
            await established(made)
            yield made


async def established(cluster, kind=SITE):
    async with (
        deadline(SystemClock(), PATIENCE),
        aclosing(cluster.client.watch(CRD, send_initial_events=True)) as watched,
    ):
        async for event in watched:
            definition = json.loads(event.raw)
            if definition["metadata"]["name"] != f"{kind.plural}.{kind.group}":
                continue
            conditions = (definition.get("status") or {}).get("conditions") or []
            if any(c["type"] == "Established" and c["status"] == "True" for c in conditions):
                return


@asynccontextmanager
async def running(manager):
    async with deadline(SystemClock(), PATIENCE), manager.running():
        await manager.wait_ready()
        yield manager


def writes(manager):
    """Requests of this manager so far that change something."""
    return sum(
        sample.value
        for family in manager.metrics.registry.collect()
        for sample in family.samples
        if sample.name == "rest_client_requests_total" and sample.labels["method"] != "GET"
    )


def ready_replicas(number):
    return lambda site: site.get("status", {}).get("readyReplicas") == number
