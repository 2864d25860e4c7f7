from __future__ import annotations

import asyncio
import io
import json
from random import Random

from reconcile_objects import obj, owner, stores

from mlctl_core.objects.core import ConfigMap
from mlctl_core.objects.keys import ObjectKey
from mlctl_core.objects.kinds import CONFIG_MAP, POD
from mlctl_core.queue.workqueue import WorkQueue
from mlctl_core.reconcile.controller import Controller
from mlctl_core.reconcile.dry_run import Printer
from mlctl_core.reconcile.gate import Gate
from mlctl_core.reconcile.plan import Delete, EventNote, Patch, Plan
from mlctl_core.reconcile.plan_reconciler import PlanReconciler
from mlctl_core.reconcile.planner import planner
from mlctl_core.reconcile.rights import Use
from mlctl_core.telemetry.metrics import Metrics
from mlctl_core.testing.clock import VirtualClock

ME = obj(CONFIG_MAP, "owner")


async def printed(plan, *bodies):
    page = io.StringIO()
    assert await Printer(stores(*bodies), page).execute(owner(ME), plan) == ()
    return [json.loads(line) for line in page.getvalue().splitlines()]


async def test_every_write_is_a_line_that_names_the_object_and_what_would_happen_to_what():
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "new"}}
    plan = Plan(
        apply=[pod, {**pod, "metadata": {"name": "taken"}}],
        patch=[Patch(kind=POD, name="held", body={"metadata": {"finalizers": None}})],
        delete=[Delete(kind=POD, name="old")],
        status={"phase": "Running"},
        events=[EventNote("Normal", "Started", "it runs")],
    )
    held = obj(POD, "held", metadata={"finalizers": ["f"]})
    lines = await printed(plan, held, obj(POD, "old"), obj(POD, "taken"))
    assert {line["for"] for line in lines} == {"ConfigMap default/owner"}
    assert [(line["do"], line.get("object", line.get("reason"))) for line in lines] == [
        ("create", "default/new"),
        ("refuse", "default/taken"),
        ("patch", "default/held"),
        ("delete", "default/old"),
        ("patch", "default/owner"),
        ("event", "Started"),
    ]


async def test_what_changes_nothing_prints_nothing():
    assert await printed(Plan(requeue_after=5)) == []


async def test_a_plan_that_waits_to_see_its_own_writes_is_printed_once():
    clock, page, held = VirtualClock(), io.StringIO(), stores(ME)
    queue = WorkQueue(clock=clock)
    metrics = Metrics().controller("c")
    gate = Gate(held, clock=clock, release=queue.add)
    uses = [Use(CONFIG_MAP, "patch", subresource="status")]
    plan = planner(ConfigMap, uses=uses)(lambda obj, view: Plan(status={"a": 1}, requeue_after=0))
    reconciler = PlanReconciler(
        plan,
        stores=held,
        sink=Printer(held, page),
        gate=gate,
        recorder=None,
        client=None,
        clock=clock,
        metrics=metrics,
    )
    controller = Controller(
        "c", reconciler, queue=queue, clock=clock, random=Random(1), metrics=metrics, gate=gate
    )
    work = asyncio.create_task(controller.run())
    await clock.settle()
    controller.enqueue(ObjectKey("default", "owner"), "added")
    await clock.advance(60)
    queue.shut_down()
    await work
    assert len(page.getvalue().splitlines()) == 1
