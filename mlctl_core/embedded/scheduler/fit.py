"""Whether a pod may run on a node, and in upstream's words why not. Pure.

The filters of kube-scheduler in its order: a node that one of them refuses is not asked the
next, so that each node is counted under one kind of reason.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlctl_core.embedded.scheduler.manifest import (
        Expression,
        Node,
        Pod,
        SelectorTerm,
        Taint,
        Toleration,
    )

__all__ = ["Amounts", "refusals", "tolerates"]

Amounts = dict[str, Decimal]

UNSCHEDULABLE_TAINT = "node.kubernetes.io/unschedulable"

# PreferNoSchedule keeps nobody away.
FORBIDDING = ("NoSchedule", "NoExecute")

ZERO = Decimal(0)


def refusals(
    pod: Pod, requests: Mapping[str, Decimal], node: Node, free: Mapping[str, Decimal]
) -> list[str]:
    """Why the pod cannot run on the node; empty when it can.

    Args:
        pod: to be placed.
        requests: what it takes, ``pods`` among them.
        node: asked about.
        free: what is left of the node's allocatable amounts.
    """
    if node.spec.unschedulable and not _tolerated(pod, UNSCHEDULABLE_TAINT):
        return ["node(s) were unschedulable"]
    forbidding = (taint for taint in node.spec.taints if taint.effect in FORBIDDING)
    if any(not tolerates(pod, taint) for taint in forbidding):
        return ["node(s) had untolerated taint(s)"]
    if not _is_selected(pod, node):
        return ["node(s) didn't match Pod's node affinity/selector"]
    return [
        "Too many pods" if name == "pods" else f"Insufficient {name}"
        for name, amount in requests.items()
        if amount > ZERO and amount > free.get(name, ZERO)
    ]


def tolerates(pod: Pod, taint: Taint) -> bool:
    """Whether a toleration of the pod covers the taint."""
    return any(
        _covers(toleration, taint.key, taint.value, taint.effect)
        for toleration in pod.spec.tolerations
    )


def _tolerated(pod: Pod, key: str) -> bool:
    return any(_covers(toleration, key, "", "NoSchedule") for toleration in pod.spec.tolerations)


def _covers(toleration: Toleration, key: str, value: str, effect: str) -> bool:
    if toleration.effect and toleration.effect != effect:
        return False
    if toleration.key and toleration.key != key:
        return False
    if toleration.operator == "Exists":
        return True
    return bool(toleration.key) and toleration.value == value


def _is_selected(pod: Pod, node: Node) -> bool:
    labels = node.metadata.labels
    if any(labels.get(key) != value for key, value in pod.spec.node_selector.items()):
        return False
    affinity = pod.spec.affinity.node_affinity if pod.spec.affinity else None
    if affinity is None or affinity.required is None:
        return True
    return any(_matches(term, node) for term in affinity.required.node_selector_terms)


def _matches(term: SelectorTerm, node: Node) -> bool:
    if not term.match_expressions and not term.match_fields:
        return False
    fields = {"metadata.name": node.metadata.name}
    return all(_holds(e, node.metadata.labels) for e in term.match_expressions) and all(
        _holds(e, fields) for e in term.match_fields
    )


def _holds(expression: Expression, values: Mapping[str, str]) -> bool:
    value = values.get(expression.key)
    match expression.operator:
        case "In":
            return value is not None and value in expression.values
        case "NotIn":
            return value not in expression.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt":
            return _compares(expression, value)
    return False


def _compares(expression: Expression, value: str | None) -> bool:
    try:
        left, right = int(value or ""), int(expression.values[0])
    except (ValueError, IndexError):
        return False
    return left > right if expression.operator == "Gt" else left < right
