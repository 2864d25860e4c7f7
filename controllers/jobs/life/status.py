"""The steps of a job's life as its status tells them, each a pure function of the one before.

Promises, for any order of calls: at most one of Succeeded and Failed is True; once one is,
every step returns the status unchanged; Running is False then; a condition's time moves only
when it flips; every list and text stays within the bounds of the API. Deciding which step to
take is left to the planner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import attrs

from apis.v1alpha1.status import (
    MAX_EXIT_CODE,
    MAX_MESSAGE,
    MAX_RESTART_HISTORY,
    MIN_EXIT_CODE,
    JobStatus,
    Metric,
    Phase,
    RestartRecord,
)
from controllers.jobs.life.progress import scheduling
from controllers.jobs.life.released import with_released
from mlctl_core.objects.conditions import Condition, find_condition, is_true, set_condition
from mlctl_core.objects.times import format_time, parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from apis.v1alpha1.status import Lineage
    from controllers.jobs.job import Refusal
    from controllers.jobs.life.outcome import Outcome
    from controllers.jobs.life.progress import Progress
    from controllers.jobs.resolve import Pins

Truth = Literal["True", "False", "Unknown"]

_TERMINAL = ("Succeeded", "Failed")
_ONLY_ONCE_TRUE = ("Running", "Suspended", "Restarting")
"""Conditions that first appear when they become true; PodsReady is there from the start."""


def is_over(status: JobStatus) -> bool:
    """Whether the job has ended, for ever: either sign of it is enough, whatever the other says."""
    return status.phase in _TERMINAL or any(is_true(status.conditions, k) for k in _TERMINAL)


def waiting(status: JobStatus, refusal: Refusal, now: datetime) -> JobStatus:
    """The job cannot start for a reason that somebody has to cure."""
    return _step(status, now, "Pending", refusal.reason, refusal.message)


def begun(
    status: JobStatus,
    pins: Pins,
    resources: Mapping[str, str],
    lineage: Lineage,
    now: datetime,
) -> JobStatus:
    """The job is taken up, or taken up again after a suspension: what it is made of is fixed."""
    pinned = attrs.evolve(
        status,
        attempt=max(status.attempt, 1),
        start_time=format_time(now),
        framework=pins.framework,
        size=pins.size,
        role_sizes=pins.role_sizes,
        resources=resources,
        lineage=lineage,
    )
    return advanced(pinned, scheduling(), now)


def advanced(status: JobStatus, progress: Progress, now: datetime) -> JobStatus:
    """The present attempt got on, or is held up.

    Once all its pods have run it is running, also while one of them is replaced or added.
    """
    whole = progress.phase == "Running"
    runs = whole or status.phase == "Running"
    truths: dict[str, Truth] = {"PodsReady": "True" if whole else "False"}
    if runs:
        truths["Running"] = "True"
    phase = "Running" if runs else progress.phase
    new = _step(status, now, phase, progress.reason, progress.message, **truths)
    if whole and new.running_time is None and not is_over(status):
        return attrs.evolve(new, running_time=format_time(progress.started or now))
    return new


def blocked(status: JobStatus, refusal: Refusal, now: datetime) -> JobStatus:
    """The present attempt cannot have its pod, or the pod its node; the phase stays."""
    phase = status.phase or "Pending"
    truths: dict[str, Truth] = {"PodsReady": "False"}
    if phase == "Running":
        truths["Running"] = "True"
    return _step(status, now, phase, refusal.reason, refusal.message, **truths)


def node_lost(status: JobStatus, node: str, now: datetime) -> JobStatus:
    """The pod's node does not answer: whether the job still runs is not known."""
    message = (
        f"Node {node} does not answer. The job waits for it; if it is gone for good, "
        "delete the Node or taint it node.kubernetes.io/out-of-service."
    )
    return _step(status, now, status.phase or "Running", "NodeLost", message, Running="Unknown")


def with_digest(status: JobStatus, digest: str | None) -> JobStatus:
    """The status with the digest of the image that runs, once a node has told it."""
    if digest is None or status.framework is None or is_over(status):
        return status
    return attrs.evolve(status, framework=attrs.evolve(status.framework, digest=digest))


def ran_from(status: JobStatus, started: datetime | None) -> JobStatus:
    """The status of an attempt that ended before it was seen to run."""
    if started is None or status.running_time is not None:
        return status
    return attrs.evolve(status, running_time=format_time(started))


def suspended(status: JobStatus, now: datetime, *, begun: bool) -> JobStatus:
    """The user holds the job; if its present attempt has ``begun``, it belongs to the past."""
    stopped = _attempt_over(status, now) if begun else status
    message = "Held by spec.suspend; set it to false to start."
    return _step(stopped, now, "Suspended", "Suspended", message, Suspended="True")


def restarting(status: JobStatus, outcome: Outcome, pod: str, now: datetime) -> JobStatus:
    """An attempt failed and another one follows; its pod belongs to the past from here on."""
    if is_over(status):
        return status
    counted = _counted(_attempt_over(status, outcome.ended), outcome, pod, now)
    message = f"Attempt {status.attempt} failed: {outcome.message}"
    return _step(counted, now, "Restarting", outcome.reason, message, Restarting="True")


def replaced(status: JobStatus, outcome: Outcome, pod: str, uid: str, now: datetime) -> JobStatus:
    """A pod failed and is made again, while the others go on."""
    if is_over(status):
        return status
    counted = with_released(_counted(status, outcome, pod, now), ((pod, uid),))
    message = f"{outcome.message} It is made again."
    truths: dict[str, Truth] = {"PodsReady": "False"}
    if status.phase == "Running":
        truths["Running"] = "True"
    return _step(counted, now, status.phase or "Pending", outcome.reason, message, **truths)


def ended(
    status: JobStatus, outcome: Outcome, metrics: Mapping[str, Metric], now: datetime
) -> JobStatus:
    """The job has ended, well or badly, for good."""
    if is_over(status):
        return status
    phase: Literal["Succeeded", "Failed"] = "Succeeded" if outcome.succeeded else "Failed"
    done = attrs.evolve(
        status,
        metrics=dict(metrics),
        running_seconds=status.running_seconds + _ran(status, outcome.ended),
        completion_time=format_time(outcome.ended),
        program_gpus=None,
    )
    truths: dict[str, Truth] = {"Running": "False", phase: "True"}
    return _step(done, now, phase, outcome.reason, outcome.message, **truths)


def charged(status: JobStatus, role: str, bound: datetime | None, until: datetime) -> JobStatus:
    """The GPUs of a role's pod that held them from ``bound``, when it got its node, until then."""
    gpus = gpus_of(status, role)
    if not gpus or bound is None or is_over(status):
        return status
    seconds = max(0, int((until - bound).total_seconds()))
    return attrs.evolve(status, gpu_seconds=(status.gpu_seconds or 0) + gpus * seconds)


def gpus_of(status: JobStatus, role: str) -> int:
    """The GPUs that each pod of a role has."""
    size = status.role_sizes.get(role, status.size)
    return size.gpu.count if size and size.gpu else 0


def observed(status: JobStatus, generation: int) -> JobStatus:
    """``status`` as computed from that generation of the spec."""
    return attrs.evolve(status, observed_generation=generation)


def _attempt_over(status: JobStatus, end: datetime) -> JobStatus:
    return attrs.evolve(
        status,
        attempt=status.attempt + 1,
        released=(),
        running_seconds=status.running_seconds + _ran(status, end),
        running_time=None,
        program_gpus=None,
    )


def _counted(status: JobStatus, outcome: Outcome, pod: str, now: datetime) -> JobStatus:
    """The status with one more failure of that pod, from the budget that it is taken from."""
    record = RestartRecord(
        time=format_time(now),
        reason=outcome.reason,
        pod=pod,
        exit_code=_bounded(outcome.exit_code),
    )
    return attrs.evolve(
        status,
        restarts=status.restarts + (outcome.blame == "application"),
        infra_restarts=status.infra_restarts + (outcome.blame == "infrastructure"),
        restart_history=(*status.restart_history, record)[-MAX_RESTART_HISTORY:],
    )


def _ran(status: JobStatus, end: datetime) -> int:
    """Whole seconds that the present attempt ran until ``end``."""
    if status.running_time is None:
        return 0
    return max(0, int((end - parse_time(status.running_time)).total_seconds()))


def _bounded(exit_code: int | None) -> int | None:
    """One number out of bounds would get the whole status refused, at every try."""
    return exit_code if exit_code is None else min(max(exit_code, MIN_EXIT_CODE), MAX_EXIT_CODE)


def _step(
    status: JobStatus,
    now: datetime,
    phase: Phase,
    reason: str,
    message: str,
    **truths: Truth,
) -> JobStatus:
    """The status in its new phase; a condition that ``truths`` leaves out becomes False."""
    if is_over(status):
        return status
    wanted: dict[str, Truth] = {"PodsReady": "True" if phase == "Running" else "False"}
    for kind in _ONLY_ONCE_TRUE:
        if find_condition(status.conditions, kind):
            wanted[kind] = "False"
    wanted |= truths
    text = clipped(message)
    conditions = status.conditions
    for kind, truth in wanted.items():
        new = Condition(
            type=kind,
            status=truth,
            reason=reason,
            message=text,
            last_transition_time=format_time(now),
        )
        conditions = set_condition(conditions, new)
    return attrs.evolve(
        status,
        phase=phase,
        reason=reason,
        message=text,
        conditions=conditions,
    )


def clipped(message: str) -> str:
    """``message`` cut to what a status holds."""
    return message if len(message) <= MAX_MESSAGE else message[: MAX_MESSAGE - 1] + "…"
