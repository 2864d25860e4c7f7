"""What the scheduler knows of the cluster: nodes, what is taken of them, pods that wait.

Pure bookkeeping, kept up to date object by object, so that placing a pod does not start with
adding up all others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from mlctl_core.embedded.scheduler.fit import ZERO, Amounts
from mlctl_core.embedded.scheduler.manifest import DEFAULT_SCHEDULER, Pod
from mlctl_core.embedded.scheduler.placement import (
    TERMINAL_PHASES,
    Candidate,
    allocatable,
    pod_requests,
)

if TYPE_CHECKING:
    from mlctl_core.embedded.scheduler.manifest import Node

__all__ = ["ClusterState", "PendingPod"]


@attrs.frozen
class PendingPod:
    """A pod that waits for a node."""

    pod: Pod
    requests: Amounts

    @property
    def order(self) -> tuple[int, str, str, str]:
        """Higher priorities first, then the oldest."""
        metadata = self.pod.metadata
        return (
            -self.pod.spec.priority,
            metadata.creation_timestamp,
            metadata.namespace,
            metadata.name,
        )


class ClusterState:
    """Nodes and pods by name and UID. Owned by the scheduler."""

    def __init__(self) -> None:
        self.pending: dict[str, PendingPod] = {}
        """By UID."""
        self.version = 0
        """Moves whenever a pod that did not fit before might fit now."""
        self._nodes: dict[str, Candidate] = {}
        self._taken: dict[str, Amounts] = {}
        self._assigned: dict[str, tuple[str, Amounts]] = {}

    @property
    def candidates(self) -> list[Candidate]:
        """All nodes with what is left of them."""
        return list(self._nodes.values())

    def set_node(self, node: Node) -> None:
        """A node is there, or has changed.

        Raises:
            ValueError: an amount is no quantity.
        """
        name = node.metadata.name
        total = allocatable(node)
        known = self._nodes.get(name)
        self._nodes[name] = Candidate(node, total, self._free(name, total))
        if (
            known is None
            or known.node.spec != node.spec
            or known.total != total
            or (known.node.metadata.labels != node.metadata.labels)
        ):
            self.version += 1

    def remove_node(self, name: str) -> None:
        """A node is gone."""
        if self._nodes.pop(name, None) is not None:
            self.version += 1

    def set_pod(self, pod: Pod) -> None:
        """A pod is there, or has changed.

        Raises:
            ValueError: an amount is no quantity.
        """
        uid = pod.metadata.uid
        if pod.status.phase in TERMINAL_PHASES:
            self.remove_pod(uid)
        elif pod.spec.node_name:
            self.assign(uid, pod_requests(pod), pod.spec.node_name)
        elif pod.spec.scheduler_name != DEFAULT_SCHEDULER or pod.metadata.deleting:
            self.pending.pop(uid, None)
        elif uid not in self._assigned:  # or it has been bound, and this is older news
            self.pending[uid] = PendingPod(pod, pod_requests(pod))

    def remove_pod(self, uid: str) -> None:
        """A pod is gone or has ended."""
        self.pending.pop(uid, None)
        self.release(uid)

    def assign(self, uid: str, requests: Amounts, node: str) -> None:
        """The pod takes its share of the node."""
        self.pending.pop(uid, None)
        held = self._assigned.get(uid)
        if held == (node, requests):
            return
        self.release(uid)
        self._assigned[uid] = (node, requests)
        self._add(node, requests, 1)

    def release(self, uid: str) -> None:
        """The pod takes nothing of any node."""
        held = self._assigned.pop(uid, None)
        if held is not None:
            self._add(held[0], held[1], -1)
            self.version += 1

    def _add(self, node: str, requests: Amounts, sign: int) -> None:
        taken = self._taken.setdefault(node, {})
        for name, amount in requests.items():
            taken[name] = taken.get(name, ZERO) + sign * amount
        known = self._nodes.get(node)
        if known is not None:
            self._nodes[node] = attrs.evolve(known, free=self._free(node, known.total))

    def _free(self, node: str, total: Amounts) -> Amounts:
        taken = self._taken.get(node, {})
        return {
            name: total.get(name, ZERO) - taken.get(name, ZERO)
            for name in total.keys() | taken.keys()
        }
