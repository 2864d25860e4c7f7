"""What is left to do once a job has ended: its pods, and in time the job itself.

An ended job with nothing left gives the empty plan, so that a manager that starts with
thousands of them writes nothing. The pods of a job that succeeded get a moment to end by
themselves: one that is stopped just before its end looks as if it had failed, and to stop it
takes more writes than to let it be.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import attrs

from controllers.jobs.life import status
from controllers.jobs.life.deadlines import earliest, seconds_until
from controllers.jobs.life.release import release
from mlctl_core.objects.codec import encode
from mlctl_core.objects.conditions import find_condition
from mlctl_core.objects.times import parse_time
from mlctl_core.reconcile.plan import Delete, Plan

if TYPE_CHECKING:
    from datetime import datetime

    from controllers.jobs.job import Job, JobKind
    from controllers.jobs.life.gang import Gang
    from mlctl_core.objects.core import Pod
    from mlctl_core.reconcile.view import View

PEER_SECONDS = 2.0
"""How long pods may run on when their job has succeeded without them. The replicas of one program
mostly end within a second of each other; a parameter server, which never ends by itself, does not
hold its node for noticeably longer."""

_FINISHED = frozenset(("Succeeded", "Failed"))


def plan_ended(gang: Gang, view: View) -> Plan:
    """Let the pods go as cleanPodPolicy says, and delete the job when its time is up."""
    job = gang.job
    plan = _pods(gang, view)
    if job.status.observed_generation != job.metadata.generation:
        new = status.observed(job.status, job.metadata.generation)
        plan = attrs.evolve(plan, status=encode(new))
    if plan.patch or plan.delete:
        return plan
    return _expiry(job, gang.kind, view, plan)


def _pods(gang: Gang, view: View) -> Plan:
    kept: list[Pod] = []
    dropped = [*gang.past, *gang.surplus]
    patience, is_awaited = _patience(gang.job, view.now), False
    for pod in gang.current.values():
        if patience and pod.status.phase == "Running" and not pod.metadata.deleting:
            is_awaited = True
            continue
        # The policy is about what is left of pods. One that has not ended holds its node's
        # resources for a job that is over.
        is_kept = gang.job.spec.clean_pod_policy != "All" and pod.status.phase in _FINISHED
        (kept if is_kept else dropped).append(pod)
    plan = release(kept, dropped, view)
    if not is_awaited:
        return plan
    return attrs.evolve(plan, requeue_after=earliest([plan.requeue_after, patience]))


def _patience(job: Job, now: datetime) -> float:
    """For how many seconds pods may still run on; 0 for none.

    By the time at which the success was recorded: when the program ended is told by the clock of
    a node. More than all of it is left when a clock was set back.
    """
    succeeded = find_condition(job.status.conditions, "Succeeded")
    if succeeded is None or succeeded.status != "True":
        return 0.0
    since = parse_time(succeeded.last_transition_time)
    left = seconds_until(since + timedelta(seconds=PEER_SECONDS), now)
    return left if left <= PEER_SECONDS else 0.0


def _expiry(job: Job, kind: JobKind, view: View, plan: Plan) -> Plan:
    lifetime = job.spec.ttl_seconds_after_finished
    if lifetime is None or job.status.completion_time is None:
        return plan
    due = parse_time(job.status.completion_time) + timedelta(seconds=lifetime)
    if due > view.now:
        wait = earliest([plan.requeue_after, seconds_until(due, view.now)])
        return attrs.evolve(plan, requeue_after=wait)
    metadata = job.metadata
    deletion = Delete(
        kind=kind.kind, name=metadata.name, namespace=metadata.namespace, uid=metadata.uid
    )
    return Plan(delete=[deletion])
