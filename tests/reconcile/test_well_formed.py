"""What is said of a planner that returns no plan."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mlctl_core.reconcile.changes import PlanError
from mlctl_core.reconcile.plan import EventNote, Plan
from mlctl_core.reconcile.well_formed import refuse_malformed

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (None, "the planner returned None: each way through it must return a Plan"),
        ([POD], "the planner returned a list instead of a Plan"),
        (Plan(apply=["Pod"]), "Plan.apply takes objects as dicts, not a str"),
        (Plan(apply=[{"kind": "Pod"}]), "metadata of an object in Plan.apply takes a dict"),
        (Plan(patch=[POD]), "Plan.patch takes Patch objects, not a dict"),
        (Plan(delete=["p"]), "Plan.delete takes Delete objects, not a str"),
        (Plan(events=["Started"]), "Plan.events takes EventNote objects, not a str"),
        (Plan(status="Ready"), "Plan.status takes the whole status as a dict, not a str"),
        (Plan(requeue_after=timedelta(5)), "Plan.requeue_after takes seconds, not a timedelta"),
        (Plan(requeue_after=-1), "Plan.requeue_after takes seconds from now on, not -1"),
        (Plan(requeue_after=float("nan")), "not nan"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(returned, words):
    with pytest.raises(PlanError) as raised:
        refuse_malformed(returned)
    assert words in str(raised.value)


def test_a_plan_is_a_plan():
    refuse_malformed(Plan())
    note = EventNote("Normal", "Started", "it runs")
    refuse_malformed(Plan(apply=[POD], status={}, requeue_after=0, events=[note]))
