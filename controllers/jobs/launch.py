"""What keeps a job's next pod from being created."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controllers.jobs import names
from controllers.jobs.job import ROLE, Refusal
from mlctl_core.objects.core import ConfigMap, Pod
from mlctl_core.reconcile.plan import NAME_TAKEN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controllers.jobs.job import Job, JobKind
    from mlctl_core.reconcile.plan import WriteFailure
    from mlctl_core.reconcile.view import View

FORBIDDEN = 403


def foreign_children(job: Job, kind: JobKind, view: View) -> Refusal | None:
    """Whether an object that is not this job's has the name of one of its children.

    What an earlier job of that name left behind is on its way out; anything else is for the
    user to move, and is never touched.
    """
    name = job.metadata.name
    wanted: list[tuple[str, ConfigMap | Pod | None]] = [
        ("Pod", view.get(Pod, names.pod_name(kind.short_name, name, ROLE, 0)))
    ]
    if job.spec.source and job.spec.source.inline:
        # Without code of its own to put there, a ConfigMap of that name is no concern.
        wanted.append(("ConfigMap", view.get(ConfigMap, names.code_name(kind.short_name, name))))
    for what, child in wanted:
        if child is None:
            continue
        owner = child.metadata.controller
        if owner and owner.uid == job.metadata.uid:
            continue
        if owner and (owner.kind, owner.name) == (kind.kind.name, name):
            message = f"Waits until {what} {child.metadata.name} of an earlier {name} is gone."
            return Refusal("WaitingForOldPod", message)
        return name_taken(f"{what} {child.metadata.name}")
    return None


def refused(failures: Sequence[WriteFailure]) -> Refusal | None:
    """What the server refused of an earlier plan, in words for the job's status."""
    for failure in failures:
        what = f"{failure.kind.name} {failure.name}"
        if failure.reason == NAME_TAKEN:
            return name_taken(what)
        if failure.status == FORBIDDEN and "exceeded quota" in failure.message:
            fix = "Wait until other work of the namespace ends, or choose a smaller spec.size."
            return Refusal("QuotaExceeded", f"{failure.message}. {fix}")
        if failure.status == FORBIDDEN and "no PriorityClass" in failure.message:
            fix = "Name one that exists: kubectl get priorityclasses."
            return Refusal("PodRefused", f"spec.priorityClassName: {failure.message}. {fix}")
        return Refusal("PodRefused", f"{what} was refused: {failure.message}")
    return None


def name_taken(what: str) -> Refusal:
    """Refuse to touch another's object."""
    return Refusal(
        NAME_TAKEN,
        f"{what} exists and does not belong to this job. Delete it, or choose another "
        "metadata.name.",
    )
