"""Putting things on record: the status of a job as a plan, and the end of an attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from controllers.jobs import logs
from controllers.jobs.events import transition
from controllers.jobs.facts import Facts, Wanted
from controllers.jobs.life import (
    charges,
    deadlines,
    program_gpus,
    progress,
    released,
    replicas,
    restarts,
    status,
)
from controllers.jobs.life.deadlines import earliest
from controllers.jobs.life.outcome import Outcome
from mlctl_core.objects.codec import encode
from mlctl_core.reconcile.plan import Plan

if TYPE_CHECKING:
    from datetime import datetime

    from apis.v1alpha1.status import JobStatus
    from controllers.jobs.facts import Output
    from controllers.jobs.life.gang import Gang, Place
    from controllers.jobs.life.verdict import Verdict
    from mlctl_core.objects.core import Pod
    from mlctl_core.reconcile.view import View


def change(gang: Gang, new: JobStatus, now: datetime) -> Plan:
    """Write ``new`` as the job's status, with a warning if it takes a turn for the worse."""
    job = gang.job
    new = program_gpus.recounted(gang, new, now)
    current = status.observed(replicas.counted(new, gang), job.metadata.generation)
    current = attrs.evolve(current, links=gang.kind.links(job, current))
    written, wait = replicas.deferred(job.status, current, now)
    events = transition(job.status, written)
    return Plan(status=encode(written), events=events, requeue_after=wait)


def commit(gang: Gang, new: JobStatus, now: datetime) -> Plan:
    """Write ``new``, and look again once it is seen: what follows from it needs it on record."""
    return attrs.evolve(change(gang, new, now), requeue_after=0)


def later(plan: Plan, *waits: float | None) -> Plan:
    """``plan``, with a look after the shortest of these waits at the latest."""
    return attrs.evolve(plan, requeue_after=earliest((plan.requeue_after, *waits)))


def conclude(gang: Gang, verdict: Verdict, view: View, *, since: JobStatus | None = None) -> Plan:
    """Record an end: the job is over, or another attempt follows, or one pod is replaced.

    ``since`` is the status so far, where it has got on since it was read.
    """
    job, outcome, pod, now = gang.job, verdict.outcome, verdict.pod, view.now
    facts = view.facts if isinstance(view.facts, Facts) else Facts()
    output = _of(pod, facts.output)
    if pod and _is_log_awaited(pod, outcome, output):
        return Plan(requeue_after=logs.RETRY_SECONDS)
    teller, telling = _teller(gang, verdict), output
    if verdict.pod_name != gang.decisive[0].name:
        telling = _of(teller, facts.metrics)
    if teller and logs.is_awaited(telling):
        return Plan(requeue_after=logs.RETRY_SECONDS)
    told = logs.explained(outcome, output, job, gang.kind)
    so_far = since or job.status
    is_last = _is_last(gang, so_far, told, verdict)
    if verdict.alone and not is_last and released.room(so_far):
        role = gang.places[verdict.pod_name].role
        if pod:
            charged = charges.released(so_far, pod, told.ended)
        else:
            charged = charges.vanished(so_far, role, told.ended)
        uid = pod.metadata.uid if pod else ""
        again = status.replaced(charged, told, verdict.pod_name, uid, now)
        return commit(gang, again, now)
    charged = charges.attempt(gang, so_far, told.ended)
    metrics = logs.metrics_of(telling, told.ended)
    if is_last:
        by_deadline = told.reason in deadlines.REASONS
        final = told if by_deadline else restarts.final(job.spec, told, verdict.policy)
        return commit(gang, status.ended(charged, final, metrics, now), now)
    again = status.restarting(charged, told, verdict.pod_name, now)
    if deadlines.is_spent(job.spec, again):
        late = deadlines.out_of_time(job.spec, told.ended)
        return commit(gang, status.ended(charged, late, metrics, now), now)
    return commit(gang, again, now)


def questions(gang: Gang, verdict: Verdict) -> Wanted:
    """The logs that tell of an end: that of the pod that decided, and the one with the metrics."""
    pod = verdict.pod
    container = logs.wanted(pod, verdict.outcome) if pod else None
    if container is None:
        return Wanted(metrics_of=_teller(gang, verdict))
    return Wanted(log_of=pod, container=container, metrics_of=_teller(gang, verdict))


def vanished(place: Place, now: datetime) -> Outcome:
    """The end of a pod that was seen and is not there any more."""
    message = f"Pod {place.name} is gone without a result: it was removed by somebody else."
    return Outcome("infrastructure", "PodDeleted", message, now)


def _is_last(gang: Gang, so_far: JobStatus, outcome: Outcome, verdict: Verdict) -> bool:
    if outcome.succeeded or outcome.reason in deadlines.REASONS:
        return True
    return not restarts.may_restart(gang.job.spec, so_far, outcome, verdict.policy)


def _teller(gang: Gang, verdict: Verdict) -> Pod | None:
    """The pod that has the metrics of a job which ends by the failure of another."""
    first = gang.decisive[0].name
    pod = gang.current.get(first)
    if pod is None or verdict.pod_name == first or progress.started(pod) is None:
        return None
    return pod if _is_last(gang, gang.job.status, verdict.outcome, verdict) else None


def _of(pod: Pod | None, output: Output | None) -> Output | None:
    return output if output and pod and output.pod_uid == pod.metadata.uid else None


def _is_log_awaited(pod: Pod, outcome: Outcome, output: Output | None) -> bool:
    if outcome.reason in deadlines.REASONS or logs.wanted(pod, outcome) is None:
        return False
    return logs.is_awaited(output)
