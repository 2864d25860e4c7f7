"""What a pod that has not ended is doing, in the words of a job's status.

Promises one phase, a reason and one sentence for every state a pod can be in, and few of
them in the good life: each difference costs a status write and a line in everybody's watch.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import attrs

from controllers.jobs.pod import containers, steps
from mlctl_core.objects.times import parse_time

if TYPE_CHECKING:
    from controllers.jobs.life.gang import Gang
    from mlctl_core.objects.core import Pod, Waiting

_IMAGE_REASONS = frozenset(
    (
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
    )
)
_REASON = re.compile("[A-Z][A-Za-z0-9]{0,63}")
_DIGEST = re.compile("sha256:[0-9a-f]{64}")
_NO_CONFIGURATION = "CreateContainerConfigError"
"""A kubelet misses a Secret, a ConfigMap or a key: our pods name them in variables only."""
_NO_CLAIM = "persistentvolumeclaim"
"""The scheduler's word: pods have claims of datasets alone."""
_STARTING_REASONS = frozenset(("", "ContainerCreating", "PodInitializing"))

UNTROUBLED = frozenset(
    (
        *("WaitingForNode", "GettingTicket", "GettingSource", "InstallingDependencies"),
        *("StagingDatasets", "StartingContainers", "Started"),
    )
)
"""Reasons that every good life passes through."""
_ORDER = ("Scheduling", "Preparing", "Running")


@attrs.frozen
class Progress:
    """Where a pod is on its way to running."""

    phase: Literal["Scheduling", "Preparing", "Running"]
    reason: str
    message: str
    started: datetime | None = None
    """When the program started; set in phase Running only."""


def progress_of(pod: Pod, size: str) -> Progress:
    """What ``pod``, which has not ended, is doing; ``size`` is named where it may be the cause."""
    if not pod.spec.node_name:
        return _unbound(pod, size)
    status = containers.status_of(pod, containers.MAIN)
    if status and (status.state.running or status.state.terminated):
        # A program that has ended is told about when the pod has: until then it runs.
        return Progress("Running", "Started", f"Runs on node {pod.spec.node_name}.", started(pod))
    return preparing(pod)


def progress_of_all(gang: Gang) -> Progress:
    """What a job's pods are doing: where the last of them is, trouble before mere waiting."""
    seen = [
        (name, progress_of(gang.current[name], place.role.size))
        if name in gang.current
        else (name, scheduling())
        for name, place in gang.places.items()
    ]
    if len(seen) == 1:
        return seen[0][1]
    runs = sum(one.phase == "Running" for _, one in seen)
    if runs == len(seen):
        started = [one.started for _, one in seen if one.started]
        message = f"All {runs} pods run."
        return Progress("Running", "Started", message, max(started, default=None))
    name, last = min(seen, key=lambda one: (_ORDER.index(one[1].phase), not _is_trouble(one[1])))
    return attrs.evolve(last, message=f"{runs} of {len(seen)} pods run. {name}: {last.message}")


def _is_trouble(progress: Progress) -> bool:
    return progress.reason not in UNTROUBLED


def scheduling() -> Progress:
    """The state of a pod that was just created, or is about to be."""
    return Progress("Scheduling", "WaitingForNode", "Waits for a node.")


def image_pull_failed(pod: Pod) -> Waiting | None:
    """Why an image of the pod cannot be pulled; None when nothing is wrong with it."""
    for name in _in_order(pod):
        waiting = containers.waiting(pod, name)
        if waiting and waiting.reason in _IMAGE_REASONS:
            return waiting
    return None


def _in_order(pod: Pod) -> tuple[str, ...]:
    """The containers that a pod has to get through until its program runs."""
    return (*(container.name for container in pod.spec.init_containers), containers.MAIN)


def bound_since(pod: Pod) -> datetime | None:
    """When the pod got its node."""
    scheduled = containers.condition(pod, "PodScheduled", "True")
    if scheduled is None or not scheduled.last_transition_time:
        return None
    return parse_time(scheduled.last_transition_time)


def started(pod: Pod) -> datetime | None:
    """When the program started, in a pod that runs or has ended."""
    status = containers.status_of(pod, containers.MAIN)
    state = status and (status.state.running or status.state.terminated)
    return parse_time(state.started_at) if state and state.started_at else None


def digest(pod: Pod) -> str | None:
    """The digest of the image that runs, as far as the node tells it."""
    status = containers.status_of(pod, containers.MAIN)
    found = _DIGEST.search(status.image_id) if status else None
    return found[0] if found else None


def _unbound(pod: Pod, size: str) -> Progress:
    refused = containers.condition(pod, "PodScheduled", "False")
    if refused is None or refused.reason != "Unschedulable":
        return scheduling()
    # What it thinks of preempting others follows: no help to the user, and it changes often.
    words = refused.message.partition(" preemption:")[0].rstrip(". ")
    if _NO_CLAIM in words:
        fix = "Create the claim, or suspend the job and correct the dataset."
        return Progress("Scheduling", "Unschedulable", f"spec.datasets: {words}. {fix}")
    message = f"{words}. If this does not pass, choose another spec.size than {size}."
    return Progress("Scheduling", "Unschedulable", message)


def _waits(waiting: Waiting, container: str) -> str:
    words = waiting.message or f"Container {container} waits."
    if waiting.reason != _NO_CONFIGURATION:
        return words
    return f"spec.env: {words}. Create it, or suspend the job and correct spec.env."


def preparing(pod: Pod) -> Progress:
    """What keeps a pod on its node from running."""
    if failed := image_pull_failed(pod):
        words = failed.message or failed.reason
        return Progress("Preparing", "ImagePullFailed", f"Node {pod.spec.node_name}: {words}")
    for name in _in_order(pod):
        waiting = containers.waiting(pod, name)
        if waiting and waiting.reason not in _STARTING_REASONS:
            words = _waits(waiting, name)
            reason = waiting.reason if _REASON.fullmatch(waiting.reason) else "ContainerWaiting"
            return Progress("Preparing", reason, words)
    if step := steps.current(pod):
        return Progress("Preparing", step.progress, f"{step.doing} on node {pod.spec.node_name}.")
    return Progress("Preparing", "StartingContainers", f"Starts on node {pod.spec.node_name}.")
