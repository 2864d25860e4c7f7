"""A collective of which one fails: what is the cause, who is to blame, and how all start anew."""

import pytest
from gang_world import FIRST, SECOND, GangWorld, role


def test_when_one_fails_all_start_anew():
    world = GangWorld(backoffLimit=1).started_all()
    world.end("worker-1", 1)
    world.settle()
    assert world.status.phase == "Restarting"
    world.restarted()
    assert world.made() == FIRST + SECOND
    assert world.status.phase == "Running"


def test_no_pod_is_made_before_the_last_of_the_attempt_before_is_gone():
    world = GangWorld(backoffLimit=1).started_all()
    world.end("worker-1", 1)
    world.settle()
    world.pass_time(600)
    world.settle()
    assert world.has("worker-0"), "its kubelet takes its time"
    assert world.made() == FIRST
    world.cluster_tidies()
    assert world.made() == FIRST + SECOND


def test_what_failed_is_on_record_before_any_pod_is_let_go():
    world = GangWorld(backoffLimit=1).started_all()
    world.end("worker-1", 1)
    world.reconcile()
    assert world.history() == [("worker-1", "AppError", 1)]
    assert world.status.attempt == 2
    assert all(world.is_tracked(pod) and not world.is_deleted(pod) for pod in world.names())


def test_several_that_fail_together_count_once():
    world = GangWorld(backoffLimit=1).started_all()
    for pod in world.names():
        world.end(pod, 1)
    world.settle()
    assert (world.status.restarts, world.status.infra_restarts) == (1, 0)
    assert len(world.history()) == 1


def test_those_that_fail_while_the_rest_is_being_stopped_do_not_count():
    world = GangWorld(backoffLimit=1).started_all()
    world.end("worker-1", 1)
    world.settle()
    world.pass_time(3)
    world.end("worker-0", 1)
    world.settle()
    world.end("worker-2", 134)
    world.settle()
    world.restarted()
    assert world.status.phase == "Running"
    assert world.history() == [("worker-1", "AppError", 1)]


def test_of_several_failures_the_earliest_is_the_cause():
    world = GangWorld().started_all()
    world.end("worker-2", 3)
    world.pass_time(2)
    world.end("worker-0", 1)
    world.settle()
    assert world.status.phase == "Failed"
    assert "exit code 3" in world.status.message
    assert "pyjob-mnist-worker-2" in world.status.message


def test_a_loss_that_is_the_clusters_doing_explains_the_failures_around_it():
    world = GangWorld().started_all()
    world.end("worker-0", 1)
    world.pass_time(2)
    world.evict("worker-1")
    world.settle()
    assert (world.status.restarts, world.status.infra_restarts) == (0, 1)
    assert world.history() == [("worker-1", "Evicted", None)]


def test_a_pod_that_ended_well_runs_again_with_the_others():
    world = GangWorld(backoffLimit=1).started_all()
    world.end("worker-0")
    world.settle()
    world.end("worker-1", 1)
    world.settle()
    world.restarted()
    assert world.made() == FIRST + SECOND


def test_all_pods_of_a_spent_job_go_and_what_failed_may_be_looked_at():
    world = GangWorld().started_all()
    world.end("worker-1", 1)
    world.settle()
    assert world.status.phase == "Failed"
    world.cluster_tidies()
    assert world.names() == ["worker-1"]


@pytest.mark.parametrize(("policy", "left"), [("None", 1), ("Running", 1), ("All", 0)])
@pytest.mark.parametrize("end", ["failure", "deadline", "start deadline", "budget"])
def test_pods_go_as_asked_whichever_way_the_job_ends(policy, left, end):
    world = GangWorld(
        cleanPodPolicy=policy,
        infraBackoffLimit=0,
        **{
            "deadline": {"activeDeadlineSeconds": 60},
            "start deadline": {"startDeadlineSeconds": 60},
        }.get(end, {}),
    )
    world.settle()
    if end == "start deadline":
        world.start("worker-0", "worker-1")
    else:
        world.start()
    world.settle()
    world.end("worker-0")
    world.settle()
    if end == "failure":
        world.end("worker-1", 1)
        left *= 2
    elif end == "budget":
        world.evict("worker-1")
        left *= 2
    world.pass_time(61)
    world.settle()
    assert world.status.phase == "Failed"
    world.cluster_tidies()
    assert len(world.names()) == left
    assert not any(pod["metadata"].get("finalizers") for pod in world.pods())


@pytest.mark.parametrize(
    ("policy", "code", "phase"),
    [
        ("Never", 1, "Failed"),
        ("Never", 137, "Failed"),
        ("OnFailure", 1, "Restarting"),
        ("OnFailure", 137, "Restarting"),
        ("ExitCode", 1, "Failed"),
        ("ExitCode", 127, "Failed"),
        ("ExitCode", 128, "Restarting"),
        ("ExitCode", 137, "Restarting"),
    ],
)
@pytest.mark.parametrize("alone", [False, True])
def test_a_roles_policy_says_which_exit_codes_are_worth_another_try(policy, code, phase, alone):
    roles = [role("chief"), role(restart_policy=policy, alone=alone, decides="none")]
    world = GangWorld(roles, backoffLimit=5).started_all()
    world.end("worker-0", code)
    world.settle()
    if alone and phase == "Restarting":
        assert world.status.phase == "Running"
    else:
        assert world.status.phase == phase
    if phase == "Failed":
        assert world.status.reason == "AppError", "no budget was spent"
    else:
        assert world.status.restarts == 1


def test_the_policy_is_that_of_the_pod_that_failed():
    roles = [role("chief", restart_policy="Never"), role(restart_policy="OnFailure")]
    world = GangWorld(roles, backoffLimit=1).started_all()
    world.end("worker-0", 1)
    world.settle()
    assert world.status.phase == "Restarting"
    world.restarted()
    world.end("chief-0", 1)
    world.settle()
    assert (world.status.phase, world.status.reason) == ("Failed", "AppError")


def test_no_policy_makes_the_cluster_s_doing_the_job_s_end():
    world = GangWorld([role(replicas=2, restart_policy="Never")]).started_all()
    world.evict("worker-1")
    world.settle()
    assert world.status.phase == "Restarting"


def test_spent_budgets_end_the_job_with_the_last_failure_in_the_message():
    world = GangWorld(backoffLimit=1).started_all()
    world.end("worker-1", 1)
    world.settle()
    world.restarted()
    world.end("worker-2", 7)
    world.settle()
    assert world.status.reason == "BackoffLimitExceeded"
    assert "pyjob-mnist-worker-2" in world.status.message
    assert "exit code 7" in world.status.message
