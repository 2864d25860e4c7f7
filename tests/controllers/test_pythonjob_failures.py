"""What each way to fail does to a job: its reason, its budgets, its words."""

import pytest
from job_world import NEVER, POD_NAME, World, running

from mlctl_core.objects.kinds import POD
from mlctl_core.objects.times import format_time


@pytest.fixture
def world():
    return World()


def preempt(world):
    pod = world.raw(POD, POD_NAME)
    world.condition(pod, "DisruptionTarget", "True", "PreemptionByScheduler", "for others")
    world.delete(POD, POD_NAME)
    world.kubelet_ends_deleted_pods()


def delete(world):
    world.delete(POD, POD_NAME)
    world.pass_time(1)
    world.kubelet_ends_deleted_pods()


ENDS = {
    "app": lambda world: world.finish(3),
    "signal": lambda world: world.finish(139),
    "oom": lambda world: world.finish(137, "OOMKilled"),
    "start": lambda world: world.finish(128, "StartError", message="exec: python: not found"),
    "evicted": lambda world: world.phase("Failed", reason="Evicted", message="Low on memory."),
    "rejected": lambda world: world.phase("Failed", reason="UnexpectedAdmissionError"),
    "preempted": preempt,
    "deleted": delete,
    "silently failed": lambda world: world.phase("Failed"),
    "vanished": lambda world: world.remove(POD, POD_NAME),
}


@pytest.mark.parametrize(
    ("how", "reason", "exit_code", "words"),
    [
        ("app", "AppError", 3, f"exit code 3. Its output: kubectl logs -n default {POD_NAME}"),
        ("signal", "AppError", 139, "signal 11"),
        ("oom", "OOMKilled", 137, "choose a larger spec.size"),
        ("start", "AppError", 128, "exec: python: not found"),
    ],
)
def test_failures_of_the_program_count_against_backoff_limit(world, how, reason, exit_code, words):
    running(world, backoffLimit=1, infraBackoffLimit=0)
    ENDS[how](world)
    world.settle()
    status = world.status
    assert (status.phase, status.reason) == ("Restarting", reason)
    assert (status.restarts, status.infra_restarts) == (1, 0)
    assert words in status.message
    [record] = status.restart_history
    assert (record.reason, record.exit_code, record.pod) == (reason, exit_code, POD_NAME)
    assert world.truths()["Restarting"] == "True"
    assert [e.reason for e in world.events] == [reason]


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("evicted", "Evicted"),
        ("rejected", "PodRejected"),
        ("preempted", "Preempted"),
        ("deleted", "PodDeleted"),
        ("silently failed", "PodFailed"),
        ("vanished", "PodDeleted"),
    ],
)
def test_failures_of_the_cluster_count_against_infra_backoff_limit(world, how, reason):
    running(world, backoffLimit=0, infraBackoffLimit=1)
    ENDS[how](world)
    world.settle()
    status = world.status
    assert (status.phase, status.reason) == ("Restarting", reason)
    assert (status.restarts, status.infra_restarts) == (0, 1)


@pytest.mark.parametrize("how", ["app", "oom", "evicted", "deleted", "preempted"])
def test_without_a_budget_the_failure_itself_is_the_reason(world, how):
    running(world, **NEVER)
    ENDS[how](world)
    world.settle()
    assert world.status.phase == "Failed"
    assert world.status.reason in ("AppError", "OOMKilled", "Evicted", "PodDeleted", "Preempted")
    assert world.truths() == {"PodsReady": "False", "Running": "False", "Failed": "True"}
    assert world.status.restart_history == ()


def test_a_spent_budget_is_the_reason_and_the_last_failure_is_told(world):
    running(world, backoffLimit=1)
    world.finish(3)
    world.settle()
    world.pass_time(5)
    world.settle()
    world.run()
    world.finish(4)
    world.settle()
    assert world.status.reason == "BackoffLimitExceeded"
    assert "spec.backoffLimit of 1 is spent. The last failure was AppError" in world.status.message
    assert "exit code 4" in world.status.message


def test_each_attempt_has_its_number_and_waits_twice_as_long_as_the_one_before(world):
    running(world, backoffLimit=3)
    waits = []
    for attempt in (2, 3, 4):
        world.finish(1)
        world.settle()
        waits.append(world.last.requeue_after)
        world.pass_time(waits[-1] - 1)
        world.settle()
        assert world.pods() == []
        world.pass_time(1)
        world.settle()
        [pod] = world.pods()
        assert pod["metadata"]["labels"]["mlctl.dev/attempt"] == str(attempt)
        world.run()
    assert waits == [5, 10, 20]


def test_the_restart_history_keeps_the_last_ten(world):
    running(world, backoffLimit=12)
    for _ in range(12):
        world.finish(1)
        world.settle()
        world.pass_time(300)
        world.settle()
        world.run()
    assert len(world.status.restart_history) == 10
    assert world.status.restarts == 12


@pytest.mark.parametrize("code", [-1073741510, 3221225786, 256])
def test_an_exit_code_of_another_system_is_recorded_as_far_as_the_status_can_hold_it(world, code):
    running(world, backoffLimit=1)
    world.finish(code)
    world.settle()
    [record] = world.status.restart_history
    assert record.exit_code == min(code, 2**31 - 1)


def test_a_program_that_ended_by_itself_before_somebody_deleted_its_pod_keeps_its_result(world):
    running(world, **NEVER)
    world.finish(3)
    world.pass_time(1)
    world.delete(POD, POD_NAME)
    world.settle()
    assert (world.status.reason, world.pods()) == ("AppError", [])


def test_a_program_that_exits_with_0_because_it_was_told_to_stop_has_not_succeeded(world):
    running(world)
    world.delete(POD, POD_NAME)
    world.pass_time(1)
    world.finish(0)
    world.settle()
    assert (world.status.phase, world.status.reason) == ("Restarting", "PodDeleted")


@pytest.mark.parametrize("code", [0, 1, 137, 143])
def test_an_end_in_the_second_of_the_deletion_is_the_deletions(world, code):
    running(world, **NEVER)
    world.delete(POD, POD_NAME)
    world.finish(code)
    world.settle()
    assert (world.status.phase, world.status.reason) == ("Failed", "PodDeleted")


@pytest.mark.parametrize(
    ("code", "evicted", "reason"),
    [
        (143, False, "PodDeleted"),
        (137, False, "PodDeleted"),
        (0, True, "Evicted"),
        (1, True, "Evicted"),
        (0, False, "Completed"),
        (1, False, "AppError"),
    ],
)
def test_a_node_whose_clock_is_behind_hides_no_deletion(world, code, evicted, reason):
    running(world, **NEVER)
    world.finish(code)
    world.pass_time(1)
    if evicted:
        pod = world.raw(POD, POD_NAME)
        world.condition(pod, "DisruptionTarget", "True", "EvictionByEvictionAPI", "drained")
    world.delete(POD, POD_NAME, grace=30)
    world.settle()
    assert world.status.reason == reason


def test_a_program_out_of_memory_just_before_its_pod_is_deleted_is_out_of_memory(world):
    running(world, **NEVER)
    world.finish(137, "OOMKilled")
    world.pass_time(1)
    world.delete(POD, POD_NAME)
    world.settle()
    assert world.status.reason == "OOMKilled"


def test_a_pod_deleted_between_its_dependencies_and_its_program_is_a_deleted_pod(world):
    world.submit(dependencies=["numpy"], **NEVER)
    world.settle()
    world.bind()
    ended = {
        "exitCode": 0,
        "startedAt": format_time(world.now),
        "finishedAt": format_time(world.now),
    }
    world.container({"terminated": ended}, container="dependencies")
    world.pass_time(5)
    world.delete(POD, POD_NAME)
    world.phase("Failed")
    world.settle()
    assert world.status.reason == "PodDeleted"


def test_a_pod_deleted_before_it_got_a_node_is_replaced_at_once(world):
    world.submit()
    world.settle()
    world.delete(POD, POD_NAME)
    world.settle()
    assert (world.status.reason, world.status.infra_restarts) == ("PodDeleted", 1)
    assert world.pods() == []


@pytest.mark.parametrize(
    ("said", "fix"),
    [
        (
            "ERROR: No matching distribution found for no-such==3",
            "spec.dependencies: pip finds no no-such==3. Correct its name or its version. The step",
        ),
        (
            "WARNING: after connection broken by 'E'\nERROR: No matching distribution found for x",
            "spec.dependencies: the package index did not answer. Apply the job again later",
        ),
        ("ERROR: a and b are in conflict", "The step"),
    ],
)
def test_failed_dependencies_are_told_with_the_last_lines_of_the_step(world, said, fix):
    world.logs["dependencies"] = f"Collecting no-such\n\n{said}\n"
    world.submit(dependencies=["no-such"])
    world.settle()
    world.bind()
    world.settle()
    assert world.status.reason == "InstallingDependencies"
    world.finish(1, container="dependencies")
    world.settle()
    assert (world.status.phase, world.status.reason) == ("Failed", "DependencyFailed")
    message = world.status.message
    assert message.startswith(fix)
    assert "spec.dependencies ended with exit code 1. It said: Collecting no-such | " in message
    assert message.endswith(said.splitlines()[-1])


def test_a_module_that_does_not_exist_is_an_entrypoint_not_found(world):
    world.logs["main"] = "/usr/bin/python: No module named trian\n"
    running(world, entrypoint="trian", **NEVER)
    world.finish(1)
    world.settle()
    assert world.status.reason == "EntrypointNotFound"
    assert "spec.entrypoint: there is no trian" in world.status.message
    assert "Correct it, or add what is missing." in world.status.message


@pytest.mark.parametrize("policy", ["None", "Running", "All"])
@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff", "InvalidImageName"])
def test_an_image_that_cannot_be_pulled_is_told_at_once_and_is_a_failed_attempt_later(
    world, reason, policy
):
    world.submit(infraBackoffLimit=0, cleanPodPolicy=policy)
    world.settle()
    world.bind()
    world.wait(reason, "no such image")
    plan = world.settle()
    assert (world.status.phase, world.status.reason) == ("Preparing", "ImagePullFailed")
    assert "no such image" in world.status.message
    assert [e.reason for e in world.events] == ["ImagePullFailed"]
    world.pass_time(plan.requeue_after)
    world.settle()
    assert (world.status.phase, world.status.reason) == ("Failed", "ImagePullFailed")
    world.kubelet_ends_deleted_pods()
    assert world.pods() == []


def test_a_missing_secret_is_told_in_the_kubelets_words_with_the_field_to_change(world):
    world.submit()
    world.settle()
    world.bind()
    world.wait("CreateContainerConfigError", 'secret "token" not found')
    world.settle()
    assert world.status.reason == "CreateContainerConfigError"
    assert world.status.message == (
        'spec.env: secret "token" not found. Create it, or suspend the job and correct spec.env.'
    )


def test_an_unschedulable_pod_is_told_in_the_schedulers_words_with_the_size_to_change(world):
    world.submit(size="large")
    world.settle()
    world.unschedulable("0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes help.")
    world.settle()
    assert (world.status.phase, world.status.reason) == ("Scheduling", "Unschedulable")
    assert world.status.message == (
        "0/1 nodes are available: 1 Insufficient cpu. "
        "If this does not pass, choose another spec.size than large."
    )
    assert [e.reason for e in world.events] == ["Unschedulable"]
    world.settle()
    assert len(world.events) == 1
