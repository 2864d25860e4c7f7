"""Events are writes too: who does not lead makes none."""

from __future__ import annotations

import asyncio
import json

import attrs
import website_planner
from website_cluster import NS, OPTIONS, PATIENCE, SITE, established

from mlctl_core.clock import SystemClock, deadline
from mlctl_core.manager.manager import Manager
from mlctl_core.objects.kinds import EVENT, LEASE
from mlctl_core.objects.metadata import decode_metadata
from mlctl_core.objects.times import format_micro_time
from mlctl_core.telemetry.events import Note
from mlctl_core.testing.clock import VirtualClock


def dropped(manager):
    return sum(
        sample.value
        for family in manager.metrics.registry.collect()
        for sample in family.samples
        if sample.name == "mlctl_dropped_events_total"
    )


async def test_a_standby_records_no_events(cluster):
    await established(cluster)
    clock = VirtualClock(SystemClock().now())
    now = format_micro_time(clock.now())
    spec = {
        "holderIdentity": "another",
        "leaseDurationSeconds": 3600,
        "acquireTime": now,
        "renewTime": now,
    }
    await cluster.client.create(LEASE, {"metadata": {"name": OPTIONS.lease_name}, "spec": spec}, NS)
    site = await cluster.create_site()
    options = attrs.evolve(OPTIONS, leader_elect=True, metrics_address=None, health_address=None)
    manager = Manager(options, config=cluster.config, clock=clock).add(website_planner.plan)
    await manager.start()
    note = Note(
        kind=SITE,
        metadata=decode_metadata(json.dumps(site).encode()),
        type="Normal",
        reason="Tried",
        message="to say something",
        action="Test",
        controller="test",
    )
    async with deadline(SystemClock(), PATIENCE):
        await manager.wait_ready()
        manager._recorder.record(note)
        while not dropped(manager):
            await clock.advance(1)
            await asyncio.sleep(0.01)
    events = await cluster.client.list_all(EVENT, NS)
    assert [json.loads(raw)["reason"] for raw in events.items] == []
    await manager.stop()
