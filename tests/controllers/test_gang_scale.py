"""More or fewer replicas while a job runs, and a job that is held and let go again."""

import pytest
from gang_world import COLLECTIVE, ELASTIC, PREFIX, SERVED, GangWorld, role

from apis.v1alpha1.status import MAX_RELEASED
from mlctl_core.objects.kinds import POD


def workers(count, **rules):
    return role(replicas=count, alone=True, leader=True, **rules)


def test_replicas_are_added_while_the_others_run():
    world = GangWorld([workers(1)]).started_all()
    world.change_roles(workers(3))
    world.settle()
    assert world.made() == ["worker-0/1", "worker-1/1", "worker-2/1"]
    assert world.status.phase == "Running"
    assert world.truths()["PodsReady"] == "False"
    world.start("worker-1", "worker-2")
    world.settle()
    assert world.truths()["PodsReady"] == "True"
    assert world.status.replica_statuses["worker"].desired == 3


def test_replicas_are_taken_away_from_the_highest_and_that_is_no_failure():
    world = GangWorld([workers(3)]).started_all()
    world.change_roles(workers(1))
    world.settle()
    assert not world.is_deleted("worker-0")
    world.cluster_tidies()
    assert world.names() == ["worker-0"]
    assert (world.status.restarts, world.status.infra_restarts) == (0, 0)
    assert world.status.phase == "Running"
    assert world.counts() == {"running": 1}


def test_from_one_to_three_to_one_the_job_is_what_it_was():
    world = GangWorld([workers(1)]).started_all()
    uid = world.pod("worker-0")["metadata"]["uid"]
    for count in (3, 1):
        world.change_roles(workers(count))
        world.settle()
        world.start(*(p for p in world.names() if not world.is_deleted(p)))
        world.cluster_tidies()
    world.pass_time(60)
    world.settle()
    assert world.names() == ["worker-0"]
    assert world.pod("worker-0")["metadata"]["uid"] == uid
    assert all(pod.gone for pod in world.status.released)
    assert world.truths() == {"PodsReady": "True", "Running": "True"}
    world.end("worker-0")
    world.settle()
    assert world.status.phase == "Succeeded"


def test_one_that_is_wanted_again_while_it_goes_is_made_anew_when_it_is_gone():
    world = GangWorld([workers(2)]).started_all()
    world.change_roles(workers(1))
    world.settle()
    assert world.is_deleted("worker-1")
    world.change_roles(workers(2))
    world.settle()
    assert len(world.made()) == 2
    world.cluster_tidies()
    assert world.made()[2:] == ["worker-1/1"]


def test_one_that_failed_just_before_it_was_taken_away_is_no_failure():
    world = GangWorld([workers(2)]).started_all()
    world.end("worker-1", 1)
    world.change_roles(workers(1))
    world.settle()
    assert world.status.restarts == 0
    world.cluster_tidies()
    assert world.names() == ["worker-0"]


def test_pods_of_a_role_that_is_gone_go():
    world = GangWorld(SERVED).started_all()
    world.change_roles(*SERVED[:2])
    world.settle()
    world.cluster_tidies()
    assert world.names() == ["chief-0", "worker-0", "worker-1"]
    assert set(world.status.replica_statuses) == {"chief", "worker"}


def test_a_great_many_are_taken_away_with_few_writes_though_they_take_their_time():
    count = 2 * MAX_RELEASED + 5
    world = GangWorld([workers(count)]).started_all()
    world.change_roles(workers(1))
    before = len(world.writes)
    for _ in range(100):
        world.reconcile()
    assert len(world.writes) - before <= 2 * count + 5, "each is let go and deleted once"
    for _ in range(4):
        world.kubelet_ends_deleted_pods()
        world.settle(limit=5 * count)
    assert world.names() == ["worker-0"]


def test_the_time_of_those_that_are_taken_away_is_charged():
    gpu = workers(2, size="gpu-t4")
    world = GangWorld([gpu], framework="pytorch-2.5", size="gpu-t4")
    world.add(
        {
            "apiVersion": "mlctl.dev/v1alpha1",
            "kind": "Size",
            "metadata": {"name": "gpu-t4"},
            "spec": {
                "cpu": "2",
                "memory": "8Gi",
                "gpu": {"resource": "nvidia.com/gpu", "count": 1},
            },
        }
    )
    world.add(
        {
            "apiVersion": "mlctl.dev/v1alpha1",
            "kind": "Framework",
            "metadata": {"name": "pytorch-2.5"},
            "spec": {"type": "Python", "version": "2", "images": {"cpu": "a:1", "gpu": "b:1"}},
        }
    )
    world.started_all(100)
    world.change_roles(workers(1, size="gpu-t4"))
    world.settle()
    world.cluster_tidies()
    world.pass_time(50)
    world.end("worker-0")
    world.settle()
    assert world.status.gpu_seconds == 100 + 150


def test_resources_follow_the_number_of_replicas():
    world = GangWorld([workers(1)]).started_all()
    one = world.status.resources["memory"]
    world.change_roles(workers(2))
    world.settle()
    assert world.status.resources["memory"] != one


def test_pods_that_are_too_many_when_the_job_ends_go_with_it():
    world = GangWorld([workers(3)]).started_all()
    world.change_roles(workers(1))
    world.end("worker-0")
    world.settle()
    assert world.status.phase == "Succeeded"
    world.cluster_tidies()
    assert world.names() == ["worker-0"]
    assert not world.is_tracked("worker-0")


def test_a_job_that_is_held_and_made_smaller_at_once_leaves_nothing():
    world = GangWorld([workers(3)])
    world.settle()
    world.change_roles(workers(1))
    world.lose("worker-0")
    world.edit(suspend=True)
    world.settle()
    assert world.status.phase == "Suspended"
    world.cluster_tidies()
    assert world.names() == []
    assert world.status.attempt == 2, "pods of the first were there"


@pytest.mark.parametrize("roles", [COLLECTIVE, SERVED, ELASTIC])
def test_a_job_that_is_held_has_no_pods_and_starts_afresh(roles):
    world = GangWorld(roles).started_all()
    first = world.made()
    world.edit(suspend=True)
    world.settle()
    assert world.status.phase == "Suspended"
    world.cluster_tidies()
    assert world.names() == []
    assert world.truths()["Running"] == "False"
    assert world.status.replica_statuses["worker"].running == 0
    world.edit(suspend=False)
    world.settle()
    assert world.made()[len(first) :] == [pod.replace("/1", "/2") for pod in first]
    assert (world.status.restarts, world.status.infra_restarts) == (0, 0)


def test_resumed_while_pods_still_go_it_waits_for_the_last_of_them():
    world = GangWorld().started_all()
    world.edit(suspend=True)
    world.settle()
    world.edit(suspend=False)
    world.settle()
    assert len(world.made()) == 3
    world.cluster_tidies()
    assert len(world.made()) == 6


def test_held_before_all_are_made_the_rest_is_not():
    world = GangWorld()
    world.refuse = lambda pod: "no" if pod == "worker-2" else None
    for _ in range(5):
        world.reconcile()
    world.refuse = lambda pod: None
    world.edit(suspend=True)
    world.settle()
    world.cluster_tidies()
    assert world.names() == []
    assert "worker-2/1" not in world.made()


def test_held_while_one_is_being_replaced_nothing_is_left():
    world = GangWorld(ELASTIC, backoffLimit=1).started_all()
    world.end("worker-1", 1)
    world.settle()
    world.edit(suspend=True)
    world.settle()
    world.cluster_tidies()
    assert world.names() == []
    assert world.status.released == ()
    world.edit(suspend=False)
    world.settle()
    assert world.made()[3:] == ["worker-0/2", "worker-1/2", "worker-2/2"]


def test_with_other_replicas_after_the_hold_the_gang_has_its_new_size():
    world = GangWorld().started_all()
    world.edit(suspend=True)
    world.settle()
    world.cluster_tidies()
    world.change_roles(role(replicas=2))
    world.edit(suspend=False)
    world.settle()
    assert world.names() == ["worker-0", "worker-1"]


def test_a_pod_that_ends_badly_because_it_is_held_is_no_failure():
    world = GangWorld().started_all()
    world.edit(suspend=True)
    world.delete(POD, PREFIX + "worker-1")
    world.kubelet_ends_deleted_pods()
    world.settle()
    assert world.status.phase == "Suspended"
    assert world.status.infra_restarts == 0
