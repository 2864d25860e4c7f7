"""A manager that dies at any of its writes is followed by one that finishes the work."""

from __future__ import annotations

import asyncio
import json

import pytest
from website_cluster import PATIENCE, SITE, ready_replicas, running, writes

from mlctl_core.client.client import Client
from mlctl_core.clock import SystemClock, deadline
from mlctl_core.manager import manager as manager_module
from mlctl_core.objects.kinds import DEPLOYMENT, SERVICE

# Deployment, Service, status.
WRITES = 3


class Dying(Client):
    """A client whose process dies at one of its writes, with or without the write done."""

    dies_at = 0
    dies_after = False

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.count = 0
        self.died = asyncio.Event()

    async def request(self, method, path, **options):
        if method == "GET" or "/events" in path:
            return await super().request(method, path, **options)
        self.count += 1
        if self.count < self.dies_at:
            return await super().request(method, path, **options)
        if self.count == self.dies_at and self.dies_after:
            await super().request(method, path, **options)
        self.died.set()
        await asyncio.Event().wait()
        return b""


@pytest.mark.parametrize("dies_after", [False, True], ids=["before", "answer lost"])
@pytest.mark.parametrize("dies_at", range(1, WRITES + 1))
async def test_the_next_manager_finishes_and_does_nothing_twice(
    cluster, monkeypatch, dies_at, dies_after
):
    monkeypatch.setattr(Dying, "dies_at", dies_at)
    monkeypatch.setattr(Dying, "dies_after", dies_after)
    monkeypatch.setattr(manager_module, "GRACE_SECONDS", 0)
    with monkeypatch.context() as patched:
        patched.setattr(manager_module, "Client", Dying)
        async with running(cluster.manager()) as first:
            await cluster.create_site(replicas=2)
            async with deadline(SystemClock(), PATIENCE):
                await first._clients[0].died.wait()
    survivors = await uids(cluster)
    async with running(cluster.manager()) as second:
        await cluster.when(SITE, ready_replicas(0))
        await cluster.when(SERVICE, lambda s: s["metadata"]["name"] == "shop")
        done_before = dies_at if dies_after else dies_at - 1
        assert writes(second) == WRITES - done_before
    assert {**await uids(cluster), **survivors} == await uids(cluster)
    assert len(await uids(cluster)) == 2


async def uids(cluster):
    """UIDs of the children that there are."""
    found = {}
    for kind in (DEPLOYMENT, SERVICE):
        for raw in (await cluster.client.list_all(kind)).items:
            metadata = json.loads(raw)["metadata"]
            if metadata.get("ownerReferences"):
                found[kind.name] = metadata["uid"]
    return found
