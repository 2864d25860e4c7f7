"""Who holds which GPU: sums over pods and nodes, as the scheduler counts. Pure.

Promises the scheduler's own arithmetic: effective requests (init containers and sidecars
included), of pods that have not ended, bound ones also while they start or terminate, since
the node keeps their devices until they are gone. Resources are never added to one another:
a time slice, a MIG slice and a whole GPU are different things.
Does not count claims of DRA; a GPU that a claim backs is requested under its extended
resource name and counted there, once.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias

import attrs

from mlctl_core.objects.pod_requests import effective_requests
from mlctl_core.objects.quantities import parse_quantity

if TYPE_CHECKING:
    from mlctl_core.objects.core import Node, Pod, Quantities

GPU_RESOURCES = re.compile(
    r"nvidia\.com/(?:gpu(?:\.shared)?|mig-[0-9]+g\.[0-9]+gb.*)"
    r"|amd\.com/gpu"
    r"|gpu\.intel\.com/(?:i915|xe)"
    r"|google\.com/tpu|habana\.ai/gaudi|aws\.amazon\.com/neuron.*|huawei\.com/Ascend.*"
)
"""Names of extended resources that are accelerators; ``gpu.intel.com/monitoring`` is none."""

PRODUCT_LABELS = ("nvidia.com/gpu.product", "amd.com/gpu.product-name", "gpu.intel.com/product")
"""Where feature discovery writes a node's model of GPU; the first one found counts."""

State: TypeAlias = Literal["gated", "pending", "allocated"]
STATES: tuple[State, ...] = ("gated", "pending", "allocated")

_ENDED = frozenset(("Succeeded", "Failed"))


@attrs.frozen
class PodUsage:
    """What one pod asks for, or would if it had not ended."""

    namespace: str
    node: str
    """Empty until the pod is bound."""
    state: State | None
    """None when the pod has ended and holds nothing."""
    amounts: Mapping[str, float]
    """GPUs by resource name; never empty."""


@attrs.frozen
class NodeOffer:
    """What one node has."""

    node: str
    product: str
    """The model, as feature discovery labels it; empty when unknown."""
    capacity: Mapping[str, float]
    allocatable: Mapping[str, float]
    """Less devices that are unhealthy; a name missing here is 0."""


@attrs.frozen
class Totals:
    """All gauges at one instant; each key once, zeros included."""

    capacity: Mapping[tuple[str, str, str], float]
    """By node, resource, product."""
    allocatable: Mapping[tuple[str, str, str], float]
    """By node, resource, product."""
    allocated: Mapping[tuple[str, str], float]
    """By node, resource; may exceed what is allocatable when devices have failed."""
    requested: Mapping[tuple[str, str, State], float]
    """By namespace, resource, state."""
    free_largest_block: Mapping[tuple[str, str], float]
    """By node, resource: the most that one more pod could get there."""


def pod_usage(pod: Pod) -> PodUsage | None:
    """What a pod asks for; None for a pod without GPUs."""
    requests = effective_requests(pod.spec)
    amounts = {name: float(amount) for name, amount in requests.items() if _is_gpu(name) and amount}
    if not amounts:
        return None
    return PodUsage(pod.metadata.namespace, pod.spec.node_name, _state(pod), amounts)


def node_offer(node: Node) -> NodeOffer | None:
    """What a node has; None for a node without GPUs."""
    capacity = _gpus(node.status.capacity)
    if not capacity:
        return None
    labels = node.metadata.labels
    product = next((labels[name] for name in PRODUCT_LABELS if name in labels), "")
    return NodeOffer(node.metadata.name, product, capacity, _gpus(node.status.allocatable))


def totals(pods: Iterable[PodUsage], nodes: Iterable[NodeOffer]) -> Totals:
    """Add up; a node with GPUs that nobody holds, and a namespace whose pods ended, is 0."""
    allocated: defaultdict[tuple[str, str], float] = defaultdict(float)
    requested: defaultdict[tuple[str, str, State], float] = defaultdict(float)
    for pod in pods:
        for resource, amount in pod.amounts.items():
            for state in STATES:
                held = amount if state == pod.state else 0.0
                requested[pod.namespace, resource, state] += held
            if pod.state == "allocated":
                allocated[pod.node, resource] += amount
    offers = tuple(nodes)
    places = [(offer, resource) for offer in offers for resource in offer.capacity]
    free = {
        (offer.node, resource): max(
            0.0, offer.allocatable.get(resource, 0.0) - allocated[offer.node, resource]
        )
        for offer, resource in places
    }
    return Totals(
        capacity={(o.node, r, o.product): o.capacity[r] for o, r in places},
        allocatable={(o.node, r, o.product): o.allocatable.get(r, 0.0) for o, r in places},
        allocated={(o.node, r): 0.0 for o, r in places} | dict(allocated),
        requested=dict(requested),
        free_largest_block=free,
    )


def _is_gpu(resource: str) -> bool:
    return GPU_RESOURCES.fullmatch(resource) is not None


def _gpus(amounts: Quantities) -> dict[str, float]:
    return {
        name: float(parse_quantity(amount)) for name, amount in amounts.items() if _is_gpu(name)
    }


def _state(pod: Pod) -> State | None:
    if pod.status.phase in _ENDED:
        return None
    if pod.spec.node_name:
        return "allocated"
    return "gated" if pod.spec.scheduling_gates else "pending"
