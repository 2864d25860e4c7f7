"""How long a job of several pods may run, and how long all of them may take to start."""

from gang_world import GangWorld


def test_running_time_is_counted_over_attempts_and_waiting_is_not():
    world = GangWorld(backoffLimit=1, activeDeadlineSeconds=100).started_all(60)
    world.end("worker-1", 1)
    world.settle()
    world.restarted()
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
