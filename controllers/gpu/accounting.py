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
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias

import attrs

from mlctl_core.objects.conditions import is_true
from mlctl_core.objects.pod_requests import effective_requests
from mlctl_core.objects.quantities import parse_quantity

if TYPE_CHECKING:
    from mlctl_core.objects.core import Node, Pod, Quantities

GPU_RESOURCES = re.compile(
    # A slice of a GPU is called by its profile: mig-1g.5gb, mig-1g.10gb.me, mig-1c.3g.20gb.
    r"nvidia\.com/(?:gpu(?:\.shared)?|mig-(?:[0-9]+c\.)?[0-9]+g\.[0-9]+gb.*)"
    r"|amd\.com/gpu"
    r"|gpu\.intel\.com/(?:i915|xe)"
    r"|google\.com/tpu|habana\.ai/gaudi|aws\.amazon\.com/neuron.*|huawei\.com/Ascend.*"
)
"""Names of extended resources that are accelerators, unless the manager is told others;
``gpu.intel.com/monitoring`` is none."""

PRODUCT_LABELS = ("nvidia.com/gpu.product", "amd.com/gpu.product-name", "gpu.intel.com/product")
"""Where feature discovery writes a node's model of GPU; the first one found counts."""

State: TypeAlias = Literal["gated", "pending", "allocated"]
STATES: tuple[State, ...] = ("gated", "pending", "allocated")

Closed: TypeAlias = Literal["cordoned", "not_ready"]
"""Why a node takes no more pods."""
CLOSED: tuple[Closed, ...] = ("cordoned", "not_ready")

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
    closed: frozenset[Closed] = frozenset()
    """Why no further pod can come here; both may be true."""


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
    """By node, resource: the most that one more pod could get there; 0 where none may come."""
    unavailable: Mapping[tuple[str, str, Closed], float]
    """By node, resource, reason: what is allocatable on a node that takes no more pods. It is still
    part of the capacity, and what runs there goes on."""


def pod_usage(pod: Pod, gpus: re.Pattern[str] = GPU_RESOURCES) -> PodUsage | None:
    """What a pod asks for; None for a pod without GPUs."""
    amounts = {
        name: float(amount)
        for name, amount in effective_requests(pod.spec).items()
        if gpus.fullmatch(name) and amount
    }
    if not amounts:
        return None
    return PodUsage(pod.metadata.namespace, pod.spec.node_name, _state(pod), amounts)


def node_offer(node: Node, gpus: re.Pattern[str] = GPU_RESOURCES) -> NodeOffer | None:
    """What a node has; None for a node without GPUs."""
    capacity = _gpus(node.status.capacity, gpus)
    if not capacity:
        return None
    labels = node.metadata.labels
    product = next((labels[name] for name in PRODUCT_LABELS if name in labels), "")
    allocatable = _gpus(node.status.allocatable, gpus)
    return NodeOffer(node.metadata.name, product, capacity, allocatable, frozenset(_closed(node)))


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
        (offer.node, resource): 0.0
        if offer.closed
        else max(0.0, offer.allocatable.get(resource, 0.0) - allocated[offer.node, resource])
        for offer, resource in places
    }
    unavailable = {
        (offer.node, resource, why): offer.allocatable.get(resource, 0.0)
        if why in offer.closed
        else 0.0
        for offer, resource in places
        for why in CLOSED
    }
    return Totals(
        capacity={(o.node, r, o.product): o.capacity[r] for o, r in places},
        allocatable={(o.node, r, o.product): o.allocatable.get(r, 0.0) for o, r in places},
        allocated={(o.node, r): 0.0 for o, r in places} | dict(allocated),
        requested=dict(requested),
        free_largest_block=free,
        unavailable=unavailable,
    )


def _closed(node: Node) -> Iterator[Closed]:
    if node.spec.unschedulable:
        yield "cordoned"
    if not is_true(node.status.conditions, "Ready"):
        yield "not_ready"


def _gpus(amounts: Quantities, gpus: re.Pattern[str]) -> dict[str, float]:
    return {
        name: float(parse_quantity(amount))
        for name, amount in amounts.items()
        if gpus.fullmatch(name)
    }


def _state(pod: Pod) -> State | None:
    if pod.status.phase in _ENDED:
        return None
    if pod.spec.node_name:
        return "allocated"
    return "gated" if pod.spec.scheduling_gates else "pending"
