"""The life of a job and its pods, whatever its kind: one look, one step.

What makes a crash at any moment harmless is the order of things, one plan each: a result goes
into the status, and with it the number of the next attempt, or the UID of the one pod that is
given up; only then is a pod of the past let go and deleted; only when it is gone is the next one
created, under the same name. So there is never a second pod for one place in one attempt, and
never a pod gone before its result is known.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import attrs

from controllers.jobs import lineage
from controllers.jobs.events import created
from controllers.jobs.facts import Facts, Wanted
from controllers.jobs.job import Refusal
from controllers.jobs.life import charges, deadlines, launch, progress, released, status
from controllers.jobs.life.after import plan_ended
from controllers.jobs.life.conclude import change, commit, conclude, later, questions, vanished
from controllers.jobs.life.deadlines import seconds_until
from controllers.jobs.life.gang import Gang, gang_of, number
from controllers.jobs.life.nodes import NODE_PATIENCE, abandoned_from, is_gone, is_silent
from controllers.jobs.life.outcome import Outcome
from controllers.jobs.life.release import namesakes, release, release_orphans
from controllers.jobs.life.verdict import Verdict, of_job, of_place, verdict_of
from controllers.jobs.material import Material, children_of, gather
from controllers.jobs.pod import source
from controllers.jobs.pod.pod import pod as pod_of
from controllers.jobs.resolve import resources_of_all
from mlctl_core.objects.conditions import find_condition
from mlctl_core.objects.core import Node, Pod
from mlctl_core.objects.times import parse_time
from mlctl_core.reconcile.plan import EventNote, Plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apis.v1alpha1.status import JobStatus
    from controllers.jobs.job import Job, JobKind
    from controllers.jobs.life.gang import Place
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
_WITHOUT_PODS = _NOT_TAKEN_UP | {"Restarting"}


def plan(job: Job, kind: JobKind, view: View) -> Plan:
    """What ``job`` needs next."""
    mine = view.owned(Pod)
    if job.metadata.deleting:
        return release((), mine, view)
    gang = _with_others(gang_of(job, kind, mine), view)
    if status.is_over(job.status):
        return plan_ended(gang, view)
    let_go = _let_go(gang, view)
    if let_go.patch or let_go.delete:
        return let_go
    if verdict := _verdict(gang, view):
        return conclude(gang, verdict, view)
    if gang.vanished and not _is_gone(gang, view):
        return Plan(requeue_after=POD_RECHECK_SECONDS)
    if job.spec.suspend:
        return _suspend(gang, let_go, view)
    if job.status.phase in _NOT_TAKEN_UP:
        return _begin(gang, view)
    if gang.vanished:
        place = gang.vanished[0]
        return conclude(gang, of_place(gang, place, vanished(place, view.now)), view)
    if gang.surplus and (given_up := _give_up_surplus(gang, view)):
        return given_up
    return later(_go_on(gang, view), let_go.requeue_after)


def wanted(job: Job, kind: JobKind, view: View) -> Wanted:
    """What `plan` will have to know that no cache holds."""
    if job.metadata.deleting or status.is_over(job.status):
        return Wanted()
    if job.status.phase in _NOT_TAKEN_UP:
        if job.spec.suspend:
            return Wanted()
        config_map = job.spec.source.config_map if job.spec.source else None
        return Wanted(config_map=config_map.name if config_map else "")
    gang = gang_of(job, kind, view.owned(Pod))
    if verdict := _verdict(gang, view):
        return questions(gang, verdict)
    return Wanted(pod=gang.vanished[0].name) if gang.vanished else Wanted()


def _with_others(gang: Gang, view: View) -> Gang:
    """The gang with the pods that its own have made, where its kind has such."""
    if not any(role.made_by_program for role in gang.roles):
        return gang
    makers = {pod.metadata.uid for pod in gang.current.values()}
    found = namesakes(gang.kind.kind, gang.job.metadata.key, view)
    made = (p for p in found if (owner := p.metadata.controller) and owner.uid in makers)
    return attrs.evolve(gang, by_program=tuple(made))


def _is_gone(gang: Gang, view: View) -> bool:
    """Whether the server itself says that a pod that was seen is no more.

    A cache that lags, as in a manager that has just taken over, is no reason to give up a pod
    that runs.
    """
    found = view.facts.pod if isinstance(view.facts, Facts) else None
    if found is None or found.name != gang.vanished[0].name:
        return False
    pod, job = found.metadata, gang.job
    if pod is None or pod.controller is None or pod.controller.uid != job.metadata.uid:
        return True
    return number(pod) < job.status.attempt


def _let_go(gang: Gang, view: View) -> Plan:
    """Pods of the past: this job's, and those that an earlier job of its name left behind."""
    if gang.past:
        return release((), gang.past, view)
    job = gang.job
    others = namesakes(gang.kind.kind, job.metadata.key, view)
    return release_orphans(pod for pod in others if not _is_own(pod, job))


def _is_own(pod: Pod, job: Job) -> bool:
    return any(owner.uid == job.metadata.uid for owner in pod.metadata.owner_references)


def _verdict(gang: Gang, view: View) -> Verdict | None:
    return verdict_of(gang, view, lambda pod, view: _node_is_lost(gang.job, pod, view))


def _node_is_lost(job: Job, pod: Pod, view: View) -> bool:
    if pod.metadata.deleting:
        abandoned = abandoned_from(pod, view)
        return abandoned is not None and abandoned <= view.now
    if not is_gone(pod, view):
        return False
    running = find_condition(job.status.conditions, "Running")
    if running is None or running.status != "Unknown":
        return False
    # The condition may be about the node of another pod, and older than this one's binding.
    times = (parse_time(running.last_transition_time), progress.bound_since(pod))
    return view.now >= max(filter(None, times)) + NODE_PATIENCE


def _suspend(gang: Gang, let_go: Plan, view: View) -> Plan:
    """Make the present attempt one of the past: its pods are let go like any others."""
    so_far = gang.job.status
    present = (*gang.current.values(), *gang.surplus)
    if so_far.phase == "Suspended" and not present:
        return later(change(gang, so_far, view.now), let_go.requeue_after)
    # Pods may be on their way in every other phase, whether or not they have been seen.
    begun = bool(present) or so_far.phase not in _WITHOUT_PODS
    charged = charges.attempt(gang, so_far, view.now)
    return commit(gang, status.suspended(charged, view.now, begun=begun), view.now)


def _begin(gang: Gang, view: View) -> Plan:
    """Fix what the job is made of, or say why it cannot be made."""
    job = gang.job
    facts = view.facts if isinstance(view.facts, Facts) else Facts()
    material = gather(job, gang.kind, view)
    if isinstance(material, Refusal):
        return change(gang, status.waiting(job.status, material, view.now), view.now)
    if refusal := source.refusal(job, facts.source):
        waiting = change(gang, status.waiting(job.status, refusal, view.now), view.now)
        return later(waiting, _source_recheck(job))
    pins = material.pins
    resources = resources_of_all(gang.roles, pins)
    new = status.begun(job.status, pins, resources, lineage.known(job, material), view.now)
    taken_up = commit(gang, new, view.now)
    if not pins.warning:
        return taken_up
    warning = EventNote("Warning", "FrameworkDeprecated", pins.warning)
    return attrs.evolve(taken_up, events=(*taken_up.events, warning))


def _give_up_surplus(gang: Gang, view: View) -> Plan | None:
    """Put on record that pods beyond the job's replicas are no failures when they end.

    None while those that were given up before leave no room in the record.
    """
    new = _tidied(gang, gang.job.status)
    chosen = gang.surplus[: released.room(new)]
    if not chosen:
        return None
    for pod in chosen:
        new = charges.released(new, pod, view.now)
    uids = [(pod.metadata.name, pod.metadata.uid) for pod in chosen]
    return commit(gang, released.with_released(new, uids), view.now)


def _tidied(gang: Gang, new: JobStatus) -> JobStatus:
    present = {pod.metadata.uid for pod in gang.past}
    return released.with_gone(new, present, {place.name for place in gang.missing})


def _go_on(gang: Gang, view: View) -> Plan:
    """Tell how the present attempt's pods get on, and make those that are missing."""
    job = gang.job
    if failed := _image_failure(gang, view.now):
        return conclude(gang, failed, view)
    material = gather(job, gang.kind, view)
    children = [] if isinstance(material, Refusal) else children_of(job, gang.kind, material)
    new, recheck = _seen(gang, view)
    new = _tidied(gang, new)
    if isinstance(material, Material):
        new = attrs.evolve(new, resources=resources_of_all(gang.roles, material.pins))
    # What keeps a pod from being made is on record; what is seen of the others tells less.
    last_seen = job.status if gang.missing else new
    if expired := deadlines.expired(job.spec, last_seen, view.now):
        return conclude(gang, of_job(gang, expired), view, since=new)
    wait = deadlines.next_look(job.spec, new, view.now)
    if not gang.missing:
        followed = change(gang, new, view.now)
        return later(attrs.evolve(followed, apply=children), recheck, wait)
    free = launch.free_places(gang)
    if not free or (delay := launch.delay(gang, view)):
        waits = (RECHECK_SECONDS, recheck, wait, delay if free else None)
        if not gang.current:
            return later(Plan(), *waits)
        return later(attrs.evolve(change(gang, new, view.now), apply=children), *waits)
    if isinstance(material, Refusal):
        blocked = change(gang, status.blocked(new, material, view.now), view.now)
        return later(blocked, RECHECK_SECONDS, wait)
    if refusal := launch.foreign_children(gang, free, children, view):
        blocked = change(gang, status.blocked(new, refusal, view.now), view.now)
        return later(blocked, RECHECK_SECONDS, wait)
    if refusal := launch.refused(view.failures):
        # Said in the status and tried again: the runtime spaces the tries.
        new = status.blocked(new, refusal, view.now)
    pods = [pod_of(gang.replica(place, material)) for place in free]
    made = attrs.evolve(change(gang, new, view.now), apply=[*children, *pods])
    return later(_told(made, free, refusal), recheck, wait)


def _told(made: Plan, places: Sequence[Place], refusal: Refusal | None) -> Plan:
    """The plan with the news of its pods, unless they may be refused as before."""
    if refusal is not None:
        return made
    news = created([place.name for place in places])
    return attrs.evolve(made, events=(*made.events, news))


def _seen(gang: Gang, view: View) -> tuple[JobStatus, float | None]:
    """The status with what the pods show, and when to look again though nothing changes."""
    so_far = gang.job.status
    if not gang.current:
        return status.advanced(so_far, progress.scheduling(), view.now), None
    for pod in gang.current.values():
        name = pod.spec.node_name
        node = view.get(Node, name, "") if name else None
        if name and (node is None or is_silent(node)) and not _has_ended(pod):
            return status.node_lost(so_far, name, view.now), RECHECK_SECONDS
    new = status.advanced(so_far, progress.progress_of_all(gang), view.now)
    due = min(filter(None, map(_image_due, gang.current.values())), default=None)
    recheck = seconds_until(due, view.now) if due else None
    new = status.with_digest(new, charges.digest(gang.current.values()))
    return lineage.found(new, gang.current.values()), recheck


def _has_ended(pod: Pod) -> bool:
    return pod.status.phase in ("Succeeded", "Failed")


def _image_failure(gang: Gang, now: datetime) -> Verdict | None:
    """The end of a pod whose image cannot be pulled; a kubelet alone would try for ever."""
    for name, pod in gang.current.items():
        due = _image_due(pod)
        if due and now >= due:
            message = progress.preparing(pod).message
            outcome = Outcome("infrastructure", "ImagePullFailed", message, now)
            return of_place(gang, gang.places[name], outcome)
    return None


def _image_due(pod: Pod) -> datetime | None:
    bound = progress.bound_since(pod)
    return bound + IMAGE_PATIENCE if bound and progress.image_pull_failed(pod) else None


def _source_recheck(job: Job) -> float | None:
    """Nothing tells when a user's ConfigMap appears; the catalogue is watched."""
    of_user = job.spec.source and job.spec.source.config_map
    return SOURCE_RECHECK_SECONDS if of_user else None
