"""Whether a failed attempt is followed by another, and when.

Failures of the program and failures of the cluster have budgets of their own: an eviction
never eats into ``backoffLimit``.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import attrs

from mlctl_core.objects.times import parse_time

if TYPE_CHECKING:
    from apis.v1alpha1.common import JobSpec
    from apis.v1alpha1.status import JobStatus
    from controllers.jobs.job import RestartPolicy
    from controllers.jobs.life.outcome import Outcome

FIRST_DELAY_SECONDS = 5.0
"""A bad node or a full disk needs a moment; a user who waits for a retry should not notice it."""
MAX_DELAY_SECONDS = 300.0
"""Doubled up to here, so that ten retries of a broken cluster are spread over half an hour."""
_MAX_DOUBLINGS = 10
_FIRST_SIGNAL = 128
"""Exit codes from here on tell of signals, which may come from outside the program."""


def may_restart(
    spec: JobSpec, status: JobStatus, outcome: Outcome, policy: RestartPolicy = "OnFailure"
) -> bool:
    """Whether the policy and the budget that ``outcome`` is taken from allow another attempt."""
    if outcome.blame != "application":
        return status.infra_restarts < spec.infra_backoff_limit
    return _is_retried(outcome, policy) and status.restarts < spec.backoff_limit


def final(spec: JobSpec, outcome: Outcome, policy: RestartPolicy = "OnFailure") -> Outcome:
    """``outcome`` as the reason that the job failed for good.

    Without a budget, or where the policy asks for none, the failure itself is the reason; a spent
    budget is named instead, and the failure told in the message.
    """
    if outcome.blame == "application":
        field, limit = "backoffLimit", spec.backoff_limit
        limit = limit if _is_retried(outcome, policy) else 0
    else:
        field, limit = "infraBackoffLimit", spec.infra_backoff_limit
    if outcome.succeeded or limit == 0:
        return outcome
    message = f"spec.{field} of {limit} is spent. The last failure was {outcome.reason}: "
    return attrs.evolve(outcome, reason="BackoffLimitExceeded", message=message + outcome.message)


def restart_at(status: JobStatus) -> datetime | None:
    """When what failed last may be made again; None when nothing has to wait."""
    if status.phase != "Restarting" and all(pod.gone for pod in status.released):
        return None
    if not status.restart_history:
        return None
    failed = parse_time(status.restart_history[-1].time)
    return failed + timedelta(seconds=delay(status.restarts + status.infra_restarts))


def delay(restarts: int) -> float:
    """Seconds between a failure and the next attempt, the ``restarts``-th one."""
    doublings = min(max(restarts - 1, 0), _MAX_DOUBLINGS)
    return float(min(FIRST_DELAY_SECONDS * 2**doublings, MAX_DELAY_SECONDS))


def _is_retried(outcome: Outcome, policy: RestartPolicy) -> bool:
    if policy == "ExitCode":
        return outcome.exit_code is None or outcome.exit_code >= _FIRST_SIGNAL
    return policy == "OnFailure"
