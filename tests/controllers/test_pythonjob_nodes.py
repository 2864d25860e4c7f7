"""Pods that are not to be seen, and nodes that are not: what is certain, and what is waited for."""

import pytest
from job_world import GRACE, JOB, POD_NAME, World, running

from controllers.jobs.life.nodes import NODE_PATIENCE
from mlctl_core.cache.store import Store
from mlctl_core.objects.kinds import NODE, POD


@pytest.fixture
def world():
    return World()


class TestCachesThatLag:
    @pytest.mark.parametrize("suspend", [False, True])
    def test_a_pod_that_runs_is_not_given_up_because_the_cache_does_not_show_it(
        self, world, suspend
    ):
        running(world)
        [pod] = world.pods()
        world.stores[POD] = Store()
        if suspend:
            world.edit(suspend=True)
        before = len(world.writes)
        assert world.settle().requeue_after == 5
        assert len(world.writes) == before
        world.put(POD, pod)
        world.settle()
        assert (world.status.attempt, world.status.infra_restarts) == (1 + suspend, 0)

    def test_while_the_server_cannot_be_asked_nothing_is_concluded(self, world):
        running(world)
        world.remove(POD, POD_NAME)
        world.silent = True
        assert world.settle().requeue_after == 5
        assert world.status.phase == "Running"
        world.silent = False
        world.settle()
        assert (world.status.phase, world.status.reason) == ("Restarting", "PodDeleted")

    @pytest.mark.parametrize("which", ["of another", "of an earlier attempt"])
    def test_another_pod_of_that_name_is_not_the_one_that_is_missed(self, world, which):
        running(world)
        pod = world.raw(POD, POD_NAME)
        world.remove(POD, POD_NAME)
        world.hold_back(POD)
        if which == "of another":
            pod["metadata"]["ownerReferences"] = []
        else:
            pod["metadata"]["labels"]["mlctl.dev/attempt"] = "0"
        world.put(POD, pod)
        world.reconcile()
        assert (world.status.phase, world.status.reason) == ("Restarting", "PodDeleted")


class TestNodes:
    def test_a_silent_node_is_waited_for_and_believed_again(self, world):
        running(world)
        world.node("cpu-1", ready="Unknown")
        world.settle()
        assert (world.status.phase, world.status.reason) == ("Running", "NodeLost")
        assert world.truths()["Running"] == "Unknown"
        world.pass_time(3600)
        world.settle()
        assert world.status.infra_restarts == 0
        world.node("cpu-1")
        world.settle()
        assert (world.status.reason, world.truths()["Running"]) == ("Started", "True")

    def test_a_node_that_is_gone_takes_its_pod_along_after_a_while(self, world):
        running(world)
        world.remove(NODE, "cpu-1")
        plan = world.settle()
        assert world.status.reason == "NodeLost"
        assert world.status.infra_restarts == 0
        world.pass_time(max(plan.requeue_after, NODE_PATIENCE.total_seconds()))
        world.settle()
        assert (world.status.phase, world.status.infra_restarts) == ("Restarting", 1)

    def test_a_node_that_the_cache_learns_of_late_is_no_loss(self, world):
        world.submit()
        world.settle()
        world.bind(node="new")
        world.settle()
        world.pass_time(1)
        world.node("new")
        world.settle()
        assert world.status.reason == "StartingContainers"
        assert world.status.infra_restarts == 0

    def test_a_pod_on_an_out_of_service_node_is_given_up_and_taken_away_by_force(self, world):
        running(world)
        world.delete(POD, POD_NAME)
        world.node("cpu-1", "Unknown", [{"key": "node.kubernetes.io/out-of-service"}])
        world.settle()
        assert (world.status.phase, world.status.reason) == ("Restarting", "NodeLost")
        assert world.pods() == [], "no kubelet is left to do it"

    def test_a_pod_being_deleted_on_a_silent_node_stays_until_the_node_is_known_to_be_gone(
        self, world
    ):
        running(world)
        world.delete(POD, POD_NAME)
        world.node("cpu-1", ready="Unknown")
        world.settle()
        assert world.status.reason == "NodeLost"
        assert len(world.pods()) == 1
        world.remove(NODE, "cpu-1")
        world.pass_time(GRACE + NODE_PATIENCE.total_seconds())
        world.settle()
        assert world.pods() == []

    @pytest.mark.parametrize("why", ["deleted", "suspended", "job deleted", "deadline"])
    def test_a_node_that_the_cache_misses_for_a_moment_costs_no_pod_its_grace(self, world, why):
        running(world, activeDeadlineSeconds=60)
        world.remove(NODE, "cpu-1")
        if why == "deleted":
            world.delete(POD, POD_NAME)
        elif why == "suspended":
            world.edit(suspend=True)
        elif why == "deadline":
            world.pass_time(60)
        else:
            job = world.raw(JOB, "mnist")
            job["metadata"]["finalizers"] = ["foregroundDeletion"]
            world.put(JOB, job)
            world.delete(JOB, "mnist")
        world.settle()
        for _ in range(2):
            [pod] = world.pods()
            assert pod["metadata"]["deletionGracePeriodSeconds"] == GRACE
            assert world.status.infra_restarts == 0
            assert world.last.requeue_after <= 60
            world.pass_time(29)
            world.settle()
        world.pass_time(31)
        world.settle()
        assert world.pods() == [], "the node is gone indeed, and nobody else will take it away"

    def test_a_kubelet_that_is_there_after_all_has_the_last_word(self, world):
        running(world)
        world.remove(NODE, "cpu-1")
        world.delete(POD, POD_NAME)
        world.settle()
        world.node("cpu-1")
        world.pass_time(2)
        world.kubelet_ends_deleted_pods()
        world.settle()
        assert (world.status.reason, world.status.infra_restarts) == ("PodDeleted", 1)
