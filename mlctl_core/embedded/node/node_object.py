"""The Node object, as a kubelet registers it. Pure."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from mlctl_core.embedded.node.spec import GPU_MEMORY_MIB, GPU_RESOURCE
from mlctl_core.objects.times import format_time

if TYPE_CHECKING:
    from datetime import datetime

    from mlctl_core.embedded.node.spec import NodeSpec
    from mlctl_core.objects.json import Json

__all__ = ["node_object"]

VERSION = "v0.0.0-mlctl"

# Go's names for what uname calls otherwise.
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}

# Conditions of which False is good news, with the kubelet's words for it.
PRESSURES = (
    ("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
)


def node_object(spec: NodeSpec, *, address: str, log_port: int, now: datetime) -> Json:
    """The object with its status.

    Args:
        spec: what the node is to be.
        address: where its log endpoint listens, and its pods with it.
        log_port: the port of the log endpoint.
        now: when it became ready.
    """
    system, machine = platform.system().lower(), platform.machine()
    architecture = ARCHITECTURES.get(machine, machine)
    capacity = spec.capacity
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": spec.name, "labels": _labels(spec, system, architecture)},
        "spec": {
            "taints": [
                {"key": taint.key, "value": taint.value, "effect": taint.effect}
                if taint.value
                else {"key": taint.key, "effect": taint.effect}
                for taint in spec.taints
            ]
        }
        if spec.taints
        else {},
        "status": {
            "capacity": capacity,
            "allocatable": capacity,
            "conditions": _conditions(format_time(now)),
            # No address of type Hostname: an API server would try to resolve it first.
            "addresses": [{"type": "InternalIP", "address": address}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": log_port}},
            "nodeInfo": {
                "machineID": "",
                "systemUUID": "",
                "bootID": "",
                "kernelVersion": platform.release(),
                "osImage": f"{platform.system()} ({spec.pods} pods)",
                "containerRuntimeVersion": f"{spec.pods}://{VERSION}",
                "kubeletVersion": VERSION,
                "kubeProxyVersion": "",
                "operatingSystem": system,
                "architecture": architecture,
            },
        },
    }


def _labels(spec: NodeSpec, system: str, architecture: str) -> dict[str, str]:
    labels = {
        "kubernetes.io/hostname": spec.name,
        "kubernetes.io/os": system,
        "kubernetes.io/arch": architecture,
    }
    if spec.gpus and spec.gpu_resource == GPU_RESOURCE:
        # As gpu-feature-discovery labels real ones.
        labels |= {
            "nvidia.com/gpu.present": "true",
            "nvidia.com/gpu.product": spec.gpu_product,
            "nvidia.com/gpu.count": str(spec.gpus),
            "nvidia.com/gpu.memory": str(GPU_MEMORY_MIB),
            "nvidia.com/gpu.replicas": "1",
        }
    return labels | dict(spec.labels)


def _conditions(now: str) -> list[Json]:
    found = [(kind, "False", reason, message) for kind, reason, message in PRESSURES]
    found.append(("Ready", "True", "KubeletReady", "kubelet is posting ready status"))
    return [
        {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message,
            "lastHeartbeatTime": now,
            "lastTransitionTime": now,
        }
        for kind, status, reason, message in found
    ]
