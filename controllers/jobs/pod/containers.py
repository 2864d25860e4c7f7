"""The containers of a job's pod, by name, and how to read their statuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlctl_core.objects.conditions import Condition
    from mlctl_core.objects.core import ContainerStatus, Pod, Terminated, Waiting

MAIN = "main"
"""Runs the user's entrypoint."""
DEPENDENCIES = "dependencies"
"""Installs the user's requirements before it; an init container, absent without any."""
SOURCE = "source"
"""Gets the user's code before it, where it is not in the cluster."""
DATASET = "dataset-"
"""Begins the names of those that copy datasets before it; its place in the list follows."""
KERBEROS = "kerberos"
"""Gets the first Kerberos ticket, before all else."""
KERBEROS_RENEWAL = "kerberos-renewal"
"""Keeps the ticket fresh while the program runs."""


def status_of(pod: Pod, container: str) -> ContainerStatus | None:
    """The status of a container or init container; None before the kubelet reported one."""
    statuses = (*pod.status.init_container_statuses, *pod.status.container_statuses)
    return next((status for status in statuses if status.name == container), None)


def ended(pod: Pod, container: str) -> Terminated | None:
    """How a container ended; None while it has not."""
    status = status_of(pod, container)
    return status.state.terminated if status else None


def waiting(pod: Pod, container: str) -> Waiting | None:
    """Why a container does not run yet; None when it runs, ended, or was not reported."""
    status = status_of(pod, container)
    return status.state.waiting if status else None


def condition(pod: Pod, kind: str, status: str) -> Condition | None:
    """The pod's condition of that type, if it has that status."""
    found = (c for c in pod.status.conditions if c.type == kind and c.status == status)
    return next(found, None)
