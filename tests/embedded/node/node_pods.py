"""Pods for the node's tests, decoded as a node decodes them."""

from __future__ import annotations

import json

from mlctl_core.embedded.node.manifest import decode_pod

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p", "namespace": "ns", "uid": "u1", "generation": 1},
    "spec": {"nodeName": "n", "restartPolicy": "Never", "terminationGracePeriodSeconds": 30},
    "status": {"phase": "Pending"},
}


def container(name="main", **fields):
    return {"name": name, "image": "image", "command": ["run"], **fields}


def pod(*, containers=None, inits=(), metadata=None, status=None, **spec):
    """A pod; ``spec`` in the API's spelling."""
    return decode_pod(
        json.dumps(
            {
                **POD,
                "metadata": POD["metadata"] | (metadata or {}),
                "spec": {
                    **POD["spec"],
                    "containers": containers or [container()],
                    "initContainers": list(inits),
                    **spec,
                },
                "status": POD["status"] | (status or {}),
            }
        ).encode()
    )


def deleted(grace=30):
    """Metadata of a pod whose deletion was asked for."""
    return {"deletionTimestamp": "2026-01-01T00:01:00Z", "deletionGracePeriodSeconds": grace}


def sh(script, **fields):
    return {"name": "main", "image": "sh", "command": ["/bin/sh", "-c", script], **fields}


def api_pod(name, *containers, node="n", **spec):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "nodeName": node,
            "restartPolicy": "Never",
            "containers": list(containers),
            **spec,
        },
    }


def state(found, index=0):
    return found["status"]["containerStatuses"][index]["state"]
