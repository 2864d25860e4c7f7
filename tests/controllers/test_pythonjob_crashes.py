"""The controller is killed between any two writes, and once more while it recovers.

Whatever the moment: one pod per attempt, the same end, nothing left over.
"""

import pytest
from job_world import World

from controllers.jobs import names
from mlctl_core.objects.kinds import POD

POD_NAME = "pyjob-mnist-worker-0"
STEPS = 80


class Story:
    """A cluster in which every attempt goes as its script says, until the job is quiet."""

    def __init__(self, spec, script):
        self.world = World()
        self.world.logs["main"] = "accuracy=0.97"
        self.world.submit(**spec)
        self.script = script

    def run(self, crashes=()):
        """Return how many writes it took."""
        crashes = list(crashes)
        for _ in range(STEPS):
            self.reconcile(crashes)
            self.cluster_acts()
            self.world.pass_time(5)
        return len(self.world.writes)

    def reconcile(self, crashes):
        for _ in range(10):
            try:
                wrote = self.world.reconcile(crash_after=crashes[0] if crashes else None)
            except KeyboardInterrupt:
                crashes.pop(0)
                self.world.failures = ()
                continue
            if not wrote and self.world.last.requeue_after != 0:
                return

    def cluster_acts(self):
        world = self.world
        world.collect_garbage()
        world.kubelet_ends_deleted_pods()
        for pod in world.pods():
            attempt = int(pod["metadata"]["labels"][names.ATTEMPT_LABEL])
            if pod["metadata"].get("deletionTimestamp") or attempt > len(self.script):
                continue
            self.act(self.script[attempt - 1], pod["spec"], pod.get("status", {}))

    def act(self, step, spec, status):
        world = self.world
        if not spec.get("nodeName"):
            world.bind()
        elif status.get("phase") != "Running" and status.get("phase") not in (
            "Succeeded",
            "Failed",
        ):
            world.run()
        elif status.get("phase") == "Running":
            if isinstance(step, int):
                world.finish(step)
            elif step == "delete":
                world.delete(POD, POD_NAME)
            elif step == "suspend" and not world.job.spec.suspend:
                world.edit(suspend=True)
        if step == "suspend" and not world.pods():
            world.edit(suspend=False)

    def verdict(self):
        """What must not depend on when the controller was killed."""
        status = self.world.status
        attempts = [
            made["metadata"]["labels"][names.ATTEMPT_LABEL]
            for kind, made in self.world.created
            if kind == POD
        ]
        return {
            "phase": status.phase,
            "reason": status.reason,
            "restarts": (status.restarts, status.infra_restarts),
            "history": [(r.reason, r.exit_code) for r in status.restart_history],
            "metrics": {name: m.value for name, m in status.metrics.items()},
            "attempts": attempts,
            "finalizers": [p["metadata"]["finalizers"] for p in self.world.pods()],
            "truths": self.world.truths(),
        }


STORIES = {
    "good": ({}, [0]),
    "fails": ({}, [3]),
    "fails, then succeeds": ({"backoffLimit": 2}, [3, 0]),
    "deleted twice, then succeeds": ({}, ["delete", "delete", 0]),
    "spends both budgets": ({"backoffLimit": 1, "infraBackoffLimit": 1}, [1, "delete", 1]),
    "deadline": ({"activeDeadlineSeconds": 20}, ["forever"]),
    "all pods cleaned": ({"cleanPodPolicy": "All", "backoffLimit": 1}, [1, 0]),
}


@pytest.mark.parametrize("name", STORIES)
def test_killed_after_any_write_the_story_ends_the_same(name):
    reference = Story(*STORIES[name])
    writes = reference.run()
    wanted = reference.verdict()
    assert wanted["phase"] in ("Succeeded", "Failed")
    assert wanted["attempts"] == [str(n + 1) for n in range(len(wanted["attempts"]))]
    for crash in range(writes):
        story = Story(*STORIES[name])
        story.run([crash])
        assert story.verdict() == wanted, f"killed after write {crash}"


@pytest.mark.parametrize("name", ["fails, then succeeds", "deleted twice, then succeeds"])
def test_killed_again_while_it_recovers_the_story_ends_the_same(name):
    reference = Story(*STORIES[name])
    writes = reference.run()
    wanted = reference.verdict()
    for first in range(writes):
        for second in range(first, writes, 2):
            story = Story(*STORIES[name])
            story.run([first, second])
            assert story.verdict() == wanted, f"killed after writes {first} and {second}"


def test_killed_at_any_write_of_a_suspension_and_resumption_the_job_still_succeeds():
    def story(crashes=()):
        world, left = World(), list(crashes)
        world.submit()

        def settle():
            for _ in range(20):
                try:
                    wrote = world.reconcile(crash_after=left[0] if left else None)
                except KeyboardInterrupt:
                    left.pop(0)
                    continue
                if not wrote and world.last.requeue_after != 0:
                    return

        settle()
        world.run()
        settle()
        world.edit(suspend=True)
        settle()
        world.kubelet_ends_deleted_pods()
        settle()
        world.edit(suspend=False)
        settle()
        world.run()
        settle()
        world.finish(0)
        settle()
        return world

    writes = len(story().writes)
    for crash in range(writes):
        world = story([crash])
        assert world.status.phase == "Succeeded"
        assert (world.status.restarts, world.status.infra_restarts) == (0, 0)
        pods = [made for kind, made in world.created if kind == POD]
        assert [p["metadata"]["labels"][names.ATTEMPT_LABEL] for p in pods] == ["1", "2"]
