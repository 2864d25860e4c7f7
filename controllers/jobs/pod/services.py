"""The headless Service by which the pods of one job know each other's addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controllers.jobs import names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from controllers.jobs.job import Job, JobKind, Role
    from mlctl_core.objects.json import Json


def has_service(roles: Iterable[Role]) -> bool:
    """Whether there is anybody to find, now or when others join."""
    found = tuple(roles)
    return sum(role.replicas for role in found) > 1 or any(role.leader for role in found)


def service(job: Job, kind: JobKind) -> list[Json]:
    """The Service, as a list to apply: empty for a job of one pod.

    Its pods are listed before they are ready: they become ready by finding each other.
    """
    if not has_service(kind.roles(job)):
        return []
    metadata = job.metadata
    labels = names.job_labels(kind.kind.name, metadata.name, metadata.annotations)
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {
                "name": names.prefix(kind.short_name, metadata.name),
                "namespace": metadata.namespace,
                "labels": labels,
            },
            "spec": {
                "clusterIP": "None",
                "publishNotReadyAddresses": True,
                "selector": {
                    names.KIND_LABEL: kind.kind.name,
                    names.NAME_LABEL: metadata.name,
                },
            },
        }
    ]
