"""What the ends of its pods mean for a job: success, a failure of all, or of one alone.

Of several failures one is the cause and the rest follow from it: a member of a collective that
loses another fails too. One of the cluster's comes before the program's, then the earliest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from controllers.jobs.job import RestartPolicy
from controllers.jobs.life.outcome import Outcome, outcome_of
from mlctl_core.objects.core import Pod

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from controllers.jobs.life.gang import Gang, Place
    from mlctl_core.reconcile.view import View


@attrs.frozen(kw_only=True)
class Verdict:
    """An end, and whom it concerns."""

    outcome: Outcome
    pod_name: str
    pod: Pod | None = None
    """The pod that decided; None when it is not there any more."""
    policy: RestartPolicy = "OnFailure"
    """The restart policy of its role."""
    alone: bool = False
    """Whether only that pod is concerned; else the whole job."""


def verdict_of(gang: Gang, view: View, node_is_lost: Callable[[Pod, View], bool]) -> Verdict | None:
    """The end that the job's pods have come to, or None while they have not."""
    ends = {name: _end(gang, pod, view, node_is_lost) for name, pod in gang.current.items()}
    ended = {name: outcome for name, outcome in ends.items() if outcome}
    if success := _success(gang, ended):
        return success
    failures = [
        (gang.places[name], outcome) for name, outcome in ended.items() if not outcome.succeeded
    ]
    of_all = [(p, o) for p, o in failures if not p.role.restarts_alone(p.index)]
    cause = _cause(of_all or failures)
    return _failure(gang, *cause, alone=not of_all) if cause else None


def of_place(gang: Gang, place: Place, outcome: Outcome) -> Verdict:
    """The verdict when that replica has failed, and no other is known to have."""
    return _failure(gang, place, outcome, alone=place.role.restarts_alone(place.index))


def of_job(gang: Gang, outcome: Outcome) -> Verdict:
    """The verdict on the whole job for a reason that lies in no pod, such as a deadline."""
    first = gang.decisive[0]
    return Verdict(outcome=outcome, pod_name=first.name, pod=gang.current.get(first.name))


def _end(
    gang: Gang, pod: Pod, view: View, node_is_lost: Callable[[Pod, View], bool]
) -> Outcome | None:
    outcome = outcome_of(pod, node_is_lost=node_is_lost(pod, view), now=view.now)
    if outcome and outcome.blame == "infrastructure" and gang.job.spec.suspend:
        # The user wants the pod gone: how it went is no failure.
        return None
    return outcome


def _success(gang: Gang, ended: dict[str, Outcome]) -> Verdict | None:
    decisive = [ended.get(place.name) for place in gang.decisive]
    if not all(outcome and outcome.succeeded for outcome in decisive):
        return None
    first = gang.decisive[0]
    outcome, last = ended[first.name], max(o.ended for o in decisive if o)
    return Verdict(
        outcome=attrs.evolve(outcome, ended=last),
        pod_name=first.name,
        pod=gang.current[first.name],
    )


def _cause(failures: Iterable[tuple[Place, Outcome]]) -> tuple[Place, Outcome] | None:
    return min(failures, key=lambda f: (f[1].blame != "infrastructure", f[1].ended), default=None)


def _failure(gang: Gang, place: Place, outcome: Outcome, *, alone: bool) -> Verdict:
    told = outcome
    if len(gang.places) > 1 and place.name not in outcome.message:
        told = attrs.evolve(outcome, message=f"Pod {place.name}: {outcome.message}")
    return Verdict(
        outcome=told,
        pod_name=place.name,
        pod=gang.current.get(place.name),
        policy=place.role.restart_policy,
        alone=alone,
    )
