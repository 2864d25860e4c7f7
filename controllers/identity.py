"""The controller of Identity: says whether jobs can use it, and until when.

No Secret is listed or watched: each that an identity names is asked for by its name, often until
the identity is ready and seldom from then on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from apis.v1alpha1.identity import Identity, IdentityStatus
from controllers.identities import verdict
from controllers.identities.facts import IdentityFacts
from mlctl_core.objects.codec import encode
from mlctl_core.objects.conditions import Condition, find_condition, is_true, set_condition
from mlctl_core.objects.kinds import CONFIG_MAP, SECRET, SERVICE_ACCOUNT
from mlctl_core.objects.times import format_time
from mlctl_core.reconcile.plan import EventNote, Plan
from mlctl_core.reconcile.planner import planner
from mlctl_core.reconcile.rights import Use

if TYPE_CHECKING:
    from datetime import datetime

    from controllers.identities.verdict import Problem
    from mlctl_core.reconcile.view import View

UNREADY_SECONDS = 30.0
"""How soon what was missing is found: a job may wait for it."""
READY_SECONDS = 600.0
"""How soon it is found that something is missing; jobs that run have their own copy."""


@planner(
    Identity,
    uses=[Use(SECRET, "get"), Use(CONFIG_MAP, "get"), Use(SERVICE_ACCOUNT, "get")],
)
def plan(identity: Identity, view: View) -> Plan:
    """What the status of an Identity should say, and when to look again."""
    if identity.metadata.deleting:
        return Plan()
    if not isinstance(view.facts, IdentityFacts):
        return Plan(requeue_after=UNREADY_SECONDS)
    problem = verdict.problem(identity.spec, view.facts, view.now)
    if problem and problem.is_unknown and _is_ready(identity):
        # A server that does not answer has not taken anything away.
        return Plan(requeue_after=UNREADY_SECONDS)
    new = _status(identity, problem, view.facts, view.now)
    ready = is_true(new.conditions, "Ready")
    return Plan(
        status=encode(new),
        events=_told(identity, problem),
        requeue_after=READY_SECONDS if ready else UNREADY_SECONDS,
    )


def _is_ready(identity: Identity) -> bool:
    status = identity.status
    current = status.observed_generation == identity.metadata.generation
    return current and is_true(status.conditions, "Ready")


def _status(
    identity: Identity, problem: Problem | None, facts: IdentityFacts, now: datetime
) -> IdentityStatus:
    ready = Condition(
        type="Ready",
        status="False" if problem else "True",
        reason=problem.reason if problem else "Complete",
        message=problem.message if problem else "All that it names is there.",
        last_transition_time=format_time(now),
    )
    expires = verdict.expires(facts)
    soon = expires is not None and expires <= now + verdict.EXPIRING
    expiring = Condition(
        type="Expiring",
        status="True" if soon else "False",
        reason="EndsSoon" if soon else "EndsLaterOrNever",
        message=f"The first of its credentials ends at {format_time(expires)}."
        if expires
        else "None of its credentials says when it ends.",
        last_transition_time=format_time(now),
    )
    conditions = set_condition(identity.status.conditions, ready)
    return attrs.evolve(
        identity.status,
        observed_generation=identity.metadata.generation,
        conditions=set_condition(conditions, expiring),
        expires_at=format_time(expires) if expires else None,
    )


def _told(identity: Identity, problem: Problem | None) -> tuple[EventNote, ...]:
    """A warning for each new problem."""
    if problem is None:
        return ()
    before = find_condition(identity.status.conditions, "Ready")
    if before and before.reason == problem.reason and before.status == "False":
        return ()
    return (EventNote("Warning", problem.reason, problem.message),)
