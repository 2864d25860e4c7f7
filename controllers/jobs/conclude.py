"""Putting things on record: the status of a job as a plan, and the end of an attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from controllers.jobs import attempts, deadlines, logs, names, progress, status
from controllers.jobs.events import transition
from controllers.jobs.facts import Facts
from controllers.jobs.job import ROLE
from controllers.jobs.outcome import Outcome
from mlctl_core.objects.codec import encode
from mlctl_core.objects.times import parse_time
from mlctl_core.reconcile.plan import Plan

if TYPE_CHECKING:
    from datetime import datetime

    from apis.v1alpha1.status import JobStatus
    from controllers.jobs.facts import Output
    from controllers.jobs.job import Job, JobKind
    from mlctl_core.objects.core import Pod
    from mlctl_core.reconcile.view import View


def change(job: Job, new: JobStatus) -> Plan:
    """Write ``new`` as the job's status, with a warning if it takes a turn for the worse."""
    current = status.observed(new, job.metadata.generation)
    return Plan(status=encode(current), events=transition(job.status, new))


def commit(job: Job, new: JobStatus) -> Plan:
    """Write ``new``, and look again once it is seen: what follows from it needs it on record."""
    return attrs.evolve(change(job, new), requeue_after=0)


def conclude(
    job: Job,
    kind: JobKind,
    pod: Pod | None,
    outcome: Outcome,
    view: View,
    *,
    since: JobStatus | None = None,
) -> Plan:
    """Record how an attempt ended: the job is over, or another attempt follows.

    ``since`` is the status so far, where it has got on since it was read.
    """
    output = _output(pod, view)
    if pod and _is_log_awaited(pod, outcome, output):
        return Plan(requeue_after=logs.RETRY_SECONDS)
    told = logs.explained(outcome, output, job)
    so_far = accounted(since or job.status, pod, told.ended)
    metrics = logs.metrics_of(output, told.ended)
    if _is_last(job, so_far, told):
        final = told if told.reason in deadlines.REASONS else attempts.final(job.spec, told)
        return commit(job, status.ended(so_far, final, metrics, view.now))
    name = names.pod_name(kind.short_name, job.metadata.name, ROLE, 0)
    again = status.restarting(so_far, told, name, view.now)
    if deadlines.is_spent(job.spec, again):
        late = deadlines.out_of_time(job.spec, told.ended)
        return commit(job, status.ended(so_far, late, metrics, view.now))
    return commit(job, again)


def vanished(job: Job, kind: JobKind, now: datetime) -> Outcome:
    """The end of an attempt whose pod was seen and is not there any more."""
    name = names.pod_name(kind.short_name, job.metadata.name, ROLE, 0)
    message = f"Pod {name} is gone without a result: somebody took its finalizer off."
    return Outcome("infrastructure", "PodDeleted", message, now)


def accounted(so_far: JobStatus, pod: Pod | None, ended: datetime) -> JobStatus:
    """The status with the time that an attempt ran and held its GPUs, at its end.

    A pod that is gone cannot tell when it got its node: what is certain is when it ran.
    """
    if pod is None:
        ran_from = parse_time(so_far.running_time) if so_far.running_time else None
        return status.charged(so_far, ran_from, ended)
    ran = status.ran_from(so_far, progress.started(pod))
    digested = status.with_digest(ran, progress.digest(pod))
    return status.charged(digested, progress.bound_since(pod), ended)


def _is_last(job: Job, so_far: JobStatus, outcome: Outcome) -> bool:
    if outcome.succeeded or outcome.reason in deadlines.REASONS:
        return True
    return not attempts.may_restart(job.spec, so_far, outcome)


def _output(pod: Pod | None, view: View) -> Output | None:
    output = view.facts.output if isinstance(view.facts, Facts) else None
    return output if output and pod and output.pod_uid == pod.metadata.uid else None


def _is_log_awaited(pod: Pod, outcome: Outcome, output: Output | None) -> bool:
    if outcome.reason in deadlines.REASONS or logs.wanted(pod, outcome) is None:
        return False
    return logs.is_awaited(output)
