"""A custom kind of any form that has a scale."""

from __future__ import annotations

from api_caller import DEFINITIONS

COUNTERS = "/apis/example.com/v1/namespaces/default/counters"


def definition(*, status=False):
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    scale = {
        "specReplicasPath": ".spec.replicas",
        "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.selector",
    }
    return {
        "metadata": {"name": "counters.example.com"},
        "spec": {
            "group": "example.com",
            "names": {"kind": "Counter", "plural": "counters"},
            "scope": "Namespaced",
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                    "subresources": {"scale": scale, **({"status": {}} if status else {})},
                }
            ],
        },
    }


def counter(**more):
    return {"apiVersion": "example.com/v1", "kind": "Counter", "metadata": {"name": "c"}, **more}


async def define(api, **more):
    """Define the kind; its objects can be stored then."""
    await api.made(DEFINITIONS, definition(**more))
    while (await api.get(COUNTERS)).status != 200:
        pass
