"""What both kinds of runtime say when there is no log to show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlctl_core.embedded.node.pod_status import waiting_reason

if TYPE_CHECKING:
    from mlctl_core.embedded.node.machine import PodMachine

__all__ = ["BAD_REQUEST", "NOT_FOUND", "LogsUnavailableError", "not_started"]

BAD_REQUEST, NOT_FOUND = 400, 404

# Of the kubelet's reasons for waiting, those that it says in other words (kubelet_pods.go).
WORDS = {
    "ErrImagePull": "image can't be pulled",
    "ImagePullBackOff": "trying and failing to pull image",
}


class LogsUnavailableError(Exception):
    """There is nothing to read, in the words and with the status of a kubelet."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def not_started(machine: PodMachine, container: str) -> LogsUnavailableError:
    """What is said of a container that has not run yet: what its status says."""
    reason = waiting_reason(machine, machine.records[container])
    pod = machine.pod.metadata.name
    text = f'container "{container}" in pod "{pod}" is waiting to start: '
    return LogsUnavailableError(BAD_REQUEST, text + WORDS.get(reason, reason))
