"""Letting pods go: the tracking finalizer off, and the pod deleted where it should not stay.

Only called for pods whose result is in the status, or that nobody will ask about again.
Every write names the UID and version that was seen, so a pod that was replaced meanwhile is
not touched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from controllers.jobs import names
from controllers.jobs.life.deadlines import earliest, seconds_until
from controllers.jobs.life.nodes import abandoned_from
from mlctl_core.objects.core import Pod
from mlctl_core.objects.kinds import POD
from mlctl_core.reconcile.plan import Delete, Patch, Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mlctl_core.objects.keys import ObjectKey
    from mlctl_core.objects.kinds import Kind
    from mlctl_core.reconcile.view import View


def release(keep: Iterable[Pod], drop: Iterable[Pod], view: View) -> Plan:
    """Stop tracking all of these pods, and delete those to ``drop``.

    A pod that nobody is left to end is taken away by force; for one whose Node is missing only
    since a moment ago the plan asks to look again.
    """
    dropped = tuple(drop)
    return Plan(
        patch=[untrack(pod) for pod in (*keep, *dropped) if is_tracked(pod)],
        delete=[delete for pod in dropped if (delete := _delete(pod, view))],
        requeue_after=_next_look(dropped, view),
    )


def gone(kind: Kind) -> Callable[[ObjectKey, View], Plan]:
    """What is left to do for a job of that kind that no longer exists: let its pods end.

    Only pods that are being deleted are touched: the garbage collector marks them once it
    knows from the server, not from a cache, that their owner is gone.
    """

    def plan(key: ObjectKey, view: View) -> Plan:
        return release_orphans(namesakes(kind, key, view))

    return plan


def namesakes(kind: Kind, key: ObjectKey, view: View) -> tuple[Pod, ...]:
    """All pods that say that they are of a job of that kind and name, whoever owns them."""
    labels = {names.NAME_LABEL: key.name, names.KIND_LABEL: kind.name}
    return view.list(Pod, key.namespace, labels)


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


def _delete(pod: Pod, view: View) -> Delete | None:
    if not pod.metadata.deleting:
        return _deletion(pod, None)
    abandoned = abandoned_from(pod, view)
    return _deletion(pod, 0) if abandoned and abandoned <= view.now else None


def _next_look(pods: Iterable[Pod], view: View) -> float | None:
    """Seconds until the first of these pods, on their way out, has to be taken away by force."""
    moments = (abandoned_from(pod, view) for pod in pods)
    return earliest(seconds_until(moment, view.now) for moment in moments if moment)


def _deletion(pod: Pod, grace_period_seconds: int | None) -> Delete:
    return Delete(
        kind=POD,
        name=pod.metadata.name,
        namespace=pod.metadata.namespace,
        uid=pod.metadata.uid,
        grace_period_seconds=grace_period_seconds,
    )
