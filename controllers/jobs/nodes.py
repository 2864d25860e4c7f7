"""Whether the node under a pod can still be believed in.

A node that does not answer may still run the pod (a partition looks like a crash), so the
job waits; only a node that is gone, or that an operator marked out-of-service (KEP-2268),
has certainly stopped it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlctl_core.objects.core import Node

OUT_OF_SERVICE_TAINT = "node.kubernetes.io/out-of-service"


def is_out_of_service(node: Node) -> bool:
    """Whether an operator vouches that nothing runs on the node any more."""
    return any(taint.key == OUT_OF_SERVICE_TAINT for taint in node.spec.taints)


def is_silent(node: Node) -> bool:
    """Whether the node has stopped reporting; one that never reported is not silent yet."""
    return any(c.type == "Ready" and c.status != "True" for c in node.status.conditions)
