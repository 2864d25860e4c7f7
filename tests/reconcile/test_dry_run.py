from __future__ import annotations

import io
import json

from reconcile_objects import obj, owner, stores

from mlctl_core.objects.kinds import CONFIG_MAP, POD
from mlctl_core.reconcile.dry_run import Printer
from mlctl_core.reconcile.plan import Delete, EventNote, Patch, Plan

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
