"""The controller of a gang is killed between any two writes, and once more while it recovers.

Whatever the moment: the same pods in the same attempts, the same end, nothing left over.
"""

from itertools import pairwise

import pytest
from gang_world import COLLECTIVE, ELASTIC, ENDED, PREFIX, SERVED, GangWorld, role

from controllers.jobs import names
from mlctl_core.objects.kinds import POD

STEPS = 60
QUIET_STEPS = 4


class Story:
    """A cluster in which each pod goes as the script says, until the job is quiet.

    A script is what a pod does, by its name and attempt; where it names none, pods of the last
    attempt end well once all run. `once` are pods that do so the first time only.
    """

    def __init__(self, roles, script, changes=(), **spec):
        self.world = GangWorld(roles, **spec)
        self.script = dict(script)
        self.changes = dict(changes)
        self.done = set()

    def run(self, crashes=()):
        """Return how many writes it took."""
        crashes, quiet = list(crashes), 0
        for step in range(STEPS):
            before = len(self.world.writes)
            self.reconcile(crashes)
            self.cluster_acts()
            self.user_acts()
            self.world.pass_time(5)
            quiet = quiet + 1 if len(self.world.writes) == before else 0
            if quiet >= QUIET_STEPS and self.is_over() and step > QUIET_STEPS:
                break
        return len(self.world.writes)

    def is_over(self):
        return self.world.status.phase in ENDED

    def reconcile(self, crashes):
        for _ in range(30):
            try:
                wrote = self.world.reconcile(crash_after=crashes[0] if crashes else None)
            except KeyboardInterrupt:
                crashes.pop(0)
                self.world.fail_over()
                continue
            if not wrote and self.world.last.requeue_after != 0:
                return

    def user_acts(self):
        world = self.world
        runs = world.status.phase == "Running" and world.truths()["PodsReady"] == "True"
        if "replicas" in self.changes and runs:
            world.change_roles(*self.changes.pop("replicas"))
        elif "suspend" in self.changes and runs:
            self.changes.pop("suspend")
            self.changes["resume"] = True
            world.edit(suspend=True)
        elif "resume" in self.changes and world.status.phase == "Suspended" and not world.pods():
            self.changes.pop("resume")
            world.edit(suspend=False)

    def cluster_acts(self):
        world = self.world
        world.collect_garbage()
        world.kubelet_ends_deleted_pods()
        all_run = world.truths().get("PodsReady") == "True"
        for name in world.names(unended=True):
            pod = world.pod(name)
            if "deletionTimestamp" in pod["metadata"]:
                continue
            if pod.get("status", {}).get("phase") != "Running":
                world.start(name)
            elif all_run:
                self.act(name, pod["metadata"]["labels"][names.ATTEMPT_LABEL])

    def act(self, name, attempt):
        world, place = self.world, f"{name}/{attempt}"
        if place in self.done or place not in self.script:
            if self.script.keys() <= self.done and not self.changes:
                world.end(name)
            return
        self.done.add(place)
        step = self.script[place]
        if step == "delete":
            world.delete(POD, PREFIX + name)
        elif step == "evict":
            world.evict(name)
        elif step == "lose":
            world.lose(name)
        elif step != "forever":
            world.end(name, step)

    def verdict(self):
        """What must not depend on when the controller was killed."""
        world = self.world
        return {
            "phase": world.status.phase,
            "reason": world.status.reason,
            "restarts": (world.status.restarts, world.status.infra_restarts),
            "history": world.history(),
            "metrics": {name: m.value for name, m in world.status.metrics.items()},
            "made": sorted(world.made()),
            "left": world.names(),
            "tracked": [name for name in world.names() if world.is_tracked(name)],
            "released": len(world.status.released),
            "truths": world.truths(),
            "counts": {name: world.counts(name) for name in world.status.replica_statuses},
        }


def workers(count):
    return role(replicas=count, alone=True, leader=True)


STORIES = {
    "good": (COLLECTIVE, {}, {}, {}),
    "good with roles": (SERVED, {}, {}, {}),
    "one fails for good": (COLLECTIVE, {"worker-1/1": 3}, {}, {}),
    "one fails, all start anew": (COLLECTIVE, {"worker-1/1": 3}, {}, {"backoffLimit": 1}),
    "all fail at once": (
        COLLECTIVE,
        {"worker-0/1": 1, "worker-1/1": 1, "worker-2/1": 1},
        {},
        {"backoffLimit": 1},
    ),
    "one is evicted while another fails": (
        COLLECTIVE,
        {"worker-0/1": 1, "worker-2/1": "evict"},
        {},
        {},
    ),
    "one is deleted, then another": (
        COLLECTIVE,
        {"worker-0/1": "delete", "worker-2/2": "delete"},
        {},
        {},
    ),
    "one is lost": (COLLECTIVE, {"worker-1/1": "lose"}, {}, {}),
    "spends its budget": (
        COLLECTIVE,
        {"worker-1/1": 1, "worker-2/2": 1},
        {},
        {"backoffLimit": 1, "cleanPodPolicy": "All"},
    ),
    "one is replaced alone": (ELASTIC, {"worker-1/1": 1}, {}, {"backoffLimit": 1}),
    "two are replaced alone": (
        ELASTIC,
        {"worker-1/1": 1, "worker-2/1": "evict"},
        {},
        {"backoffLimit": 1},
    ),
    "the leader fails": (ELASTIC, {"worker-0/1": 1}, {}, {"backoffLimit": 1}),
    "deadline": (
        COLLECTIVE,
        {"worker-1/1": "forever", "worker-1/2": 0},
        {},
        {"activeDeadlineSeconds": 40},
    ),
    "held and resumed": (COLLECTIVE, {}, {"suspend": True}, {}),
    "more replicas": ([workers(1)], {}, {"replicas": [workers(3)]}, {}),
    "fewer replicas": ([workers(3)], {}, {"replicas": [workers(1)]}, {}),
}


def story(name):
    roles, script, changes, spec = STORIES[name]
    return Story(roles, script, changes, **spec)


@pytest.mark.parametrize("name", STORIES)
def test_killed_after_any_write_the_gangs_story_ends_the_same(name):
    reference = story(name)
    writes = reference.run()
    wanted = reference.verdict()
    assert reference.is_over(), wanted
    assert wanted["tracked"] == []
    for crash in range(writes):
        again = story(name)
        again.run([crash])
        assert again.verdict() == wanted, f"killed after write {crash}"


@pytest.mark.parametrize("name", ["one fails, all start anew", "one is replaced alone"])
def test_killed_again_while_it_recovers_the_gangs_story_ends_the_same(name):
    reference = story(name)
    writes = reference.run()
    wanted = reference.verdict()
    for first, second in pairwise(range(writes + 3)):
        again = story(name)
        again.run([first, second])
        assert again.verdict() == wanted, f"killed after writes {first} and {second}"
