"""When a controller listens to its caches, fed by hand."""

from __future__ import annotations

import asyncio
import json
from random import Random

import website_planner
from website_cluster import SITE

from mlctl_core.cache.entries import entry_of
from mlctl_core.cache.shared import SharedCaches
from mlctl_core.manager.wiring import CustomController, Surroundings, wire
from mlctl_core.reconcile.plan import Result
from mlctl_core.telemetry.metrics import Metrics
from mlctl_core.testing.clock import VirtualClock


class Noting:
    """A reconciler that notes what it was asked."""

    def __init__(self):
        self.keys = []

    async def reconcile(self, request):
        self.keys.append(request.key.name)
        return Result()


class Rig:
    def __init__(self):
        self.clock = VirtualClock()
        self.reconciler = Noting()
        self.caches = SharedCaches(None, clock=self.clock, random=Random(1))
        shared = Surroundings(
            client=None,
            caches=self.caches,
            clock=self.clock,
            random=Random(1),
            metrics=Metrics(),
            recorder=None,
            sink=lambda planner, stores: None,
        )
        custom = CustomController(
            kind=website_planner.Website, reconciler=lambda client, stores: self.reconciler
        )
        self.wired = wire(custom, shared)

    def appears(self, *names):
        """The cache of sites hears of new ones."""
        for name in names:
            metadata = {"name": name, "namespace": "n", "uid": name, "resourceVersion": "1"}
            raw = json.dumps({"metadata": metadata}).encode()
            self.caches.informer(SITE)._changed("", entry_of(raw))


async def test_a_standby_queues_nothing_and_a_leader_begins_with_all_that_is_there():
    rig = Rig()
    rig.appears("a", "b")
    assert rig.wired.queue.depth == 0
    work = asyncio.create_task(rig.wired.run())
    await rig.clock.settle()
    rig.appears("c")
    await rig.clock.settle()
    assert sorted(rig.reconciler.keys) == ["a", "b", "c"]
    rig.wired.queue.shut_down()
    await work
