"""Which of a job's pods can be made now, and what keeps the others from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controllers.jobs.job import Refusal
from controllers.jobs.life.deadlines import seconds_until
from controllers.jobs.life.restarts import restart_at
from mlctl_core.objects.core import Pod
from mlctl_core.objects.kinds import kind_of
from mlctl_core.reconcile.plan import NAME_TAKEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from controllers.jobs.life.gang import Gang, Place
    from mlctl_core.objects.json import Json
    from mlctl_core.objects.metadata import Metadata
    from mlctl_core.reconcile.plan import WriteFailure
    from mlctl_core.reconcile.view import View

FORBIDDEN = 403


def free_places(gang: Gang) -> tuple[Place, ...]:
    """Places that may be filled: all pods of earlier attempts are gone, and the one before them."""
    if gang.earlier:
        return ()
    taken = {pod.metadata.name for pod in gang.past}
    return tuple(place for place in gang.missing if place.name not in taken)


def delay(gang: Gang, view: View) -> float:
    """Seconds until what failed may be made again; 0 when nothing has to wait."""
    due = restart_at(gang.job.status)
    return seconds_until(due, view.now) if due else 0.0


def foreign_children(
    gang: Gang, places: Iterable[Place], children: Iterable[Json], view: View
) -> Refusal | None:
    """Whether an object that is not this job's has the name of one of its children.

    What an earlier job of that name left behind is on its way out; anything else is for the
    user to move, and is never touched.
    """
    found: list[tuple[str, Metadata]] = [
        ("Pod", pod.metadata) for place in places if (pod := view.get(Pod, place.name))
    ]
    for child in children:
        kind = kind_of(f"{child['apiVersion']}/{child['kind']}")
        if there := view.get(kind, child["metadata"]["name"]):
            found.append((kind.name, there.metadata))
    job = gang.job.metadata
    for what, metadata in found:
        owner = metadata.controller
        if owner and owner.uid == job.uid:
            continue
        if owner and (owner.kind, owner.name) == (gang.kind.kind.name, job.name):
            message = f"Waits until {what} {metadata.name} of an earlier {job.name} is gone."
            return Refusal("WaitingForOldPod", message)
        return name_taken(f"{what} {metadata.name}")
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
