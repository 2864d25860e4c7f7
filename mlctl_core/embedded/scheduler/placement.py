"""Chooses a node for a pod. Pure and deterministic.

Of the nodes on which the pod fits: those it does not tolerate only grudgingly last, then those
whose accelerators it would stand in the way of, then the one that is least allocated afterwards
(upstream's LeastAllocated over CPU and memory), then the first by name.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

import attrs

from mlctl_core.embedded.scheduler.fit import ZERO, Amounts, refusals, tolerates
from mlctl_core.embedded.scheduler.manifest import Node
from mlctl_core.objects.pod_requests import effective_requests
from mlctl_core.objects.quantities import parse_quantity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlctl_core.embedded.scheduler.manifest import Pod

__all__ = ["Candidate", "Unschedulable", "allocatable", "choose", "place", "pod_requests"]

SCORED = ("cpu", "memory")

TERMINAL_PHASES = ("Succeeded", "Failed")


@attrs.frozen
class Unschedulable:
    """No node will do."""

    message: str
    """In upstream's words: ``0/2 nodes are available: 2 Insufficient cpu.``"""


@attrs.frozen
class Candidate:
    """A node and what is left of it."""

    node: Node
    total: Amounts
    """Its allocatable amounts."""

    free: Amounts
    """Less what is allocated; negative where a node is overcommitted."""


def place(pod: Pod, nodes: Iterable[Node], pods: Iterable[Pod]) -> str | Unschedulable:
    """The name of the node for a pod, given all nodes and all pods.

    Raises:
        ValueError: an amount is no quantity.
    """
    taken: dict[str, Amounts] = {}
    for other in pods:
        if other.spec.node_name and other.status.phase not in TERMINAL_PHASES:
            used = taken.setdefault(other.spec.node_name, {})
            for name, amount in pod_requests(other).items():
                used[name] = used.get(name, ZERO) + amount
    candidates = []
    for node in nodes:
        total, used = allocatable(node), taken.get(node.metadata.name, {})
        names = total.keys() | used.keys()
        free = {name: total.get(name, ZERO) - used.get(name, ZERO) for name in names}
        candidates.append(Candidate(node, total, free))
    return choose(pod, pod_requests(pod), candidates)


def choose(pod: Pod, requests: Amounts, candidates: Iterable[Candidate]) -> str | Unschedulable:
    """As `place`, with the amounts known."""
    fitting: list[tuple[int, int, Decimal, str]] = []
    reasons: Counter[str] = Counter()
    count = 0
    for candidate in candidates:
        count += 1
        why = refusals(pod, requests, candidate.node, candidate.free)
        if why:
            reasons.update(why)
        else:
            fitting.append(_rank(pod, requests, candidate))
    if fitting:
        return min(fitting)[-1]
    if not count:
        return Unschedulable("no nodes available to schedule pods")
    told = ", ".join(sorted(f"{number} {reason}" for reason, number in reasons.items()))
    return Unschedulable(f"0/{count} nodes are available: {told}.")


def pod_requests(pod: Pod) -> Amounts:
    """What the pod takes of a node, itself (``pods``) included.

    Raises:
        ValueError: an amount is no quantity.
    """
    return effective_requests(pod.spec, pod.spec.resources) | {"pods": Decimal(1)}


def allocatable(node: Node) -> Amounts:
    """What pods may take of a node.

    Raises:
        ValueError: an amount is no quantity.
    """
    amounts = node.status.allocatable or node.status.capacity
    return {name: parse_quantity(value) for name, value in amounts.items()}


def _rank(pod: Pod, requests: Amounts, candidate: Candidate) -> tuple[int, int, Decimal, str]:
    """Smaller is better."""
    node, total = candidate.node, candidate.total
    grudges = sum(
        taint.effect == "PreferNoSchedule" and not tolerates(pod, taint)
        for taint in node.spec.taints
    )
    idle = sum(
        "/" in name and amount > ZERO and not requests.get(name) for name, amount in total.items()
    )
    allocated = sum(
        (
            1 - (candidate.free.get(name, ZERO) - requests.get(name, ZERO)) / total[name]
            for name in SCORED
            if total.get(name)
        ),
        ZERO,
    )
    return grudges, idle, allocated, node.metadata.name
