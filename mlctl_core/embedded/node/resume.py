"""Reads a pod's reported status back into records, when a node starts and finds pods of its own.

Processes of an earlier node process are gone with it (see `launch`), so whatever was reported as
running then has been lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlctl_core.embedded.node.records import Record, Termination
from mlctl_core.objects.times import parse_time

if TYPE_CHECKING:
    from datetime import datetime

    from mlctl_core.embedded.node.manifest import ContainerStatus, Pod

__all__ = ["records", "run_again"]

# What a kubelet reports for a container that it cannot find any more.
LOST_EXIT_CODE = 137
LOST_REASON = "ContainerStatusUnknown"
LOST_MESSAGE = (
    "The container could not be located when the pod was terminated. "
    "The container used to be Running"
)

EPOCH = "1970-01-01T00:00:00Z"


def records(pod: Pod, now: datetime) -> dict[str, Record]:
    """A record for each container of which the status says something."""
    names = {c.name for c in (*pod.spec.init_containers, *pod.spec.containers)}
    reported = (*pod.status.init_container_statuses, *pod.status.container_statuses)
    return {status.name: _record(status, now) for status in reported if status.name in names}


def run_again(pod: Pod, known: dict[str, Record]) -> list[str]:
    """Init containers that succeeded, but whose work went with the node's volumes."""
    if not any(record.ended for record in known.values()):
        return []
    return [
        container.name
        for container in pod.spec.init_containers
        if (ended := known[container.name].ended) is not None and ended.succeeded
    ]


def _record(status: ContainerStatus, now: datetime) -> Record:
    ended = _termination(status.state.get("terminated"))
    running = status.state.get("running")
    if ended is None and running is not None:
        started = running.get("startedAt")
        ended = Termination(
            exit_code=LOST_EXIT_CODE,
            reason=LOST_REASON,
            message=LOST_MESSAGE,
            started_at=parse_time(started) if started else None,
            finished_at=now,
        )
    return Record(
        ended=ended,
        last=_termination(status.last_state.get("terminated")),
        restarts=status.restart_count,
    )


def _termination(state: dict[str, Any] | None) -> Termination | None:
    if state is None:
        return None
    started = state.get("startedAt")
    return Termination(
        exit_code=state.get("exitCode", 0),
        reason=state.get("reason", ""),
        message=state.get("message", ""),
        container_id=state.get("containerID", ""),
        started_at=parse_time(started) if started else None,
        finished_at=parse_time(state.get("finishedAt") or EPOCH),
    )
