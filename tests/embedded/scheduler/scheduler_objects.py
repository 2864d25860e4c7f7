"""Pods and nodes for the scheduler's tests, decoded as the scheduler decodes them."""

from __future__ import annotations

import json

from mlctl_core.embedded.scheduler.manifest import decode_node, decode_pod

GPU = "nvidia.com/gpu"


def node_json(name, *, labels=None, taints=(), unschedulable=False, **allocatable):
    amounts = {"cpu": "4", "memory": "8Gi", "pods": "110"}
    amounts |= {key.replace("gpus", GPU): str(value) for key, value in allocatable.items()}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {"taints": list(taints), "unschedulable": unschedulable},
        "status": {"allocatable": amounts, "capacity": amounts},
    }


def pod_json(name="p", *, requests=None, node="", phase="Pending", created="", **spec):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": f"uid-{name}",
            "creationTimestamp": created or "2026-01-01T00:00:00Z",
        },
        "spec": {
            "containers": [
                {
                    "name": "main",
                    "image": "i",
                    "resources": {"requests": requests or {}, "limits": requests or {}},
                }
            ],
            "nodeName": node,
            **spec,
        },
        "status": {"phase": phase},
    }


def node(name, **properties):
    return decode_node(json.dumps(node_json(name, **properties)).encode())


def pod(name="p", **properties):
    return decode_pod(json.dumps(pod_json(name, **properties)).encode())
