from __future__ import annotations

import pytest
from node_pods import container, deleted, pod

from mlctl_core.embedded.node.machine import PodMachine
from mlctl_core.embedded.node.pod_status import phase
from mlctl_core.embedded.node.steps import Ending, Refusal, Stop
from mlctl_core.testing.clock import VirtualClock


class Driven:
    """A machine whose containers start at once and end when the test says so."""

    def __init__(self, a_pod, clock=None):
        self.clock = clock or VirtualClock()
        self.machine = PodMachine(a_pod, self.clock)
        self.started = []
        self.stopped = []
        self.wake_after = None
        self.go()

    def go(self):
        while True:
            step = self.machine.step()
            if step.prepare:
                self.machine.prepared()
            for each in step.start:
                self.started.append(each.name)
                self.machine.started(each.name, f"id-{len(self.started)}")
            self.stopped += step.stop
            self.wake_after = step.wake_after
            if not (step.prepare or step.start):
                return step

    def end(self, name="main", code=0):
        self.machine.exited(name, code)
        return self.go()

    async def after(self, seconds):
        await self.clock.advance(seconds)
        return self.go()

    @property
    def phase(self):
        return phase(self.machine)

    def waits(self, name="main"):
        return self.machine.records[name].waiting_reason


def sidecar(name="side"):
    return container(name, restartPolicy="Always")


async def test_nothing_starts_before_the_volumes_are_there():
    machine = PodMachine(pod(), VirtualClock())

    assert machine.step().prepare
    assert machine.step().start == ()
    machine.prepared()
    assert [c.name for c in machine.step().start] == ["main"]
    assert machine.step().start == ()  # asked for once


async def test_volumes_that_cannot_be_made_are_tried_again_with_doubling_delays():
    clock = VirtualClock()
    machine = PodMachine(pod(), clock)
    delays = []
    for _ in range(9):
        assert machine.step().prepare
        machine.preparation_failed()
        delays.append(machine.step().wake_after)
        await clock.advance(delays[-1])

    assert delays == [1, 2, 4, 8, 16, 32, 64, 120, 120]


async def test_a_pod_goes_from_pending_to_running_to_succeeded():
    machine = PodMachine(pod(), VirtualClock())
    assert phase(machine) == "Pending"
    driven = Driven(pod())
    assert driven.phase == "Running"

    assert driven.end().finished
    assert driven.phase == "Succeeded"


async def test_regular_containers_run_together_and_all_must_end():
    driven = Driven(pod(containers=[container("a"), container("b")]))
    assert driven.started == ["a", "b"]

    assert not driven.end("a").finished
    assert driven.phase == "Running"
    assert driven.end("b", 1).finished
    assert driven.phase == "Failed"


async def test_init_containers_run_one_after_the_other_before_the_rest():
    driven = Driven(pod(inits=[container("one"), container("two")]))
    assert driven.started == ["one"]
    assert driven.phase == "Pending"

    driven.end("one")
    assert driven.started == ["one", "two"]
    driven.end("two")
    assert driven.started == ["one", "two", "main"]
    assert driven.phase == "Running"


async def test_an_init_container_that_fails_fails_the_pod_when_nothing_restarts():
    driven = Driven(pod(inits=[container("init")]))

    assert driven.end("init", 2).finished
    assert driven.phase == "Failed"
    assert driven.started == ["init"]


@pytest.mark.parametrize("policy", ["OnFailure", "Always"])
async def test_an_init_container_that_fails_runs_again_where_containers_restart(policy):
    driven = Driven(pod(inits=[container("init")], restartPolicy=policy))
    driven.end("init", 2)
    assert driven.started == ["init", "init"]

    driven.end("init")
    assert driven.started == ["init", "init", "main"]


@pytest.mark.parametrize(
    ("policy", "code", "again", "final"),
    [
        ("Never", 0, False, "Succeeded"),
        ("Never", 1, False, "Failed"),
        ("OnFailure", 0, False, "Succeeded"),
        ("OnFailure", 1, True, "Running"),
        ("Always", 0, True, "Running"),
        ("Always", 1, True, "Running"),
    ],
)
async def test_the_restart_policy_decides_what_an_end_means(policy, code, again, final):
    driven = Driven(pod(restartPolicy=policy))
    driven.end(code=code)

    assert (len(driven.started) == 2) is again
    assert driven.phase == final


async def test_restarts_come_at_once_then_after_10_seconds_doubled_up_to_5_minutes():
    driven = Driven(pod(restartPolicy="Always"))
    waits = []
    for _ in range(8):
        driven.end(code=1)
        waits.append(driven.wake_after or 0)
        if driven.wake_after:
            assert driven.waits() == "CrashLoopBackOff"
            assert driven.phase == "Running"
            await driven.after(driven.wake_after)

    assert waits == [0, 10, 20, 40, 80, 160, 300, 300]
    assert driven.machine.records["main"].restarts == 8


async def test_the_crash_loop_is_explained_in_the_kubelets_words():
    driven = Driven(pod(restartPolicy="Always"))
    for _ in range(6):
        driven.end(code=1)
        if driven.wake_after and driven.machine.records["main"].backoff.delay < 80:
            await driven.after(driven.wake_after)

    assert driven.machine.records["main"].waiting_message == (
        "back-off 1m20s restarting failed container=main pod=p_ns(u1)"
    )


async def test_ten_minutes_without_a_failure_forget_the_crash_loop():
    driven = Driven(pod(restartPolicy="Always"))
    driven.end(code=1)
    driven.end(code=1)
    await driven.after(driven.wake_after)
    await driven.after(600)
    driven.end(code=1)

    assert driven.wake_after is None
    assert len(driven.started) == 4


async def test_an_image_that_cannot_be_pulled_is_tried_again_ever_more_slowly():
    clock = VirtualClock()
    machine = PodMachine(pod(), clock)
    machine.step()
    machine.prepared()
    tries, seen = [], []
    while len(tries) < 4:
        step = machine.step()
        if step.start:
            tries.append(clock.monotonic())
            machine.refused("main", Refusal("ErrImagePull", "no such image"))
        seen.append(machine.records["main"].waiting_reason)
        step = machine.step()
        seen.append(machine.records["main"].waiting_reason)
        await clock.advance(step.wake_after)

    assert tries == [0, 10, 30, 70]
    assert seen[:2] == ["ErrImagePull", "ErrImagePull"]
    assert set(seen[3:]) == {"ImagePullBackOff"}
    assert phase(machine) == "Pending"


async def test_an_incomplete_configuration_is_tried_again_every_10_seconds():
    clock = VirtualClock()
    machine = PodMachine(pod(), clock)
    machine.step()
    machine.prepared()
    for _ in range(3):
        assert machine.step().start
        machine.refused("main", Refusal("CreateContainerConfigError", "no key"))
        assert machine.step().wake_after == 10
        await clock.advance(10)


async def test_a_command_that_cannot_be_executed_ends_the_container():
    machine = PodMachine(pod(), VirtualClock())
    machine.step()
    machine.prepared()
    machine.step()
    machine.exited("main", 128, "StartError", "no such file")

    assert machine.step().finished
    ended = machine.records["main"].ended
    assert (ended.exit_code, ended.reason, ended.started_at) == (128, "StartError", None)


async def test_a_sidecar_starts_in_its_turn_and_stays():
    driven = Driven(pod(inits=[container("init"), sidecar()]))
    assert driven.started == ["init"]

    driven.end("init")
    assert driven.started == ["init", "side", "main"]
    assert driven.phase == "Running"


async def test_sidecars_are_stopped_last_one_first_after_the_regular_containers():
    driven = Driven(pod(inits=[sidecar("one"), sidecar("two")]))
    driven.end("main", 0)
    assert [stop.name for stop in driven.stopped] == ["two"]
    assert driven.phase == "Running"  # not over while something runs

    driven.end("two", 143)
    assert [stop.name for stop in driven.stopped] == ["two", "one"]
    assert driven.end("one", 143).finished
    assert driven.phase == "Succeeded"  # how a sidecar ends does not matter


async def test_a_sidecar_restarts_whatever_the_pods_policy_is():
    driven = Driven(pod(inits=[sidecar()], restartPolicy="Never"))
    driven.end("side", 1)

    assert driven.started == ["side", "main", "side"]
    assert driven.phase == "Running"


async def test_a_deletion_stops_what_runs_with_the_grace_that_was_asked_for():
    driven = Driven(pod(restartPolicy="Always"))
    driven.machine.update(pod(restartPolicy="Always", metadata=deleted(grace=7)))
    driven.go()

    assert driven.stopped == [Stop("main", 7)]
    assert driven.end("main", 143).finished
    assert driven.phase == "Failed"
    assert driven.started == ["main"]


async def test_a_second_deletion_can_only_shorten_the_grace():
    driven = Driven(pod())
    for grace in (30, 30, 40, 1):
        driven.machine.update(pod(metadata=deleted(grace=grace)))
        driven.go()

    assert [stop.grace for stop in driven.stopped] == [30, 1]


async def test_a_pod_that_is_deleted_before_anything_ran_never_starts():
    machine = PodMachine(pod(metadata=deleted()), VirtualClock())

    assert machine.step().finished
    assert phase(machine) == "Failed"


async def test_a_container_that_is_being_launched_is_stopped_once_it_runs():
    machine = PodMachine(pod(), VirtualClock())
    machine.step()
    machine.prepared()
    machine.step()
    machine.update(pod(metadata=deleted()))
    assert machine.step().stop == ()
    assert not machine.step().finished

    machine.started("main", "id")
    assert machine.step().stop == (Stop("main", 30),)


async def test_the_active_deadline_ends_a_pod_and_says_so():
    driven = Driven(pod(activeDeadlineSeconds=60, terminationGracePeriodSeconds=5))
    assert driven.wake_after == 60
    await driven.after(60)

    assert driven.stopped == [Stop("main", 5)]
    driven.end("main", 0)
    assert driven.phase == "Failed"
    assert driven.machine.ending.reason == "DeadlineExceeded"


async def test_a_deadline_that_passes_after_the_end_changes_nothing():
    driven = Driven(pod(activeDeadlineSeconds=60))
    driven.end()
    await driven.after(61)

    assert driven.phase == "Succeeded"


async def test_the_deadline_counts_from_the_pods_start_also_across_a_restart_of_the_node():
    clock = VirtualClock()
    status = {"startTime": "2025-12-31T23:59:30Z"}
    machine = PodMachine(pod(activeDeadlineSeconds=60, status=status), clock)

    assert machine.step().wake_after == 30


async def test_a_deadline_fires_while_volumes_are_waited_for():
    clock = VirtualClock()
    machine = PodMachine(pod(activeDeadlineSeconds=60), clock)
    assert machine.step().wake_after == 60
    await clock.advance(60)

    assert machine.step().finished
    assert phase(machine) == "Failed"


async def test_the_node_can_end_a_pod():
    driven = Driven(pod())
    driven.machine.end(Ending("Evicted", "out of memory", 0))
    driven.go()

    assert driven.stopped == [Stop("main", 0)]
    driven.end("main", 137)
    assert driven.phase == "Failed"
