"""Whether the node under a pod can still be believed in.

A node that does not answer may still run the pod (a partition looks like a crash), so the
job waits; only a node that is gone, or that an operator marked out-of-service (KEP-2268),
has certainly stopped it. That a Node is gone is only believed after a while: the cache of
nodes may lag behind that of pods.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mlctl_core.objects.core import Node, Pod
from mlctl_core.objects.times import parse_time

if TYPE_CHECKING:
    from mlctl_core.reconcile.view import View

NODE_PATIENCE = timedelta(seconds=30)
"""How long a pod's Node must be missing before it is believed: longer than a watch that works
ever lags. For a pod that is being deleted it begins when its grace period is over, and a kubelet
that is there after all has ended it."""

OUT_OF_SERVICE_TAINT = "node.kubernetes.io/out-of-service"


def is_out_of_service(node: Node) -> bool:
    """Whether an operator vouches that nothing runs on the node any more."""
    return any(taint.key == OUT_OF_SERVICE_TAINT for taint in node.spec.taints)


def is_silent(node: Node) -> bool:
    """Whether the node has stopped reporting; one that never reported is not silent yet."""
    return any(c.type == "Ready" and c.status != "True" for c in node.status.conditions)


def is_gone(pod: Pod, view: View) -> bool:
    """Whether the node that the pod is on is not there, or certainly does not run it any more."""
    if not pod.spec.node_name:
        return False
    node = view.get(Node, pod.spec.node_name, "")
    return node is None or is_out_of_service(node)


def abandoned_from(pod: Pod, view: View) -> datetime | None:
    """From when on nobody is taken to be left on its node to end a pod that is being deleted.

    None while somebody is: the node is there, or the pod has none, or is not being deleted.
    """
    if pod.metadata.deletion_timestamp is None or not is_gone(pod, view):
        return None
    if view.get(Node, pod.spec.node_name, ""):
        return view.now
    return parse_time(pod.metadata.deletion_timestamp) + NODE_PATIENCE
