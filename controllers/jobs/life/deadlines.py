"""When a job has taken too long, and when to look again so that it is noticed.

Every deadline is measured from times in the status and answers with a time to come back at:
it fires although nothing else happens, and at the right moment in a manager that was started
after it had begun to count.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from controllers.jobs.life.outcome import Outcome
from mlctl_core.objects.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apis.v1alpha1.common import JobSpec
    from apis.v1alpha1.status import JobStatus

REASONS = frozenset(("DeadlineExceeded", "StartDeadlineExceeded"))
"""Failures for which the pod has to be stopped, as it has not ended by itself."""

_WAITING_PHASES = frozenset(("Scheduling", "Preparing", "Restarting"))


def expired(spec: JobSpec, status: JobStatus, now: datetime) -> Outcome | None:
    """The end of a job that has taken too long; None for one that has time left."""
    if (due := running_due(spec, status)) and due <= now:
        return out_of_time(spec, now)
    if (due := start_due(spec, status)) and due <= now:
        message = (
            f"The job did not run within spec.startDeadlineSeconds "
            f"({spec.start_deadline_seconds} s). Last seen: {status.reason}: {status.message}"
        )
        return Outcome("application", "StartDeadlineExceeded", message, now)
    return None


def is_spent(spec: JobSpec, status: JobStatus) -> bool:
    """Whether attempts that ended have used up all the time that the job may run."""
    limit = spec.active_deadline_seconds
    return limit is not None and status.running_seconds >= limit


def out_of_time(spec: JobSpec, now: datetime) -> Outcome:
    """The end of a job that has run for as long as it may."""
    message = (
        f"The job ran for spec.activeDeadlineSeconds ({spec.active_deadline_seconds} s), "
        "waiting not counted: raise it, or choose a larger spec.size."
    )
    return Outcome("application", "DeadlineExceeded", message, now)


def next_look(spec: JobSpec, status: JobStatus, now: datetime) -> float | None:
    """Seconds until the next deadline; None when there is none."""
    due = (running_due(spec, status), start_due(spec, status))
    return earliest(seconds_until(moment, now) for moment in due if moment)


def running_due(spec: JobSpec, status: JobStatus) -> datetime | None:
    """When the job has run for as long as it may, if it goes on running."""
    if spec.active_deadline_seconds is None or status.running_time is None:
        return None
    left = spec.active_deadline_seconds - status.running_seconds
    return parse_time(status.running_time) + timedelta(seconds=left)


def start_due(spec: JobSpec, status: JobStatus) -> datetime | None:
    """When the present attempt must run."""
    if spec.start_deadline_seconds is None or status.phase not in _WAITING_PHASES:
        return None
    since = _waits_since(status)
    return since and since + timedelta(seconds=spec.start_deadline_seconds)


def seconds_until(moment: datetime, now: datetime) -> float:
    """How long until then; 0 when it has passed."""
    return max(0.0, (moment - now).total_seconds())


def earliest(waits: Iterable[float | None]) -> float | None:
    """The shortest of some waits; None when there is none."""
    return min((wait for wait in waits if wait is not None), default=None)


def _waits_since(status: JobStatus) -> datetime | None:
    """When the wait for the present attempt began: the start, or the last failure."""
    times = [status.start_time, *(record.time for record in status.restart_history[-1:])]
    return max((parse_time(time) for time in times if time), default=None)
