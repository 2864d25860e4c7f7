"""How a pod ended: well, by the program's fault, or by the cluster's.

The distinction decides whose budget a restart is taken from. Promises that a pod which was
deleted by somebody else before its program ended never counts against the program, whatever
exit code its kubelet reports (a SIGTERM ends as 143, or as 0 in a program that handles it).
Where the times cannot tell, a deletion comes first: work that is done twice is lost time, work
that is called done and is not is lost. Does not look at who deleted a pod: attempts that we ended
ourselves are not asked about.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import attrs

from controllers.jobs.pod import containers, steps
from mlctl_core.objects.times import parse_time

if TYPE_CHECKING:
    from controllers.jobs.pod.steps import Step
    from mlctl_core.objects.core import Pod, Terminated

Blame = Literal["nobody", "application", "infrastructure"]

_DISRUPTIONS = {
    "PreemptionByScheduler": "Preempted",
    "EvictionByEvictionAPI": "Evicted",
    "TerminationByKubelet": "Evicted",
    "DeletionByTaintManager": "NodeLost",
    "DeletionByPodGC": "NodeLost",
}
"""Reasons of the condition DisruptionTarget (KEP-3329) in our words."""

_KUBELET_REASONS = {
    "Evicted": "Evicted",
    "Preempting": "Preempted",
    "NodeLost": "NodeLost",
    "NodeShutdown": "NodeLost",
    "Shutdown": "NodeLost",
    "Terminated": "NodeLost",
}
"""What a kubelet writes into a pod that it ended itself; any other word is a refusal to run
it (UnexpectedAdmissionError, OutOfcpu, NodeAffinity …)."""

_NOT_STARTED = ("StartError", "ContainerCannotRun")
"""The container runtime could not start the command: its message says why."""

_UNKNOWN_CONTAINER = "ContainerStatusUnknown"
"""The kubelet lost the container and made up exit code 137."""

_FIRST_SIGNAL_EXIT_CODE = 128

_STOPPED = (137, 143)
"""Exit codes of SIGKILL and SIGTERM, by which a kubelet ends a pod that is deleted."""

_CLOCK_SKEW = timedelta(seconds=2)
"""How far a node's clock may be behind the API server's. Times have whole seconds, so that even
with clocks that agree to the millisecond an end may read one second before its cause."""


@attrs.frozen
class Outcome:
    """How one attempt ended."""

    blame: Blame
    """Whose restart budget it counts against; nobody's when it succeeded."""
    reason: str
    message: str
    """One sentence that a user can act on."""
    ended: datetime
    exit_code: int | None = None
    """The exit code of the container that decided; None when none did."""

    @property
    def succeeded(self) -> bool:
        """Whether the work is done."""
        return self.blame == "nobody"


def outcome_of(pod: Pod, *, node_is_lost: bool, now: datetime) -> Outcome | None:
    """How ``pod`` ended, or None while it has not.

    ``node_is_lost`` says that the pod's node will never report again; a pod that is on its
    way out there, or was never bound, has nobody left to end it.
    """
    if pod.status.phase not in ("Succeeded", "Failed"):
        return _abandoned(pod, node_is_lost=node_is_lost, now=now)
    main = containers.ended(pod, containers.MAIN)
    failed = steps.failed(pod)
    end = _finish(main) or _finish(steps.last_end(pod)) or now
    # A step that did its part decides nothing: the program was still to come.
    last = main or (failed[1] if failed else None)
    if _was_deleted_before(pod, last):
        return _disrupted(pod, end) or _deleted(pod, end)
    if pod.status.phase == "Succeeded":
        return Outcome("nobody", "Completed", "The program ended with exit code 0.", end, 0)
    return (
        _disrupted(pod, end)
        or _ended_by_kubelet(pod, end)
        or (_step_failed(*failed, end) if failed else None)
        or _program_failed(pod, main, end)
    )


def _abandoned(pod: Pod, *, node_is_lost: bool, now: datetime) -> Outcome | None:
    if node_is_lost:
        message = f"Node {pod.spec.node_name} is gone, and pod {pod.metadata.name} with it."
        return Outcome("infrastructure", "NodeLost", message, now)
    if pod.metadata.deleting and not pod.spec.node_name:
        return _deleted(pod, now)
    return None


def _was_deleted_before(pod: Pod, last: Terminated | None) -> bool:
    """Whether the deletion was asked for before the container that decides ended by itself.

    The API server's clock says when it was asked for, the node's when the container ended; both
    leave out fractions of a second, so that a program that ends at once on SIGTERM ends in the
    second of the request. An end that looks like the deletion's doing, by its exit code or as
    the pod was disrupted before anybody heard of an end (KEP-3329), is allowed for unequal
    clocks as well.
    """
    if pod.metadata.deletion_timestamp is None:
        return False
    finish = _finish(last)
    if last is None or finish is None:
        return True
    # deletionTimestamp is the time of the request plus the grace period.
    grace = timedelta(seconds=pod.metadata.deletion_grace_period_seconds or 0)
    requested = parse_time(pod.metadata.deletion_timestamp) - grace
    disrupted = containers.condition(pod, "DisruptionTarget", "True") is not None
    stopped = last.exit_code in _STOPPED and last.reason != "OOMKilled"
    return finish >= requested - (_CLOCK_SKEW if disrupted or stopped else timedelta())


def _disrupted(pod: Pod, end: datetime) -> Outcome | None:
    condition = containers.condition(pod, "DisruptionTarget", "True")
    if condition is None:
        return None
    reason = _DISRUPTIONS.get(condition.reason, "Evicted")
    message = condition.message or f"Pod {pod.metadata.name} was disrupted: {condition.reason}."
    return Outcome("infrastructure", reason, message, end)


def _deleted(pod: Pod, end: datetime) -> Outcome:
    message = f"Pod {pod.metadata.name} was deleted by somebody else before it had ended."
    return Outcome("infrastructure", "PodDeleted", message, end)


def _ended_by_kubelet(pod: Pod, end: datetime) -> Outcome | None:
    if not pod.status.reason:
        return None
    reason = _KUBELET_REASONS.get(pod.status.reason, "PodRejected")
    message = f"Node {pod.spec.node_name}: {pod.status.message or pod.status.reason}"
    return Outcome("infrastructure", reason, message, end)


def _step_failed(step: Step, ended: Terminated, end: datetime) -> Outcome:
    how = "ran out of memory" if ended.reason == "OOMKilled" else f"ended with {_code(ended)}"
    message = f"The step that {step.what} {how}."
    if words := steps.last_words(ended.message):
        message += f" It said: {words}"
    return Outcome(step.blame, step.reason, message, end, ended.exit_code)


def _program_failed(pod: Pod, main: Terminated | None, end: datetime) -> Outcome:
    if main is None or main.reason == _UNKNOWN_CONTAINER:
        message = f"Pod {pod.metadata.name} failed and its node does not say how."
        return Outcome("infrastructure", "PodFailed", message, end)
    if main.reason == "OOMKilled":
        message = "The program used more memory than its size allows: choose a larger spec.size."
        return Outcome("application", "OOMKilled", message, end, main.exit_code)
    if main.reason in _NOT_STARTED:
        message = f"The program could not be started: {main.message or main.reason}"
        return Outcome("application", "AppError", message, end, main.exit_code)
    words = f": {main.message.strip()}" if main.message.strip() else ""
    message = (
        f"The program ended with {_code(main)}{words}. "
        f"Its output: kubectl logs -n {pod.metadata.namespace} {pod.metadata.name}"
    )
    return Outcome("application", "AppError", message, end, main.exit_code)


def _code(ended: Terminated) -> str:
    if ended.exit_code > _FIRST_SIGNAL_EXIT_CODE:
        signal = ended.exit_code - _FIRST_SIGNAL_EXIT_CODE
        return f"exit code {ended.exit_code} (signal {signal})"
    return f"exit code {ended.exit_code}"


def _finish(ended: Terminated | None) -> datetime | None:
    return parse_time(ended.finished_at) if ended and ended.finished_at else None
