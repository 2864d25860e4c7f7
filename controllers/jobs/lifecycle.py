"""The life of a job of one pod, whatever its kind: one look, one step.

What makes a crash at any moment harmless is the order of things, one plan each: a result goes
into the status, and with it the number of the next attempt; only then is the pod of the past
attempt let go and deleted; only when it is gone is the next one created, under the same name.
So there is never a second pod for one attempt, and never a pod gone before its result is known.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import attrs

from controllers.jobs import attempts, deadlines, launch, logs, names, progress, source, status
from controllers.jobs.after import plan_ended
from controllers.jobs.conclude import accounted, change, commit, conclude, vanished
from controllers.jobs.deadlines import earliest, seconds_until
from controllers.jobs.facts import Facts, Wanted
from controllers.jobs.job import ROLE, Refusal
from controllers.jobs.nodes import NODE_PATIENCE, abandoned_from, is_gone, is_silent
from controllers.jobs.outcome import Outcome, outcome_of
from controllers.jobs.pod import pod as pod_of
from controllers.jobs.release import release, release_orphans
from controllers.jobs.resolve import Pins, lineage, resolve
from mlctl_core.objects.conditions import find_condition
from mlctl_core.objects.core import Node, Pod
from mlctl_core.objects.times import parse_time
from mlctl_core.reconcile.plan import EventNote, Plan

if TYPE_CHECKING:
    from apis.v1alpha1.status import JobStatus
    from controllers.jobs.job import Job, JobKind
    from mlctl_core.reconcile.view import View

RECHECK_SECONDS = 30.0
"""How often to look again at what no watch tells us about; a look costs no request."""
SOURCE_RECHECK_SECONDS = 15.0
"""How often to ask again for a user's ConfigMap; a question is one request."""
POD_RECHECK_SECONDS = 5.0
"""How often to ask for a pod that was seen and is not in the cache, until it is certain whether
it is gone: the event that tells comes sooner, as a rule."""
IMAGE_PATIENCE = timedelta(minutes=5)
"""How long a node may fail to pull an image before another attempt, maybe on another node:
as long as a kubelet's own back-off takes to reach its maximum."""
_NOT_TAKEN_UP = frozenset((None, "Pending", "Suspended"))
_WITHOUT_POD = _NOT_TAKEN_UP | {"Restarting"}
_POD_WAS_SEEN = frozenset(("Preparing", "Running"))


def plan(job: Job, kind: JobKind, view: View) -> Plan:
    """What ``job`` needs next."""
    mine = view.owned(Pod)
    if job.metadata.deleting:
        return release((), mine, view)
    if status.is_over(job.status):
        return plan_ended(job, kind, view)
    pods = attempts.split(mine, job.status)
    let_go = _let_go(job, pods, view)
    if let_go.patch or let_go.delete:
        return let_go
    if pods.current and (outcome := _outcome(job, pods.current, view)):
        return conclude(job, kind, pods.current, outcome, view)
    if _is_missing(job, pods) and not _is_gone(job, kind, view):
        return Plan(requeue_after=POD_RECHECK_SECONDS)
    if job.spec.suspend:
        return _suspend(job, pods.current, let_go, view)
    if job.status.phase in _NOT_TAKEN_UP:
        return _begin(job, kind, view)
    if pods.current is None:
        return _launch(job, kind, pods, view)
    return _follow(job, kind, pods.current, view)


def wanted(job: Job, kind: JobKind, view: View) -> Wanted:
    """What `plan` will have to know that no cache holds."""
    if job.metadata.deleting or status.is_over(job.status):
        return Wanted()
    if job.status.phase in _NOT_TAKEN_UP:
        if job.spec.suspend:
            return Wanted()
        config_map = job.spec.source.config_map if job.spec.source else None
        return Wanted(config_map=config_map.name if config_map else "")
    pods = attempts.split(view.owned(Pod), job.status)
    if _is_missing(job, pods):
        return Wanted(pod=names.pod_name(kind.short_name, job.metadata.name, ROLE, 0))
    current = pods.current
    outcome = _outcome(job, current, view) if current else None
    if outcome is None or current is None:
        return Wanted()
    container = logs.wanted(current, outcome)
    return Wanted(log_of=current, container=container) if container else Wanted()


def _is_missing(job: Job, pods: attempts.Attempts) -> bool:
    """Whether the present attempt's pod was seen, and the cache does not show it."""
    return pods.current is None and job.status.phase in _POD_WAS_SEEN


def _is_gone(job: Job, kind: JobKind, view: View) -> bool:
    """Whether the server itself says that the present attempt's pod is no more.

    A cache that lags, as in a manager that has just taken over, is no reason to give up a pod
    that runs.
    """
    found = view.facts.pod if isinstance(view.facts, Facts) else None
    if found is None or found.name != names.pod_name(kind.short_name, job.metadata.name, ROLE, 0):
        return False
    pod = found.metadata
    if pod is None or pod.controller is None or pod.controller.uid != job.metadata.uid:
        return True
    return attempts.number(pod) < job.status.attempt


def _let_go(job: Job, pods: attempts.Attempts, view: View) -> Plan:
    """Pods of the past: this job's, and those that an earlier job of its name left behind."""
    if pods.past:
        return release((), pods.past, view)
    namesakes = view.list(Pod, labels={names.NAME_LABEL: job.metadata.name})
    return release_orphans(pod for pod in namesakes if not _is_own(pod, job))


def _is_own(pod: Pod, job: Job) -> bool:
    return any(owner.uid == job.metadata.uid for owner in pod.metadata.owner_references)


def _outcome(job: Job, pod: Pod, view: View) -> Outcome | None:
    outcome = outcome_of(pod, node_is_lost=_node_is_lost(job, pod, view), now=view.now)
    if outcome and outcome.blame == "infrastructure" and job.spec.suspend:
        # The user wants the pod gone: how it went is no failure.
        return None
    return outcome


def _node_is_lost(job: Job, pod: Pod, view: View) -> bool:
    if pod.metadata.deleting:
        abandoned = abandoned_from(pod, view)
        return abandoned is not None and abandoned <= view.now
    if not is_gone(pod, view):
        return False
    running = find_condition(job.status.conditions, "Running")
    if running is None or running.status != "Unknown":
        return False
    return view.now >= parse_time(running.last_transition_time) + NODE_PATIENCE


def _suspend(job: Job, pod: Pod | None, let_go: Plan, view: View) -> Plan:
    """Make the present attempt one of the past: its pod is let go like any other's."""
    if job.status.phase == "Suspended" and pod is None:
        return attrs.evolve(change(job, job.status), requeue_after=let_go.requeue_after)
    so_far = accounted(job.status, pod, view.now)
    # A pod may be on its way in every other phase, whether or not it has been seen.
    begun = pod is not None or job.status.phase not in _WITHOUT_POD
    return commit(job, status.suspended(so_far, view.now, begun=begun))


def _begin(job: Job, kind: JobKind, view: View) -> Plan:
    """Fix what the job is made of, or say why it cannot be made."""
    facts = view.facts if isinstance(view.facts, Facts) else Facts()
    pins = resolve(job, kind, view)
    if isinstance(pins, Refusal):
        return change(job, status.waiting(job.status, pins, view.now))
    if refusal := source.refusal(job, facts.source):
        waiting = change(job, status.waiting(job.status, refusal, view.now))
        return attrs.evolve(waiting, requeue_after=_source_recheck(job))
    taken_up = commit(job, status.begun(job.status, pins, lineage(job.spec), view.now))
    if not pins.warning:
        return taken_up
    warning = EventNote("Warning", "FrameworkDeprecated", pins.warning)
    return attrs.evolve(taken_up, events=(*taken_up.events, warning))


def _launch(job: Job, kind: JobKind, pods: attempts.Attempts, view: View) -> Plan:
    """Create the present attempt's pod, as soon as nothing is in its way."""
    if _is_missing(job, pods):
        return conclude(job, kind, None, vanished(job, kind, view.now), view)
    if expired := deadlines.expired(job.spec, job.status, view.now):
        return conclude(job, kind, None, expired, view)
    if pods.past:
        return Plan(requeue_after=earliest([RECHECK_SECONDS, _deadline(job, view)]))
    if (due := attempts.restart_at(job.status)) and due > view.now:
        return Plan(requeue_after=earliest([seconds_until(due, view.now), _deadline(job, view)]))
    if refusal := launch.foreign_children(job, kind, view):
        blocked = change(job, status.blocked(job.status, refusal, view.now))
        wait = earliest([RECHECK_SECONDS, _deadline(job, view)])
        return attrs.evolve(blocked, requeue_after=wait)
    if refusal := launch.refused(view.failures):
        # Said in the status and tried again: the runtime spaces the tries.
        new = status.blocked(job.status, refusal, view.now)
    else:
        new = status.advanced(job.status, progress.scheduling(), view.now)
    children = [*source.code(job, kind), pod_of(job, kind, _pins(job), 0, job.status.attempt)]
    return attrs.evolve(change(job, new), apply=children, requeue_after=_deadline(job, view))


def _follow(job: Job, kind: JobKind, pod: Pod, view: View) -> Plan:
    """Tell how the present attempt's pod gets on."""
    if failed := _image_failure(pod, view.now):
        return conclude(job, kind, pod, failed, view)
    new, recheck = _seen(job, pod, view)
    if expired := deadlines.expired(job.spec, new, view.now):
        return conclude(job, kind, pod, expired, view, since=new)
    wait = earliest([recheck, deadlines.next_look(job.spec, new, view.now)])
    return attrs.evolve(change(job, new), apply=source.code(job, kind), requeue_after=wait)


def _seen(job: Job, pod: Pod, view: View) -> tuple[JobStatus, float | None]:
    """The status with what the pod shows, and when to look again though nothing changes."""
    name = pod.spec.node_name
    node = view.get(Node, name, "") if name else None
    if name and (node is None or is_silent(node)):
        return status.node_lost(job.status, name, view.now), RECHECK_SECONDS
    seen = progress.progress_of(pod, job.spec.size)
    new = status.advanced(job.status, seen, view.now)
    due = _image_due(pod)
    recheck = seconds_until(due, view.now) if due else None
    return status.with_digest(new, progress.digest(pod)), recheck


def _image_failure(pod: Pod, now: datetime) -> Outcome | None:
    """The end of an attempt whose image cannot be pulled; a kubelet alone would try for ever."""
    due = _image_due(pod)
    if due is None or now < due:
        return None
    return Outcome("infrastructure", "ImagePullFailed", progress.preparing(pod).message, now)


def _image_due(pod: Pod) -> datetime | None:
    bound = progress.bound_since(pod)
    return bound + IMAGE_PATIENCE if bound and progress.image_pull_failed(pod) else None


def _source_recheck(job: Job) -> float | None:
    """Nothing tells when a user's ConfigMap appears; the catalogue is watched."""
    of_user = job.spec.source and job.spec.source.config_map
    return SOURCE_RECHECK_SECONDS if of_user else None


def _deadline(job: Job, view: View) -> float | None:
    return deadlines.next_look(job.spec, job.status, view.now)


def _pins(job: Job) -> Pins:
    framework, size = job.status.framework, job.status.size
    assert framework is not None, "a job is launched only after it was taken up"
    assert size is not None, "pinned together with the framework"
    return Pins(framework, size)
