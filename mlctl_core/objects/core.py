"""Typed views of built-in objects: the fields that planners read, and no others.

A view is for reading. What it leaves out is lost when it is encoded, so a built-in object is never
written back from one: writers apply or patch the fields they own.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, TypeAlias

import attrs

from mlctl_core.objects.conditions import Condition
from mlctl_core.objects.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    NAMESPACE,
    NODE,
    POD,
    SERVICE,
    Kind,
    kind_of,
    of_kind,
)
from mlctl_core.objects.metadata import Metadata
from mlctl_core.objects.resource import Schema

__all__ = [
    "TYPED",
    "ConfigMap",
    "Container",
    "ContainerState",
    "ContainerStatus",
    "Deployment",
    "Namespace",
    "Node",
    "Pod",
    "Quantities",
    "ResourceRequirements",
    "Running",
    "Service",
    "Terminated",
    "Toleration",
    "Waiting",
]

Quantities: TypeAlias = Mapping[str, str | int | float]
"""Amounts by resource name; `mlctl_core.objects.quantities` reads them."""

_NONE: Mapping[str, str] = MappingProxyType({})


@attrs.frozen(kw_only=True)
class ResourceRequirements:
    """What a container asks for."""

    requests: Quantities = MappingProxyType({})
    limits: Quantities = MappingProxyType({})


@attrs.frozen(kw_only=True)
class Container:
    """A container or init container as specified."""

    name: str
    image: str = ""
    resources: ResourceRequirements = ResourceRequirements()
    restart_policy: str | None = None
    """``Always`` makes an init container a sidecar (KEP-753)."""


@attrs.frozen(kw_only=True)
class Waiting:
    """A container that does not run yet, or again."""

    reason: str = ""
    message: str = ""


@attrs.frozen(kw_only=True)
class Running:
    """A container that runs."""

    started_at: str | None = None


@attrs.frozen(kw_only=True)
class Terminated:
    """A container that ended."""

    exit_code: int = 0
    signal: int = 0
    reason: str = ""
    message: str = ""
    started_at: str | None = None
    finished_at: str | None = None


@attrs.frozen(kw_only=True)
class ContainerState:
    """At most one is set; with none the container waits."""

    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Terminated | None = None


@attrs.frozen(kw_only=True)
class ContainerStatus:
    """A container as its kubelet last saw it."""

    name: str
    image: str = ""
    image_id: Annotated[str, Schema(name="imageID")] = ""
    """The image with its digest, once it was pulled."""
    ready: bool = False
    restart_count: int = 0
    state: ContainerState = ContainerState()
    last_state: ContainerState = ContainerState()
    """How the container ended before its last restart."""


@attrs.frozen(kw_only=True)
class SchedulingGate:
    """Holds a pod back from the scheduler while it is there (KEP-3521)."""

    name: str


@attrs.frozen(kw_only=True)
class Toleration:
    """A taint that a pod puts up with."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""
    toleration_seconds: int | None = None


@attrs.frozen(kw_only=True)
class PodResourceClaim:
    """A claim for devices that a pod names (KEP-4381)."""

    name: str
    resource_claim_name: str | None = None
    resource_claim_template_name: str | None = None


@attrs.frozen(kw_only=True)
class PodSpec:
    """A pod as specified."""

    node_name: str = ""
    """Empty until the pod is bound."""
    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    scheduling_gates: tuple[SchedulingGate, ...] = ()
    overhead: Quantities = MappingProxyType({})
    """What the runtime class adds to the requests."""
    resource_claims: tuple[PodResourceClaim, ...] = ()
    node_selector: Mapping[str, str] = _NONE
    tolerations: tuple[Toleration, ...] = ()
    priority_class_name: str = ""
    priority: int | None = None
    restart_policy: str = "Always"
    scheduler_name: str = ""
    service_account_name: str = ""
    termination_grace_period_seconds: int | None = None


@attrs.frozen(kw_only=True)
class ExtendedResourceClaimStatus:
    """The claim that backs a pod's extended resources (KEP-5004)."""

    resource_claim_name: str = ""


@attrs.frozen(kw_only=True)
class PodStatus:
    """A pod as its kubelet and the scheduler last saw it."""

    phase: str = "Pending"
    reason: str = ""
    message: str = ""
    conditions: tuple[Condition, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()
    start_time: str | None = None
    pod_ip: Annotated[str, Schema(name="podIP")] = ""
    host_ip: Annotated[str, Schema(name="hostIP")] = ""
    extended_resource_claim_status: ExtendedResourceClaimStatus | None = None


@of_kind(POD)
@attrs.frozen(kw_only=True)
class Pod:
    """v1/Pod."""

    metadata: Metadata
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


@attrs.frozen(kw_only=True)
class Taint:
    """What keeps pods without a toleration off a node."""

    key: str
    value: str = ""
    effect: str = ""


@attrs.frozen(kw_only=True)
class NodeSpec:
    """A node as specified."""

    taints: tuple[Taint, ...] = ()
    unschedulable: bool = False
    """Whether the node is cordoned."""


@attrs.frozen(kw_only=True)
class NodeStatus:
    """A node as its kubelet last reported it."""

    capacity: Quantities = MappingProxyType({})
    allocatable: Quantities = MappingProxyType({})
    """Capacity less what the system keeps and less devices that are unhealthy."""
    conditions: tuple[Condition, ...] = ()


@of_kind(NODE)
@attrs.frozen(kw_only=True)
class Node:
    """v1/Node."""

    metadata: Metadata
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()


@attrs.frozen(kw_only=True)
class NamespaceStatus:
    """Where a namespace is in its life."""

    phase: str = "Active"
    """``Active`` or ``Terminating``."""


@of_kind(NAMESPACE)
@attrs.frozen(kw_only=True)
class Namespace:
    """v1/Namespace."""

    metadata: Metadata
    status: NamespaceStatus = NamespaceStatus()


@of_kind(CONFIG_MAP)
@attrs.frozen(kw_only=True)
class ConfigMap:
    """v1/ConfigMap; binary data is base64 as on the wire."""

    metadata: Metadata
    data: Mapping[str, str] = _NONE
    binary_data: Mapping[str, str] = _NONE
    immutable: bool = False


@attrs.frozen(kw_only=True)
class ServicePort:
    """A port of a service."""

    port: int
    name: str = ""
    protocol: str = "TCP"
    target_port: int | str | None = None


@attrs.frozen(kw_only=True)
class ServiceSpec:
    """A service as specified."""

    type: str = "ClusterIP"
    cluster_ip: Annotated[str, Schema(name="clusterIP")] = ""
    """``None`` (the word) for a headless service."""
    selector: Mapping[str, str] = _NONE
    ports: tuple[ServicePort, ...] = ()
    publish_not_ready_addresses: bool = False


@of_kind(SERVICE)
@attrs.frozen(kw_only=True)
class Service:
    """v1/Service."""

    metadata: Metadata
    spec: ServiceSpec = ServiceSpec()


@attrs.frozen(kw_only=True)
class DeploymentSpec:
    """A deployment as specified, without its template."""

    replicas: int = 1
    paused: bool = False


@attrs.frozen(kw_only=True)
class DeploymentStatus:
    """How far a deployment is."""

    observed_generation: int = 0
    replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    unavailable_replicas: int = 0
    conditions: tuple[Condition, ...] = ()


@of_kind(DEPLOYMENT)
@attrs.frozen(kw_only=True)
class Deployment:
    """apps/v1/Deployment."""

    metadata: Metadata
    spec: DeploymentSpec = DeploymentSpec()
    status: DeploymentStatus = DeploymentStatus()


TYPED: Mapping[Kind, type] = MappingProxyType(
    {kind_of(cls): cls for cls in (ConfigMap, Deployment, Namespace, Node, Pod, Service)}
)
"""The class for each built-in kind that has one."""
