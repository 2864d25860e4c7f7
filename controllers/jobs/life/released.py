"""The record of pods that a job gave up one by one, while the others of their attempt went on.

Promises that whoever has to be waited for stays on record, and that a pod that is gone does for
as long as there is room: who sees it late must not count its end a second time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from apis.v1alpha1.status import MAX_RELEASED, ReleasedPod

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from apis.v1alpha1.status import JobStatus


def with_released(status: JobStatus, pods: Iterable[tuple[str, str]]) -> JobStatus:
    """The status in which these pods, by name and UID, are given up as well.

    The UID of one that is gone already is empty. Ask for `room` first.
    """
    new = [ReleasedPod(pod=name, uid=uid) for name, uid in pods]
    going = [pod for pod in status.released if not pod.gone]
    gone = [pod for pod in status.released if pod.gone]
    # The front is what is cut off.
    return attrs.evolve(status, released=(*gone, *going, *new)[-MAX_RELEASED:])


def room(status: JobStatus) -> int:
    """How many more can be given up before one of those that were is gone."""
    return MAX_RELEASED - sum(not pod.gone for pod in status.released)


def with_gone(status: JobStatus, present: Collection[str], missing: Collection[str]) -> JobStatus:
    """The status with those marked that are gone, if nothing waits for them.

    ``present`` are the UIDs of those that are not gone, ``missing`` the names of places that are
    still to be filled anew.
    """
    marked = (
        pod
        if pod.gone or pod.uid in present or pod.pod in missing
        else attrs.evolve(pod, gone=True)
        for pod in status.released
    )
    # Without a UID nothing can be told apart later.
    kept = tuple(pod for pod in marked if pod.uid or not pod.gone)
    return status if kept == status.released else attrs.evolve(status, released=kept)
