"""What ``kubectl describe`` tells of a job: that pods were made, that it is done, what went wrong.

A warning is told once, when a job's state turns bad, not while it is. The rest of the good life
is told by phase and conditions. The words are those of Kubernetes' own Jobs, which people and
dashboards look for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlctl_core.reconcile.plan import EventNote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apis.v1alpha1.status import JobStatus

_NAMED = 3
"""Pods that are named when many are made at once; their labels find the others."""

_GOOD = frozenset(
    (
        *("WaitingForNode", "StartingContainers", "InstallingDependencies", "Started"),
        *("Completed", "Suspended", "WaitingForOldPod"),
    )
)


def transition(old: JobStatus, new: JobStatus) -> tuple[EventNote, ...]:
    """What the step from ``old`` to ``new`` deserves to be told as, if anything."""
    if (old.phase, old.reason) == (new.phase, new.reason):
        return ()
    if new.phase == "Succeeded":
        return (EventNote("Normal", "Completed", new.message),)
    if new.reason in _GOOD:
        return ()
    return (EventNote("Warning", new.reason, new.message),)


def created(pods: Sequence[str]) -> EventNote:
    """Pods of those names were made."""
    named = ", ".join(pods[:_NAMED])
    more = f" and {len(pods) - _NAMED} more" if len(pods) > _NAMED else ""
    what = "pod" if len(pods) == 1 else "pods"
    return EventNote("Normal", "SuccessfulCreate", f"Created {what}: {named}{more}")
