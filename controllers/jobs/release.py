"""Letting pods go: the tracking finalizer off, and the pod deleted where it should not stay.

Only called for pods whose result is in the status, or that nobody will ask about again.
Every write names the UID and version that was seen, so a pod that was replaced meanwhile is
not touched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from controllers.jobs import names
from controllers.jobs.nodes import is_out_of_service
from mlctl_core.objects.core import Node, Pod
from mlctl_core.objects.kinds import POD
from mlctl_core.reconcile.plan import Delete, Patch, Plan

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlctl_core.objects.keys import ObjectKey
    from mlctl_core.reconcile.view import View


def release(keep: Iterable[Pod], drop: Iterable[Pod], view: View) -> Plan:
    """Stop tracking all of these pods, and delete those to ``drop``."""
    dropped = tuple(drop)
    return Plan(
        patch=[untrack(pod) for pod in (*keep, *dropped) if is_tracked(pod)],
        delete=[delete for pod in dropped if (delete := _delete(pod, view))],
    )


def gone(key: ObjectKey, view: View) -> Plan:
    """What is left to do for a job that no longer exists: let its pods end.

    Only pods that are being deleted are touched: the garbage collector marks them once it
    knows from the server, not from a cache, that their owner is gone.
    """
    labels = {names.NAME_LABEL: key.name}
    return release_orphans(view.list(Pod, key.namespace, labels))


def release_orphans(pods: Iterable[Pod]) -> Plan:
    """Stop tracking pods on their way out whose job is not there to read their result."""
    return Plan(patch=[untrack(pod) for pod in pods if pod.metadata.deleting and is_tracked(pod)])


def is_tracked(pod: Pod) -> bool:
    """Whether the pod still waits for its result to be recorded."""
    return names.TRACKING_FINALIZER in pod.metadata.finalizers


def untrack(pod: Pod) -> Patch:
    """Take the tracking finalizer off; a merge patch replaces the list, hence the version."""
    metadata = pod.metadata
    kept = [name for name in metadata.finalizers if name != names.TRACKING_FINALIZER]
    return Patch(
        kind=POD,
        name=metadata.name,
        namespace=metadata.namespace,
        body={"metadata": {"finalizers": kept}},
        uid=metadata.uid,
        resource_version=metadata.resource_version,
    )


def node_is_gone(pod: Pod, view: View) -> bool:
    """Whether nobody is left on the pod's node to end it."""
    if not pod.spec.node_name:
        return False
    node = view.get(Node, pod.spec.node_name, "")
    return node is None or is_out_of_service(node)


def _delete(pod: Pod, view: View) -> Delete | None:
    if not pod.metadata.deleting:
        return _deletion(pod, None)
    if node_is_gone(pod, view):
        return _deletion(pod, 0)
    return None


def _deletion(pod: Pod, grace_period_seconds: int | None) -> Delete:
    return Delete(
        kind=POD,
        name=pod.metadata.name,
        namespace=pod.metadata.namespace,
        uid=pod.metadata.uid,
        grace_period_seconds=grace_period_seconds,
    )
