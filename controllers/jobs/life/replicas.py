"""How many pods of each role are in which state, as the status tells it.

Promises few writes: that pods alone have moved on, and the job has not, is told at most every
`COUNT_SECONDS`. A job of hundreds of pods starts and ends with a handful of writes.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import attrs

from apis.v1alpha1.status import ReplicaStatus
from controllers.jobs import names
from controllers.jobs.life.gang import SEEN_IN, Gang
from controllers.jobs.pod import containers
from mlctl_core.objects.times import format_time, parse_time

if TYPE_CHECKING:
    from datetime import datetime

    from apis.v1alpha1.status import JobStatus
    from controllers.jobs.job import Role
    from mlctl_core.objects.core import Pod

COUNT_SECONDS = 10.0

_ENDED = frozenset(("Succeeded", "Failed"))
_WITHOUT_PODS = frozenset((None, "Pending", "Queued", "Restarting", "Suspended"))


def counted(status: JobStatus, gang: Gang) -> JobStatus:
    """``status`` with the pods of ``gang`` counted."""
    return attrs.evolve(
        status, replica_statuses={role.name: _count(role, status, gang) for role in gang.roles}
    )


def deferred(old: JobStatus, new: JobStatus, now: datetime) -> tuple[JobStatus, float | None]:
    """What to write of ``new`` now, and in how many seconds the rest."""
    if new == old or not _is_count_only(old, new):
        return new, None
    due = _last_write(old) + timedelta(seconds=COUNT_SECONDS)
    if due <= now:
        return attrs.evolve(new, counted_time=format_time(now)), None
    kept = attrs.evolve(
        new,
        message=old.message,
        conditions=old.conditions,
        replica_statuses=old.replica_statuses,
        gpu_seconds=old.gpu_seconds,
        program_gpus=old.program_gpus,
    )
    return kept, (due - now).total_seconds()


def _count(role: Role, status: JobStatus, gang: Gang) -> ReplicaStatus:
    if status.phase == "Suspended":
        return ReplicaStatus()
    desired = role.replicas + role.made_by_program
    pods = [] if status.phase in _WITHOUT_PODS else _of_role(role, gang)
    succeeded = sum(pod.status.phase == "Succeeded" for pod in pods)
    if status.phase in _ENDED:
        # What did not succeed in a job that failed has failed with it, whatever stops it.
        failed = len(pods) - succeeded if status.phase == "Failed" else 0
        return ReplicaStatus(desired=desired, succeeded=succeeded, failed=failed, created=len(pods))
    failed = sum(pod.status.phase == "Failed" for pod in pods)
    running = sum(_runs(pod) for pod in pods)
    # Of those that a program makes, only those are awaited that are there.
    awaited = len(pods) if role.made_by_program else desired
    return ReplicaStatus(
        desired=desired,
        pending=max(0, awaited - running - succeeded - failed),
        running=running,
        succeeded=succeeded,
        failed=failed,
        # Nobody asks for it before, and it alone would be worth a write.
        created=len(pods) if status.phase in SEEN_IN else 0,
    )


def _of_role(role: Role, gang: Gang) -> list[Pod]:
    own = [pod for name, pod in gang.current.items() if gang.places[name].role is role]
    made = (p for p in gang.by_program if p.metadata.labels.get(names.ROLE_LABEL) == role.name)
    return [*own, *made]


def _runs(pod: Pod) -> bool:
    if pod.status.phase in _ENDED:
        return False
    main = containers.status_of(pod, containers.MAIN)
    return main is not None and (main.state.running or main.state.terminated) is not None


def _is_count_only(old: JobStatus, new: JobStatus) -> bool:
    same = attrs.evolve(
        new,
        message=old.message,
        conditions=old.conditions,
        replica_statuses=old.replica_statuses,
        gpu_seconds=old.gpu_seconds,
        program_gpus=old.program_gpus,
    )
    truths = [(c.type, c.status, c.reason) for c in old.conditions]
    return same == old and truths == [(c.type, c.status, c.reason) for c in new.conditions]


def _last_write(old: JobStatus) -> datetime:
    """When the status was last written for anything, as far as it tells."""
    times = [old.counted_time, *(c.last_transition_time for c in old.conditions)]
    return max(parse_time(time) for time in (*times, old.start_time) if time)
