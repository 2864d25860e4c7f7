"""What a job wants to read from a pod's log, and what it makes of it. Pure: see `observe`.

Read once, when the pod has ended by itself and its result is not in the status yet: the last
part of the program's output for its metrics, or of the dependency step's for what went wrong.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import attrs

from apis.v1alpha1 import status as api
from controllers.jobs import metrics
from controllers.jobs.pod import containers, entrypoint
from mlctl_core.objects.times import format_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from controllers.jobs.facts import Output
    from controllers.jobs.job import Job, JobKind
    from controllers.jobs.life.outcome import Outcome
    from mlctl_core.objects.core import Pod

MAX_BYTES = 64 * 1024
"""How much of the end of a log is read: a run's last metrics, not its history."""
PATIENCE_SECONDS = 30.0
"""How long the log of an ended pod may be unreadable (a kubelet that restarts, a network that
hiccups) before the job goes on without it. Counted from the first try that failed: a manager that
was away for longer, or a node whose clock is off, changes nothing about it."""
RETRY_SECONDS = 2.0

_DEPENDENCY_LINES = 5
_DEPENDENCY_TEXT = 600
"""Enough for pip's last words, and small beside the rest of a status message."""

_NO_DISTRIBUTION = re.compile(
    r"^ERROR: No matching distribution found for (.{1,200})$", re.MULTILINE
)
_NO_CONNECTION = "after connection broken by"
"""pip says this of each try before it says that it finds nothing."""


def wanted(pod: Pod, outcome: Outcome) -> str | None:
    """The container whose log tells about ``outcome``; None when no log does."""
    if outcome.blame == "infrastructure":
        return None
    if outcome.reason == "DependencyFailed":
        return containers.DEPENDENCIES
    return containers.MAIN if containers.ended(pod, containers.MAIN) else None


def is_awaited(output: Output | None) -> bool:
    """Whether to try, or to try again, to read the log before the result is recorded."""
    if output is None:
        return True
    return output.text is None and output.failing_seconds < PATIENCE_SECONDS


def metrics_of(output: Output | None, ended: datetime) -> Mapping[str, api.Metric]:
    """The metrics in a program's output, as the status holds them."""
    if output is None or output.text is None or output.container != containers.MAIN:
        return {}
    return {
        name: api.Metric(
            value=metric.value,
            min=metric.min,
            max=metric.max,
            step=metric.step or None,
            time=format_time(ended),
        )
        for name, metric in metrics.parse(output.text).items()
    }


def explained(outcome: Outcome, output: Output | None, job: Job, kind: JobKind) -> Outcome:
    """``outcome`` with what the log adds to it."""
    if output is None:
        return outcome
    if output.text is None:
        note = f" Its log could not be read: {output.problem}"
        return attrs.evolve(outcome, message=outcome.message + note)
    if outcome.reason == "DependencyFailed":
        return attrs.evolve(outcome, message=_dependency_message(outcome.message, output.text))
    if outcome.succeeded:
        return outcome
    if not entrypoint.is_missing(job.spec.entrypoint, output.text):
        return kind.explain(job, outcome, output.text)
    message = (
        f"spec.entrypoint: there is no {job.spec.entrypoint} in the source, "
        "the framework or the dependencies. Correct it, or add what is missing."
    )
    return attrs.evolve(outcome, reason="EntrypointNotFound", message=message)


def _dependency_message(message: str, text: str) -> str:
    """``message`` with pip's last words and, where they are understood, what to do about them."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = f"{message} It said: {' | '.join(lines[-_DEPENDENCY_LINES:])[-_DEPENDENCY_TEXT:]}"
    missing = _NO_DISTRIBUTION.search(text)
    if missing is None:
        return told
    if _NO_CONNECTION in text:
        cause = "the package index did not answer. Apply the job again later, or ask who runs it."
    else:
        cause = f"pip finds no {missing[1]}. Correct its name or its version."
    return f"spec.dependencies: {cause} {told}"
