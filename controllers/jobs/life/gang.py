"""The pods of a job, each in its place: what one look at the cache finds.

A pod's place is told by its name, which nobody can change; its attempt by its label. The status
holds the number of the present attempt, so a pod with a smaller one has been dealt with, whoever
deletes it. So has one of the present attempt that the status names as released.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from controllers.jobs import names
from controllers.jobs.job import Job, JobKind, Replica, Role
from mlctl_core.objects.core import Pod

if TYPE_CHECKING:
    from collections.abc import Iterable

    from controllers.jobs.material import Material
    from mlctl_core.objects.metadata import Metadata

SEEN_IN = frozenset(("Preparing", "Running"))
"""Phases that a job reaches only once all its pods were seen."""


@attrs.frozen
class Place:
    """Where a pod belongs."""

    name: str
    """The pod's."""
    role: Role
    index: int


@attrs.frozen(kw_only=True)
class Gang:
    """A job with the pods of its present attempt, and those that are no more of it."""

    job: Job
    kind: JobKind
    roles: tuple[Role, ...]
    places: Mapping[str, Place]
    """By pod name, in the order of roles and indices."""
    current: Mapping[str, Pod]
    """Pods that are in their place, by name."""
    past: tuple[Pod, ...]
    """Pods whose result is in the status, or that were given up."""
    surplus: tuple[Pod, ...]
    """Pods of the present attempt that have no place any more."""
    by_program: tuple[Pod, ...] = ()
    """Pods that those in their place have made by themselves."""

    @property
    def missing(self) -> tuple[Place, ...]:
        """Places without a pod."""
        return tuple(place for name, place in self.places.items() if name not in self.current)

    @property
    def vanished(self) -> tuple[Place, ...]:
        """Places whose pod was seen, and that the cache does not show."""
        status = self.job.status
        if status.phase not in SEEN_IN:
            return ()
        released = {pod.pod for pod in status.released if not pod.gone}
        return tuple(p for p in self.missing if p.name not in released and self._was_seen(p))

    @property
    def earlier(self) -> tuple[Pod, ...]:
        """Pods of attempts before the present one."""
        return tuple(p for p in self.past if number(p.metadata) < self.job.status.attempt)

    @property
    def decisive(self) -> tuple[Place, ...]:
        """Places whose success the job's success takes; the first tells the metrics."""
        return tuple(p for p in self.places.values() if p.role.is_decisive(p.index))

    def replica(self, place: Place, material: Material) -> Replica:
        """What fills that place in the present attempt."""
        return Replica(
            job=self.job,
            kind=self.kind,
            roles=self.roles,
            role=place.role,
            index=place.index,
            attempt=self.job.status.attempt,
            material=material,
        )

    def _was_seen(self, place: Place) -> bool:
        counted = self.job.status.replica_statuses.get(place.role.name)
        return counted is not None and place.index < counted.created


def gang_of(job: Job, kind: JobKind, pods: Iterable[Pod]) -> Gang:
    """Put the pods that a job owns in their places.

    A pod ahead of the status counts as present: only a stale status could be behind it.
    """
    roles = kind.roles(job)
    places = {
        place.name: place
        for role in roles
        for index in range(role.replicas)
        for place in (Place(kind.pod_name(job.metadata.name, role.name, index), role, index),)
    }
    released = {pod.uid for pod in job.status.released}
    current: dict[str, Pod] = {}
    past: list[Pod] = []
    surplus: list[Pod] = []
    for pod in pods:
        name = pod.metadata.name
        if number(pod.metadata) < job.status.attempt or pod.metadata.uid in released:
            past.append(pod)
        elif name in places:
            current[name] = pod
        else:
            surplus.append(pod)
    in_order = {name: current[name] for name in places if name in current}
    return Gang(
        job=job,
        kind=kind,
        roles=roles,
        places=places,
        current=in_order,
        past=tuple(past),
        surplus=tuple(surplus),
    )


def number(pod: Metadata) -> int:
    """The attempt that a pod belongs to; 0, a past one, when its label was tampered with."""
    text = pod.labels.get(names.ATTEMPT_LABEL, "")
    return int(text) if text.isascii() and text.isdigit() else 0
