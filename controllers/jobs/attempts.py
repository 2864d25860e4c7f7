"""Whether a failed attempt is followed by another, and when.

Failures of the program and failures of the cluster have budgets of their own: an eviction
never eats into ``backoffLimit``. A pod's attempt is its label; the status holds the number of
the present one, so a pod with a smaller number has been dealt with, whoever deletes it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import attrs

from controllers.jobs import names
from mlctl_core.objects.core import Pod
from mlctl_core.objects.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apis.v1alpha1.common import JobSpec
    from apis.v1alpha1.status import JobStatus
    from controllers.jobs.outcome import Outcome
    from mlctl_core.objects.metadata import Metadata

FIRST_DELAY_SECONDS = 5.0
"""A bad node or a full disk needs a moment; a user who waits for a retry should not notice it."""
MAX_DELAY_SECONDS = 300.0
"""Doubled up to here, so that ten retries of a broken cluster are spread over half an hour."""
_MAX_DOUBLINGS = 10


@attrs.frozen
class Attempts:
    """The pods of a job, told apart by attempt."""

    current: Pod | None
    past: tuple[Pod, ...]
    """Pods of attempts whose result is in the status, or that was given up."""


def split(pods: Iterable[Pod], status: JobStatus) -> Attempts:
    """Tell the present attempt's pod from those of the past.

    A pod ahead of the status counts as present: only a stale status could be behind it.
    """
    by_age = sorted(pods, key=lambda pod: number(pod.metadata))
    past = tuple(pod for pod in by_age if number(pod.metadata) < status.attempt)
    return Attempts(by_age[-1] if len(past) < len(by_age) else None, past)


def number(pod: Metadata) -> int:
    """The attempt that a pod belongs to; 0, a past one, when its label was tampered with."""
    text = pod.labels.get(names.ATTEMPT_LABEL, "")
    return int(text) if text.isascii() and text.isdigit() else 0


def may_restart(spec: JobSpec, status: JobStatus, outcome: Outcome) -> bool:
    """Whether the budget that ``outcome`` is taken from allows another attempt."""
    if outcome.blame == "application":
        return status.restarts < spec.backoff_limit
    return status.infra_restarts < spec.infra_backoff_limit


def final(spec: JobSpec, outcome: Outcome) -> Outcome:
    """``outcome`` as the reason that the job failed for good.

    Without a budget the failure itself is the reason; a spent budget is named instead, and
    the failure told in the message.
    """
    if outcome.blame == "application":
        field, limit = "backoffLimit", spec.backoff_limit
    else:
        field, limit = "infraBackoffLimit", spec.infra_backoff_limit
    if outcome.succeeded or limit == 0:
        return outcome
    message = f"spec.{field} of {limit} is spent. The last failure was {outcome.reason}: "
    return attrs.evolve(outcome, reason="BackoffLimitExceeded", message=message + outcome.message)


def restart_at(status: JobStatus) -> datetime | None:
    """When the present attempt may begin; None for one that need not wait."""
    if status.phase != "Restarting" or not status.restart_history:
        return None
    failed = parse_time(status.restart_history[-1].time)
    return failed + timedelta(seconds=delay(status.restarts + status.infra_restarts))


def delay(restarts: int) -> float:
    """Seconds between a failure and the next attempt, the ``restarts``-th one."""
    doublings = min(max(restarts - 1, 0), _MAX_DOUBLINGS)
    return float(min(FIRST_DELAY_SECONDS * 2**doublings, MAX_DELAY_SECONDS))
