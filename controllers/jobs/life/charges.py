"""What an attempt is charged with at its end: the time that it ran, and the GPUs that it held."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controllers.jobs import lineage, names
from controllers.jobs.life import program_gpus, progress, status
from controllers.jobs.life.outcome import outcome_of
from mlctl_core.objects.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from apis.v1alpha1.status import JobStatus
    from controllers.jobs.job import Role
    from controllers.jobs.life.gang import Gang
    from mlctl_core.objects.core import Pod


def attempt(gang: Gang, so_far: JobStatus, ended: datetime) -> JobStatus:
    """The status with all that the present attempt has used until its end."""
    started = [moment for pod in gang.current.values() if (moment := progress.started(pod))]
    new = status.ran_from(so_far, max(started, default=None))
    new = status.with_digest(new, digest(gang.current.values()))
    new = lineage.found(new, gang.current.values())
    for pod in (*gang.current.values(), *gang.surplus):
        new = released(new, pod, ended)
    for place in gang.vanished:
        new = vanished(new, place.role, ended)
    return program_gpus.counted(gang, new, ended)


def released(so_far: JobStatus, pod: Pod, ended: datetime) -> JobStatus:
    """The status with what one pod has used, which the others may outlive."""
    own = outcome_of(pod, node_is_lost=False, now=ended)
    until = min(own.ended, ended) if own else ended
    role = pod.metadata.labels.get(names.ROLE_LABEL, "")
    return status.charged(so_far, role, progress.bound_since(pod), until)


def vanished(so_far: JobStatus, role: Role, ended: datetime) -> JobStatus:
    """The status with what a pod has used that is gone.

    It cannot tell when it got its node: what is certain is when the job ran.
    """
    ran_from = parse_time(so_far.running_time) if so_far.running_time else None
    return status.charged(so_far, role.name, ran_from, ended)


def digest(pods: Iterable[Pod]) -> str | None:
    """The digest of the image that runs, as far as a node has told it."""
    return next((found for pod in pods if (found := progress.digest(pod))), None)
