"""Whatever happens to a pod, in whatever order: what a job's status never does."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from job_world import JOB, World

from controllers.jobs import names
from mlctl_core.objects.conditions import is_true
from mlctl_core.objects.kinds import NODE, POD

POD_NAME = "pyjob-mnist-worker-0"


class AnyHistory(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.world = World()
        self.world.logs["main"] = "accuracy=0.5"
        self.world.submit(backoffLimit=1, infraBackoffLimit=2, activeDeadlineSeconds=500)
        self.ended = None

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
        self.world.bind()
        self.world.wait("ImagePullBackOff")

    @precondition(has_live_pod)
    @rule()
    def pod_is_evicted(self):
        self.world.phase("Failed", reason="Evicted")

    @precondition(pod)
    @rule()
    def pod_is_deleted(self):
        self.world.delete(POD, POD_NAME)

    @precondition(pod_was_seen)
    @rule()
    def pod_vanishes(self):
        self.world.remove(POD, POD_NAME)

    @precondition(pod_was_seen)
    @rule(label=st.sampled_from(["", "x", "0", "99"]))
    def pod_is_relabelled(self, label):
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
        assert len(status.restart_history) == status.restarts + status.infra_restarts

    def teardown(self):
        """When everybody has come to rest the job has an end, or runs, or is held."""
        world = self.world
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


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
