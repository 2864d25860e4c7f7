"""Size: what the word after ``size:`` in a job means."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal

import attrs

from apis.v1alpha1.refusal import not_supported
from apis.v1alpha1.values import Generation, LabelKey, LabelValue, Quantity
from mlctl_core.objects.conditions import Conditions
from mlctl_core.objects.metadata import Metadata
from mlctl_core.objects.resource import Column, Rule, Schema, resource, rules

__all__ = ["Gpu", "PodSize", "Size", "SizeSpec", "SizeStatus", "Toleration"]


@attrs.frozen(kw_only=True)
class Gpu:
    """The GPUs of a pod."""

    resource: Annotated[
        str,
        Schema(max_length=317, pattern=r"^[a-z0-9.-]+/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"),
    ]
    """The resource that nodes offer, such as nvidia.com/gpu or nvidia.com/mig-1g.5gb."""
    count: Annotated[int, Schema(format="int32", minimum=1, maximum=1024)] = 1
    """How many of them."""


@rules(
    Rule(
        "!has(self.operator) || self.operator != 'Exists' || !has(self.value)",
        "operator Exists takes no value: remove value",
        field_path=".value",
        reason="FieldValueForbidden",
    ),
    Rule(
        "has(self.key) || (has(self.operator) && self.operator == 'Exists')",
        "without a key the operator must be Exists",
        field_path=".operator",
    ),
    Rule(
        "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
        "tolerationSeconds needs effect NoExecute",
        field_path=".effect",
    ),
)
@attrs.frozen(kw_only=True)
class Toleration:
    """A taint that pods of the size put up with."""

    key: LabelKey | None = None
    """Key of the taint; absent means every key."""
    operator: Literal["Exists", "Equal"] = "Equal"
    """Whether the taint's value matters."""
    value: LabelValue | None = None
    """Value of the taint, for operator Equal."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """Effect of the taint; absent means every effect."""
    toleration_seconds: Annotated[
        int | None, Schema(format="int64", minimum=0, maximum=2**31 - 1)
    ] = None
    """How long a pod stays on a node with a NoExecute taint; absent means for ever."""


@attrs.frozen(kw_only=True)
class PodSize:
    """What one pod gets, all its containers together; requests equal limits."""

    cpu: Quantity
    """Cores: 2, 500m."""
    memory: Quantity
    """Memory: 4Gi."""
    ephemeral_storage: Quantity | None = None
    """Local disk for code, dependencies and scratch files."""
    shared_memory: Quantity | None = None
    """Size of /dev/shm; it counts against memory."""
    gpu: Gpu | None = None
    """GPUs; a size that has them picks the framework's GPU image."""
    node_selector: Annotated[Mapping[str, LabelValue], Schema(max_properties=32)] = (
        MappingProxyType({})
    )
    """Labels that a node must have."""
    tolerations: Annotated[tuple[Toleration, ...], Schema(max_items=32)] = ()
    """Taints that the pods put up with."""


@rules(not_supported("maxPerNamespace", "and limit use with a ResourceQuota"))
@attrs.frozen(kw_only=True)
class SizeSpec(PodSize):
    """What a size is."""

    max_per_namespace: Annotated[int | None, Schema(format="int32", minimum=1, maximum=100_000)] = (
        None
    )
    """How many pods of the size may run in one namespace. Not supported yet."""


@attrs.frozen(kw_only=True)
class SizeStatus:
    """What is known about a size."""

    observed_generation: Generation | None = None
    """The metadata.generation that the status was computed from."""
    conditions: Conditions = ()
    """State of the size."""


@resource(
    group="mlctl.dev",
    version="v1alpha1",
    plural="sizes",
    short_names=("sz",),
    namespaced=False,
    columns=(
        Column("CPU", "string", ".spec.cpu", "Cores"),
        Column("Memory", "string", ".spec.memory", "Memory"),
        Column("GPUs", "integer", ".spec.gpu.count", "Number of GPUs"),
        Column("GPU resource", "string", ".spec.gpu.resource", "What nodes call the GPUs"),
        Column("Age", "date", ".metadata.creationTimestamp", "Time since it was created"),
    ),
    rules=(
        Rule(
            "size(self.metadata.name) <= 63",
            "the name of a size has at most 63 characters: choose a shorter one",
            field_path=".metadata.name",
        ),
    ),
)
@attrs.frozen(kw_only=True)
class Size:
    """A size of the catalogue: the resources behind the name that jobs refer to.

    Jobs pin what they found when they first ran; a change affects later jobs only.
    """

    metadata: Metadata
    spec: SizeSpec
    """What a pod of the size gets."""
    status: SizeStatus = SizeStatus()
    """What is known about the size."""

    @property
    def name(self) -> str:
        """What jobs write after ``size:``."""
        return self.metadata.name
