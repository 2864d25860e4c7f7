"""Warnings for ``kubectl describe``, told once: when a job's state turns bad, not while it is.

The good life is told by phase and conditions; it needs no events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlctl_core.reconcile.plan import EventNote

if TYPE_CHECKING:
    from apis.v1alpha1.status import JobStatus

_GOOD = frozenset(
    (
        *("WaitingForNode", "StartingContainers", "InstallingDependencies", "Started"),
        *("Completed", "Suspended", "WaitingForOldPod"),
    )
)


def transition(old: JobStatus, new: JobStatus) -> tuple[EventNote, ...]:
    """The warning that the step from ``old`` to ``new`` deserves, if any."""
    if (old.phase, old.reason) == (new.phase, new.reason) or new.reason in _GOOD:
        return ()
    return (EventNote("Warning", new.reason, new.message),)
