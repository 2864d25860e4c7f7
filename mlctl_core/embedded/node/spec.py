"""What nodes a person asks for: ``--pods``, ``--nodes``, ``--gpus-per-node`` and ``--node``.

``--node name=gpu-1,pods=process,cpu=4,gpus=1`` describes one node; keys that are not given have
the defaults of its mode.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, cast

import attrs

from mlctl_core.embedded.node.simulation import parse_duration
from mlctl_core.objects.quantities import parse_quantity

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["NodeSpec", "PodsMode", "Taint", "node_specs", "parse_node_spec"]

PodsMode = Literal["process", "simulated"]

MODES = ("process", "simulated")

# A simulated node is a machine of a GPU cluster; a local one is this machine.
SIMULATED_CPU = "64"
SIMULATED_MEMORY = "512Gi"
STORAGE = "100Gi"
MAX_PODS = 110  # the kubelet's default
GPU_RESOURCE = "nvidia.com/gpu"
GPU_PRODUCT = "Simulated-GPU"
GPU_MEMORY_MIB = 81920

KEYS = (
    "name",
    "pods",
    "cpu",
    "memory",
    "ephemeral-storage",
    "max-pods",
    "gpus",
    "gpu-resource",
    "gpu-product",
    "label",
    "taint",
    "run-for",
)


@attrs.frozen
class Taint:
    """What keeps pods without a toleration away."""

    key: str
    value: str
    effect: str


@attrs.frozen
class NodeSpec:
    """One node to register and to run pods for."""

    name: str
    pods: PodsMode = "process"
    """Containers are local processes, or only said to run."""

    cpu: str = ""
    """Cores; by default the machine's, simulated 64."""

    memory: str = ""
    """By default the machine's, simulated 512Gi."""

    ephemeral_storage: str = STORAGE
    max_pods: int = MAX_PODS
    gpus: int = 0
    """Devices that the node claims to have; none of them is real."""

    gpu_resource: str = GPU_RESOURCE
    gpu_product: str = GPU_PRODUCT
    labels: Mapping[str, str] = attrs.Factory(dict)
    taints: tuple[Taint, ...] = ()
    run_for: float | None = None
    """Seconds for which simulated pods run that do not say it; None: until they are deleted."""

    @property
    def capacity(self) -> dict[str, str]:
        """What the node offers, by resource name."""
        local = self.pods == "process"
        capacity = {
            "cpu": self.cpu or (str(os.cpu_count() or 1) if local else SIMULATED_CPU),
            "memory": self.memory or (_machine_memory() if local else SIMULATED_MEMORY),
            "ephemeral-storage": self.ephemeral_storage,
            "pods": str(self.max_pods),
        }
        if self.gpus:
            capacity[self.gpu_resource] = str(self.gpus)
        return capacity


def node_specs(
    *, pods: str, nodes: int | None, gpus_per_node: int, described: Sequence[str]
) -> list[NodeSpec]:
    """The nodes that the options of a command line ask for.

    Args:
        pods: the mode of nodes that do not say it; ``none`` asks for no nodes by default.
        nodes: how many like each other, named node-1, node-2, …; None: one, unless nodes are
            described.
        gpus_per_node: of these.
        described: the values of ``--node``.

    Raises:
        ValueError: a value makes no sense, or a name comes twice.
    """
    if nodes is None:
        nodes = 0 if described or pods == "none" else 1
    mode = _mode(pods) if pods != "none" else "simulated"
    specs = [
        NodeSpec(name=f"node-{number}", pods=mode, gpus=gpus_per_node)
        for number in range(1, nodes + 1)
    ]
    specs += [parse_node_spec(text, mode) for text in described]
    names = [spec.name for spec in specs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"nodes named twice: {', '.join(twice)}")
    return specs


def parse_node_spec(text: str, default_mode: PodsMode = "process") -> NodeSpec:
    """Reads one ``key=value,…``; ``label`` and ``taint`` may come several times.

    ``label=disk=ssd``, ``taint=nvidia.com/gpu=present:NoSchedule``.

    Raises:
        ValueError: the message names the key.
    """
    single: dict[str, str] = {}
    labels: dict[str, str] = {}
    taints: list[Taint] = []
    for part in filter(None, text.split(",")):
        key, _, value = part.partition("=")
        if key not in KEYS:
            raise ValueError(f"{key!r} is no property of a node; known: {', '.join(KEYS)}")
        if key == "label":
            name, _, label = value.partition("=")
            labels[name] = label
        elif key == "taint":
            taints.append(_taint(value))
        else:
            single[key] = value
    if not single.get("name"):
        raise ValueError(f"node {text!r} has no name")
    for key in ("cpu", "memory", "ephemeral-storage"):
        if key in single:
            parse_quantity(single[key])
    mode = _mode(single.get("pods", default_mode))
    if "run-for" in single and mode != "simulated":
        raise ValueError(f"run-for={single['run-for']!r}: a pod in mode {mode} runs its program")
    return NodeSpec(
        name=single["name"],
        pods=mode,
        cpu=single.get("cpu", ""),
        memory=single.get("memory", ""),
        ephemeral_storage=single.get("ephemeral-storage", STORAGE),
        max_pods=_count("max-pods", single, MAX_PODS),
        gpus=_count("gpus", single, 0),
        gpu_resource=single.get("gpu-resource", GPU_RESOURCE),
        gpu_product=single.get("gpu-product", GPU_PRODUCT),
        labels=labels,
        taints=tuple(taints),
        run_for=parse_duration(single["run-for"]) if "run-for" in single else None,
    )


def _mode(text: str) -> PodsMode:
    if text not in MODES:
        raise ValueError(f"pods={text!r}: expected one of {', '.join(MODES)}")
    return cast("PodsMode", text)


def _count(key: str, found: Mapping[str, str], default: int) -> int:
    text = found.get(key, str(default))
    if not text.isdigit():
        raise ValueError(f"{key}={text!r}: expected a number")
    return int(text)


def _taint(text: str) -> Taint:
    rest, _, effect = text.rpartition(":")
    key, _, value = rest.partition("=")
    if not key or effect not in ("NoSchedule", "PreferNoSchedule", "NoExecute"):
        raise ValueError(f"taint={text!r}: expected key[=value]:effect")
    return Taint(key, value, effect)


def _machine_memory() -> str:
    kib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024
    return f"{kib}Ki"
