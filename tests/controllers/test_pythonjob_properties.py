"""Whatever happens to a pod, in whatever order and however late it is seen: what never is."""

from contextlib import suppress

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from job_world import JOB, ConflictError, World

from controllers.jobs import names
from mlctl_core.objects.conditions import is_true
from mlctl_core.objects.kinds import NODE, POD
from mlctl_core.reconcile.changes import Create

POD_NAME = "pyjob-mnist-worker-0"


class AnyHistory(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.world = World()
        self.world.logs["main"] = "accuracy=0.5"
        self.world.submit(backoffLimit=1, infraBackoffLimit=2, activeDeadlineSeconds=500)
        self.ended = None
        self.disruptions = 0

    def pod(self):
        return self.world.raw(POD, POD_NAME) if self.world.exists(POD, POD_NAME) else None

    def has_live_pod(self):
        pod = self.pod()
        return pod is not None and pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")

    def pod_was_seen(self):
        """Before that, nothing tells a pod that was sabotaged from one that was never made."""
        return self.pod() is not None and self.world.status.phase in ("Preparing", "Running")

    @rule()
    def controller_looks(self):
        self.world.reconcile()

    @rule()
    def controller_settles(self):
        self.world.settle()

    @rule(seconds=st.sampled_from([1, 7, 45, 400]))
    def time_passes(self, seconds):
        self.world.pass_time(seconds)

    @precondition(has_live_pod)
    @rule()
    def pod_runs(self):
        self.world.run()

    @precondition(has_live_pod)
    @rule(code=st.sampled_from([0, 1, 137, 143]), reason=st.sampled_from(["", "OOMKilled"]))
    def pod_ends(self, code, reason):
        self.world.finish(code, reason if code else "")

    @precondition(has_live_pod)
    @rule()
    def image_is_missing(self):
        self.disruptions += 1
        self.world.bind()
        self.world.wait("ImagePullBackOff")

    @precondition(has_live_pod)
    @rule()
    def pod_is_evicted(self):
        self.disruptions += 1
        self.world.phase("Failed", reason="Evicted")

    @precondition(pod)
    @rule()
    def pod_is_deleted(self):
        self.disruptions += 1
        self.world.delete(POD, POD_NAME)

    @precondition(pod_was_seen)
    @rule()
    def pod_vanishes(self):
        self.disruptions += 1
        self.world.remove(POD, POD_NAME)

    @precondition(pod_was_seen)
    @rule(label=st.sampled_from(["", "x", "0", "99"]))
    def pod_is_relabelled(self, label):
        self.disruptions += 1
        pod = self.pod()
        pod["metadata"]["labels"][names.ATTEMPT_LABEL] = label
        self.world.put(POD, pod)

    @rule()
    def kubelet_ends_deleted_pods(self):
        self.world.kubelet_ends_deleted_pods()

    @rule(ready=st.sampled_from(["True", "Unknown"]))
    def node_reports(self, ready):
        self.world.node("cpu-1", ready)

    @rule()
    def node_is_removed(self):
        if self.world.exists(NODE, "cpu-1"):
            self.disruptions += 1
            self.world.remove(NODE, "cpu-1")

    @rule(suspend=st.booleans())
    def user_holds_or_resumes(self, suspend):
        self.world.edit(suspend=suspend)

    @invariant()
    def at_most_one_end_for_ever(self):
        conditions = self.world.status.conditions
        ends = {kind for kind in ("Succeeded", "Failed") if is_true(conditions, kind)}
        assert len(ends) <= 1
        if self.ended:
            assert ends == self.ended
        self.ended = ends or None

    @invariant()
    def what_has_ended_does_not_run(self):
        if self.ended:
            assert not is_true(self.world.status.conditions, "Running")
            assert {self.world.status.phase} == self.ended

    @invariant()
    def each_attempt_has_at_most_one_pod(self):
        made = [obj for kind, obj in self.world.created if kind == POD]
        attempts = [obj["metadata"]["labels"][names.ATTEMPT_LABEL] for obj in made]
        assert len(attempts) == len(set(attempts))

    @invariant()
    def budgets_hold(self):
        status = self.world.status
        assert status.restarts <= 1
        assert status.infra_restarts <= 2
        assert status.infra_restarts <= self.disruptions, "a pod that was well was given up"
        assert len(status.restart_history) == status.restarts + status.infra_restarts

    def teardown(self):
        """When everybody has come to rest the job has an end, and its pods are let go."""
        world = self.world
        world.silent = False
        for kind in tuple(world.held):
            world.catch_up(kind)
        world.node("cpu-1")
        world.edit(suspend=False)
        for _ in range(12):
            world.settle()
            world.kubelet_ends_deleted_pods()
            world.pass_time(600)
            if self.has_live_pod() and not world.raw(POD, POD_NAME)["metadata"].get(
                "deletionTimestamp"
            ):
                world.finish(0)
        assert world.status.phase in ("Succeeded", "Failed")
        assert world.exists(JOB, "mnist")
        for pod in world.pods():
            assert pod["metadata"]["finalizers"] == []


class AnyDelay(AnyHistory):
    """The same with caches that lag, each kind by itself, and managers that take over.

    A deposed manager's requests may come at any later time. The creation of a pod is not among
    them: where its name is free again, only a fence at the server could keep it out.
    """

    def __init__(self):
        super().__init__()
        self.parked = []

    @rule(kind=st.sampled_from([JOB, POD, NODE]))
    def events_are_held_back(self, kind):
        self.world.hold_back(kind)

    @rule(kind=st.sampled_from([JOB, POD, NODE]), events=st.sampled_from([1, 2, None]))
    def events_arrive(self, kind, events):
        if kind in self.world.held:
            self.world.catch_up(kind, events)

    @rule(silent=st.booleans())
    def server_answers_questions_or_not(self, silent):
        self.world.silent = silent

    @rule()
    def controller_looks(self):
        self.reconcile()

    @rule()
    def controller_settles(self):
        for _ in range(8):
            self.reconcile()

    def reconcile(self):
        try:
            self.world.reconcile()
        except ConflictError:
            self.world.own_writes = {}

    @rule(sent=st.integers(0, 2))
    def another_takes_over_from_one_that_still_has_to_send(self, sent):
        world = self.world
        world.see_own_writes()
        changes = [c for c in world.pending(world.plan()) if world.refusal(c) is None]
        for change in changes[:sent]:
            self.send(change)
        self.parked += [c for c in changes[sent:] if not isinstance(c, Create) or c.kind != POD]
        world.fail_over()

    @precondition(lambda self: self.parked)
    @rule(data=st.data())
    def late_request_arrives(self, data):
        number = data.draw(st.integers(0, len(self.parked) - 1))
        self.send(self.parked.pop(number))

    def send(self, change):
        with suppress(ConflictError):
            self.world.write(change)


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)

TestAnyDelay = AnyDelay.TestCase
TestAnyDelay.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
