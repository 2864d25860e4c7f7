"""The parts of pods and nodes that decide where a pod may run, decoded straight from JSON.

Absent lists and maps are empty; what this scheduler does not look at is not here.
"""

from __future__ import annotations

import msgspec

from mlctl_core.objects.metadata import Metadata

__all__ = [
    "Container",
    "Expression",
    "Node",
    "Pod",
    "PodSpec",
    "SelectorTerm",
    "Taint",
    "Toleration",
    "decode_node",
    "decode_pod",
]

Quantity = str | int | float

DEFAULT_SCHEDULER = "default-scheduler"


class Resources(msgspec.Struct, frozen=True, gc=False):
    """Requests and limits by resource name."""

    requests: dict[str, Quantity] = {}
    limits: dict[str, Quantity] = {}


class Container(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What a container needs."""

    resources: Resources = Resources()
    restart_policy: str | None = None


class Expression(msgspec.Struct, frozen=True, gc=False):
    """One requirement on a label or a field of a node."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


class SelectorTerm(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Requirements that must all hold; without any, the term matches nothing."""

    match_expressions: tuple[Expression, ...] = ()
    match_fields: tuple[Expression, ...] = ()


class NodeSelector(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Terms of which one must match."""

    node_selector_terms: tuple[SelectorTerm, ...] = ()


class NodeAffinity(msgspec.Struct, frozen=True, gc=False):
    """Where a pod must run; what it would rather is not looked at."""

    required: NodeSelector | None = msgspec.field(
        name="requiredDuringSchedulingIgnoredDuringExecution", default=None
    )


class Affinity(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Towards nodes; affinity between pods is not looked at."""

    node_affinity: NodeAffinity | None = None


class Toleration(msgspec.Struct, frozen=True, gc=False):
    """A taint that the pod puts up with."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""


class Gate(msgspec.Struct, frozen=True, gc=False):
    """Holds the pod back while it is there (KEP-3521)."""

    name: str


class PodSpec(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Of a pod."""

    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    overhead: dict[str, Quantity] = {}
    resources: Resources | None = None
    node_name: str = ""
    node_selector: dict[str, str] = {}
    affinity: Affinity | None = None
    tolerations: tuple[Toleration, ...] = ()
    scheduling_gates: tuple[Gate, ...] = ()
    scheduler_name: str = DEFAULT_SCHEDULER
    priority: int = 0


class Condition(msgspec.Struct, frozen=True, gc=False):
    """Of a pod."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""


class PodStatus(msgspec.Struct, frozen=True, gc=False):
    """Of a pod."""

    phase: str = ""
    conditions: tuple[Condition, ...] = ()


class Pod(msgspec.Struct, frozen=True, gc=False):
    """A pod as the scheduler sees it."""

    metadata: Metadata
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class Taint(msgspec.Struct, frozen=True, gc=False):
    """What keeps pods without a toleration away."""

    key: str
    effect: str
    value: str = ""


class NodeSpec(msgspec.Struct, frozen=True, gc=False):
    """Of a node."""

    taints: tuple[Taint, ...] = ()
    unschedulable: bool = False


class NodeStatus(msgspec.Struct, frozen=True, gc=False):
    """Of a node."""

    allocatable: dict[str, Quantity] = {}
    capacity: dict[str, Quantity] = {}


class Node(msgspec.Struct, frozen=True, gc=False):
    """A node as the scheduler sees it."""

    metadata: Metadata
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()


_pods = msgspec.json.Decoder(Pod)
_nodes = msgspec.json.Decoder(Node)


def decode_pod(raw: bytes) -> Pod:
    """Decodes a whole Pod object.

    Raises:
        msgspec.DecodeError: not JSON, or a field has another type than the API gives it.
    """
    return _pods.decode(raw)


def decode_node(raw: bytes) -> Node:
    """Decodes a whole Node object.

    Raises:
        msgspec.DecodeError: as `decode_pod`.
    """
    return _nodes.decode(raw)
