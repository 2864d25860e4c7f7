"""Anything that can happen to a gang, as a state machine, and what must hold whatever does."""

from collections import Counter

from gang_world import COLLECTIVE, ELASTIC, ENDED, PREFIX, SERVED, GangWorld, role
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from job_world import JOB

from controllers.jobs import names
from mlctl_core.objects.conditions import is_true
from mlctl_core.objects.kinds import NODE, POD

BACKOFF, INFRA_BACKOFF = 2, 3


QUOTA = "exceeded quota: team"


class Recorded(GangWorld):
    """Keeps what the server saw that cannot be told from where it ends."""

    def __init__(self, roles, **spec):
        self.attempts = {}
        self.places = Counter()
        self.given_up = Counter()
        self.beside = []
        super().__init__(roles, **spec)

    def put(self, kind, obj):
        if kind == JOB and self.exists(JOB, "mnist"):
            old, new = self.raw(JOB, "mnist").get("status", {}), obj.get("status", {})
            for pod in (released(new) - released(old)).elements():
                self.given_up[pod[0], new.get("attempt")] += 1
        super().put(kind, obj)

    def send(self, change, name, entry):
        made = len(self.created)
        super().send(change, name, entry)
        for kind, obj in self.created[made:]:
            if kind == POD:
                self.make_note(obj["metadata"])

    def make_note(self, metadata):
        attempt = int(metadata["labels"][names.ATTEMPT_LABEL])
        there = {pod["metadata"]["uid"] for pod in self.pods()}
        self.beside += [
            (metadata["name"], uid)
            for uid, number in self.attempts.items()
            if uid in there and number != attempt
        ]
        self.attempts[metadata["uid"]] = attempt
        self.places[metadata["name"], attempt] += 1


def released(status):
    return Counter((pod["pod"], pod["uid"]) for pod in status.get("released", ()))


class AnyGang(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.world = None
        self.ended = None
        self.disruptions = 0
        self.bad_ends = 0

    @initialize(roles=st.sampled_from([COLLECTIVE, SERVED, ELASTIC]))
    def job_is_submitted(self, roles):
        self.roles = roles
        self.world = Recorded(
            roles,
            backoffLimit=BACKOFF,
            infraBackoffLimit=INFRA_BACKOFF,
            activeDeadlineSeconds=900,
        )

    def some_pod(self, data, wanted=lambda _name: True, **which):
        found = [name for name in self.world.names(**which) if wanted(name)]
        return data.draw(st.sampled_from(found)) if found else None

    def was_counted(self, name):
        """Before that, nothing tells a pod that was taken away from one that was never made."""
        status = self.world.status
        of_role, _, index = name.rpartition("-")
        counts = status.replica_statuses.get(of_role)
        if status.phase not in ("Preparing", "Running") or counts is None:
            return False
        return int(index) < min(counts.created, counts.desired)

    def is_certain_to_be_missed(self, name):
        return self.world.is_tracked(name) or self.was_counted(name)

    @rule()
    def controller_looks(self):
        self.world.reconcile()

    @rule()
    def controller_settles(self):
        self.world.settle()

    @rule(seconds=st.sampled_from([1, 11, 45, 400]))
    def time_passes(self, seconds):
        self.world.pass_time(seconds)

    @rule()
    def all_run(self):
        self.world.start()

    @rule(data=st.data())
    def one_runs(self, data):
        if pod := self.some_pod(data, unended=True):
            self.world.start(pod)

    @rule(data=st.data(), code=st.sampled_from([0, 1, 137, 143]))
    def one_ends(self, data, code):
        if pod := self.some_pod(data, unended=True):
            self.bad_ends += code != 0
            self.world.end(pod, code)

    @rule(code=st.sampled_from([0, 1]))
    def all_end(self, code):
        for pod in self.world.names(unended=True):
            self.bad_ends += code != 0
            self.world.end(pod, code)

    @rule(data=st.data())
    def one_has_no_image(self, data):
        if pod := self.some_pod(data, unended=True):
            self.disruptions += 1
            self.world.hold_image(pod)

    @rule(data=st.data())
    def one_is_evicted(self, data):
        if pod := self.some_pod(data, unended=True):
            self.disruptions += 1
            self.world.evict(pod)

    @rule(data=st.data())
    def one_is_deleted(self, data):
        if pod := self.some_pod(data, self.is_certain_to_be_missed):
            self.disruptions += 1
            self.world.delete(POD, PREFIX + pod)

    @rule(data=st.data())
    def one_vanishes(self, data):
        if pod := self.some_pod(data, self.was_counted):
            self.disruptions += 1
            self.world.lose(pod)

    @rule()
    def kubelet_ends_deleted_pods(self):
        self.world.kubelet_ends_deleted_pods()

    @rule(ready=st.sampled_from(["True", "Unknown"]))
    def node_reports(self, ready):
        self.world.node("cpu-1", ready)

    @rule()
    def node_is_removed(self):
        if self.world.exists(NODE, "cpu-1"):
            self.disruptions += INFRA_BACKOFF
            self.world.remove(NODE, "cpu-1")

    @rule(suspend=st.booleans())
    def user_holds_or_resumes(self, suspend):
        self.world.edit(suspend=suspend)

    @precondition(lambda self: self.roles is ELASTIC)
    @rule(replicas=st.integers(1, 4))
    def user_scales(self, replicas):
        self.world.change_roles(role(replicas=replicas, alone=True, leader=True))

    @rule(refused=st.sampled_from(["", "worker-0", "worker-1"]))
    def quota_changes(self, refused):
        self.world.refuse = lambda pod: QUOTA if pod == refused else None

    @invariant()
    def at_most_one_end_for_ever(self):
        if self.world is None:
            return
        conditions = self.world.status.conditions
        ends = {kind for kind in ENDED if is_true(conditions, kind)}
        assert len(ends) <= 1
        if self.ended:
            assert ends == self.ended
        self.ended = ends or None

    @invariant()
    def what_has_ended_does_not_run(self):
        if self.ended:
            status = self.world.status
            assert not is_true(status.conditions, "Running")
            assert {status.phase} == self.ended
            assert all(count.running == 0 for count in status.replica_statuses.values())

    @invariant()
    def a_place_is_filled_once_in_an_attempt_unless_its_pod_was_given_up(self):
        if self.world is None:
            return
        for place, made in self.world.places.items():
            assert made <= 1 + self.world.given_up[place], place

    @invariant()
    def no_two_attempts_have_pods_together(self):
        assert self.world is None or self.world.beside == []

    @invariant()
    def budgets_hold(self):
        if self.world is None:
            return
        status = self.world.status
        assert status.restarts <= BACKOFF
        assert status.infra_restarts <= INFRA_BACKOFF
        assert status.restarts <= self.bad_ends, "an end was counted twice"
        assert status.infra_restarts <= self.disruptions, "a pod that was well was given up"
        assert len(status.restart_history) == status.restarts + status.infra_restarts

    def teardown(self):
        """When everybody has come to rest the job has an end, and its pods are let go."""
        if self.world is None:
            return
        world = self.world
        world.silent = False
        world.refuse = lambda _pod: None
        for kind in tuple(world.held):
            world.catch_up(kind)
        world.node("cpu-1")
        world.edit(suspend=False)
        for _ in range(14):
            world.settle(limit=100)
            world.kubelet_ends_deleted_pods()
            world.pass_time(600)
            for pod in world.names(unended=True):
                if not world.is_deleted(pod):
                    world.end(pod)
        world.settle()
        assert world.status.phase in ENDED
        assert world.exists(JOB, "mnist")
        assert world.names(unended=True) == []
        assert not any(world.is_tracked(pod) for pod in world.names())
        before = len(world.writes)
        world.pass_time(3600)
        world.settle()
        assert len(world.writes) == before
