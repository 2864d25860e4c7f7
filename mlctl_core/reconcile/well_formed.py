"""Whether what a planner returned is a plan at all.

Says in one line what is wrong, before an attribute that is missing says it from the depths of
the writer. Types are checked as far as the plan goes; objects are for the server to judge.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from mlctl_core.reconcile.changes import PlanError
from mlctl_core.reconcile.plan import Delete, EventNote, Patch, Plan


def refuse_malformed(plan: object) -> None:
    """Check what a planner returned.

    Raises:
        PlanError: it is no `Plan`, or one of its fields holds something else than it should.
    """
    if plan is None:
        raise PlanError("the planner returned None: each way through it must return a Plan")
    if not isinstance(plan, Plan):
        raise PlanError(f"the planner returned a {type(plan).__name__} instead of a Plan")
    for body in plan.apply:
        _expect("Plan.apply", body, Mapping, "objects as dicts")
        _expect("metadata of an object in Plan.apply", body.get("metadata"), Mapping, "a dict")
    for patch in plan.patch:
        _expect("Plan.patch", patch, Patch, "Patch objects")
    for delete in plan.delete:
        _expect("Plan.delete", delete, Delete, "Delete objects")
    for event in plan.events:
        _expect("Plan.events", event, EventNote, "EventNote objects")
    if plan.status is not None:
        _expect("Plan.status", plan.status, Mapping, "the whole status as a dict")
    if plan.requeue_after is not None:
        _refuse_no_time(plan.requeue_after)


def _expect(where: str, value: object, wanted: type, what: str) -> None:
    if not isinstance(value, wanted):
        raise PlanError(f"{where} takes {what}, not a {type(value).__name__}")


def _refuse_no_time(seconds: object) -> None:
    if not isinstance(seconds, int | float):
        raise PlanError(f"Plan.requeue_after takes seconds, not a {type(seconds).__name__}")
    if not isfinite(seconds) or seconds < 0:
        raise PlanError(f"Plan.requeue_after takes seconds from now on, not {seconds}")
