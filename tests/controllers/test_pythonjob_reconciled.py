"""The planner and what looks outside for it, under the runtime's own worker loop and clock."""

from __future__ import annotations

import asyncio
import io
import json
from contextlib import asynccontextmanager
from random import Random

import pytest
from job_world import START, World

from controllers.registry import PLANNERS
from mlctl_core.client.errors import ConnectionFailedError
from mlctl_core.objects.keys import ObjectKey
from mlctl_core.queue.workqueue import WorkQueue
from mlctl_core.reconcile.controller import Controller
from mlctl_core.reconcile.dry_run import Printer
from mlctl_core.reconcile.gate import Gate
from mlctl_core.reconcile.plan_reconciler import PlanReconciler
from mlctl_core.reconcile.sink import Written
from mlctl_core.telemetry.metrics import Metrics
from mlctl_core.testing.clock import VirtualClock

KEY = ObjectKey("default", "mnist")
HANGS = object()


class Kubelet:
    """Answers for logs: with bytes, an error, or not at all."""

    def __init__(self, clock, answer):
        self.clock = clock
        self.answer = answer
        self.asked = 0

    async def pod_log(self, *_, **__):
        self.asked += 1
        if self.answer is HANGS:
            await asyncio.get_running_loop().create_future()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class WritesAtOnce:
    """Carries out plans in the world, whose caches show each write when it is done."""

    def __init__(self, world):
        self.world = world

    async def execute(self, owner, plan, failures=()):
        changes = self.world.pending(plan)
        for change in changes:
            self.world.write(change)
        return [
            Written(
                kind=change.kind,
                key=change.key,
                uid=entry.metadata.uid,
                resource_version=entry.metadata.resource_version,
            )
            for change in changes
            if (entry := self.world.stores[change.kind].get(change.key))
        ]


class Rig:
    """One controller with one worker."""

    def __init__(self, world, answer, sink=None):
        assert world.now == START, "the clock begins with the world"
        self.world = world
        self.clock = VirtualClock(START)
        self.client = Kubelet(self.clock, answer)
        metrics = Metrics().controller("pythonjob")
        gate = Gate(world.stores, clock=self.clock, release=lambda key: None)
        reconciler = PlanReconciler(
            PLANNERS[0],
            stores=world.stores,
            sink=sink or WritesAtOnce(world),
            gate=gate,
            recorder=None,
            client=self.client,
            clock=self.clock,
            metrics=metrics,
        )
        self.controller = Controller(
            "pythonjob",
            reconciler,
            queue=WorkQueue(clock=self.clock),
            clock=self.clock,
            random=Random(1),
            metrics=metrics,
            gate=gate,
            concurrency=1,
        )

    @asynccontextmanager
    async def working(self):
        task = asyncio.create_task(self.controller.run())
        await asyncio.sleep(0)
        self.look()
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def look(self):
        self.controller.enqueue(KEY, "test")

    async def pass_time(self, seconds):
        for _ in range(seconds):
            await self.clock.advance(1)
            self.world.now = self.clock.now()


def ended():
    world = World()
    world.submit()
    world.settle()
    world.run()
    world.settle()
    world.finish(0)
    return world


async def test_the_log_is_read_and_the_result_recorded_at_once():
    rig = Rig(ended(), b"accuracy=0.97\n")
    async with rig.working():
        await rig.pass_time(1)
    assert rig.world.status.phase == "Succeeded"
    assert rig.world.status.metrics["accuracy"].value == "0.97"
    assert rig.client.asked == 1


@pytest.mark.parametrize("answer", [HANGS, ConnectionFailedError("no route")])
async def test_a_log_that_hangs_or_fails_for_ever_delays_a_result_by_half_a_minute(answer):
    rig = Rig(ended(), answer)
    async with rig.working():
        await rig.pass_time(29)
        assert rig.world.status.phase == "Running"
        await rig.pass_time(15)
    assert rig.world.status.phase == "Succeeded"
    assert "Its log could not be read: no " in rig.world.status.message
    assert 5 <= rig.client.asked <= 20


async def test_a_log_that_comes_late_is_still_read():
    rig = Rig(ended(), HANGS)
    async with rig.working():
        await rig.pass_time(10)
        rig.client.answer = b"accuracy=0.97\n"
        await rig.pass_time(10)
    assert rig.world.status.metrics["accuracy"].value == "0.97"


async def test_a_dry_run_prints_each_plan_once_and_rests():
    world, printed = World(), io.StringIO()
    world.submit()
    rig = Rig(world, b"", Printer(world.stores, printed))
    async with rig.working():
        await rig.pass_time(120)
    lines = [json.loads(line) for line in printed.getvalue().splitlines()]
    assert [line["do"] for line in lines] == ["patch"]
    assert world.writes == []
