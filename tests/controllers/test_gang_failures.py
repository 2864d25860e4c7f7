"""A collective that loses a member: why it did, who is to blame, and how all start anew."""

import pytest
from gang_world import PREFIX, GangWorld, role

from controllers.jobs.lifecycle import IMAGE_PATIENCE
from controllers.jobs.nodes import NODE_PATIENCE
from mlctl_core.objects.kinds import NODE, POD

FIRST = ["worker-0/1", "worker-1/1", "worker-2/1"]
SECOND = ["worker-0/2", "worker-1/2", "worker-2/2"]


def restart(world):
    """Bring a job that is restarting to where the next attempt runs."""
    world.cluster_tidies()
    world.pass_time(600)
    world.settle()
    return world.started_all()


def test_when_one_fails_all_start_anew():
    world = GangWorld(backoffLimit=1).started_all()
    world.end("worker-1", 1)
    world.settle()
    assert world.status.phase == "Restarting"
    restart(world)
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
    restart(world)
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
    restart(world)
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
    restart(world)
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
    restart(world)
    world.end("worker-2", 7)
    world.settle()
    assert world.status.reason == "BackoffLimitExceeded"
    assert "pyjob-mnist-worker-2" in world.status.message
    assert "exit code 7" in world.status.message


def test_a_member_that_never_gets_its_image_is_the_cluster_s_failure():
    world = GangWorld()
    world.settle()
    world.start("worker-0", "worker-2")
    world.hold_image("worker-1")
    world.settle()
    assert world.status.reason == "ImagePullFailed"
    world.pass_time(IMAGE_PATIENCE.total_seconds())
    world.settle()
    assert world.history() == [("worker-1", "ImagePullFailed", None)]


def test_a_member_that_somebody_deletes_costs_all_an_attempt_of_the_cluster_s_budget():
    world = GangWorld().started_all()
    world.delete(POD, PREFIX + "worker-2")
    world.cluster_tidies()
    assert world.history() == [("worker-2", "PodDeleted", None)]
    restart(world)
    assert world.made() == FIRST + SECOND


def test_a_member_that_is_gone_without_a_trace_is_made_again_with_all_others():
    world = GangWorld().started_all()
    world.lose("worker-1")
    world.settle()
    assert world.history() == [("worker-1", "PodDeleted", None)]
    restart(world)
    assert world.made() == FIRST + SECOND


def test_members_that_are_gone_together_count_once():
    world = GangWorld().started_all()
    world.lose("worker-1")
    world.lose("worker-2")
    world.settle()
    assert world.status.infra_restarts == 1


def test_a_member_that_a_lagging_cache_hides_is_not_given_up():
    world = GangWorld().started_all()
    world.silent = True
    world.lose("worker-1")
    world.pass_time(600)
    world.settle()
    assert world.status.phase == "Running"
    world.silent = False
    world.settle()
    assert world.status.phase == "Restarting"


def test_the_server_is_asked_for_the_member_that_is_missing():
    world = GangWorld().started_all()
    world.lose("worker-1")
    job = world.job
    wanted = world.wanted(job, world.view(job.metadata.key, job.metadata))
    assert wanted.pod == PREFIX + "worker-1"


def on_two_nodes(**spec):
    world = GangWorld(**spec)
    world.node("cpu-2")
    world.settle()
    world.bind(PREFIX + "worker-1", "cpu-2")
    world.start()
    world.settle()
    return world


def test_while_the_node_of_one_is_silent_the_job_waits_and_says_so():
    world = on_two_nodes()
    world.node("cpu-2", "Unknown")
    world.settle()
    assert world.status.reason == "NodeLost"
    assert "cpu-2" in world.status.message
    assert world.truths()["Running"] == "Unknown"
    world.pass_time(3600)
    world.settle()
    assert world.status.infra_restarts == 0
    world.node("cpu-2")
    world.settle()
    assert world.truths()["Running"] == "True"


def test_a_node_that_is_gone_takes_the_attempt_with_it():
    world = on_two_nodes()
    world.remove(NODE, "cpu-2")
    world.settle()
    assert world.status.infra_restarts == 0, "the cache of nodes may lag"
    world.pass_time(NODE_PATIENCE.total_seconds())
    world.settle()
    assert world.history() == [("worker-1", "NodeLost", None)]
    world.pass_time(600)
    world.cluster_tidies()
    world.pass_time(600)
    world.cluster_tidies()
    assert world.made() == FIRST + SECOND


def test_patience_with_one_node_is_not_used_up_by_the_silence_of_another():
    world = GangWorld([role("chief"), role(replicas=2, alone=True, decides="none")])
    world.node("cpu-2")
    world.settle()
    world.bind(PREFIX + "worker-0", "cpu-2")
    world.start("chief-0", "worker-0")
    world.node("cpu-2", "Unknown")
    world.settle()
    world.pass_time(NODE_PATIENCE.total_seconds() + 1)
    world.bind(PREFIX + "worker-1", "brand-new")
    world.settle()
    assert world.status.infra_restarts == 0, "the cache does not show the new node yet"


def test_a_pod_that_has_ended_needs_its_node_no_more():
    world = on_two_nodes()
    world.end("worker-1")
    world.settle()
    world.remove(NODE, "cpu-2")
    world.pass_time(3600)
    world.settle()
    assert world.truths()["Running"] == "True"
    world.end("worker-0")
    world.end("worker-2")
    world.settle()
    assert world.status.phase == "Succeeded"


def test_running_time_is_counted_over_attempts_and_waiting_is_not():
    world = GangWorld(backoffLimit=1, activeDeadlineSeconds=100).started_all(60)
    world.end("worker-1", 1)
    world.settle()
    restart(world)
    assert world.status.phase == "Running"
    world.pass_time(29)
    world.settle()
    assert world.status.phase == "Running"
    world.pass_time(2)
    world.settle()
    assert world.status.reason == "DeadlineExceeded"


def test_a_job_of_which_only_some_run_misses_the_deadline_for_its_start():
    world = GangWorld(startDeadlineSeconds=100)
    world.settle()
    world.start("worker-0", "worker-1")
    world.settle()
    world.pass_time(100)
    world.settle()
    assert world.status.reason == "StartDeadlineExceeded"
    assert "2 of 3 pods run" in world.status.message


def test_every_deadline_wakes_the_controller_by_itself():
    world = GangWorld(startDeadlineSeconds=100, activeDeadlineSeconds=200)
    world.settle()
    world.start("worker-0")
    waits = []
    for _ in range(60):
        plan = world.settle()
        if world.status.phase == "Failed":
            break
        assert plan.requeue_after is not None
        waits.append(plan.requeue_after)
        world.pass_time(plan.requeue_after)
    assert sum(waits) == 100
