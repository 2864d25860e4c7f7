from __future__ import annotations

import pytest
from node_pods import container, deleted, pod

from mlctl_core.embedded.node.environment import Facts
from mlctl_core.embedded.node.log_reader import LogOptions
from mlctl_core.embedded.node.logs import LogsUnavailableError
from mlctl_core.embedded.node.simulated_runtime import SimulatedRuntime
from mlctl_core.testing.clock import VirtualClock


class World:
    def __init__(self, run_for=None):
        self.clock = VirtualClock()
        self.history = {}
        self.events = []
        self.published = {}
        self.runtime = SimulatedRuntime(
            self.clock,
            self.changed,
            lambda *event: self.events.append(event[1:]),
            Facts(address="127.0.0.1", allocatable={"pods": "2000", "nvidia.com/gpu": "1"}),
            run_for,
        )

    def changed(self, published):
        status = published.status()
        self.published[published.metadata.name] = published
        phases = self.history.setdefault(published.metadata.name, [])
        entry = (self.clock.monotonic(), status.get("phase"))
        if not phases or phases[-1][1] != entry[1]:
            phases.append(entry)

    def status(self, name="p"):
        return self.published[name].status()

    async def log(self, **options):
        blocks = self.runtime.logs("ns", "p", "main", LogOptions(**options))
        return b"".join([block async for block in blocks]).decode()


@pytest.fixture
def world():
    return World()


def sim(**annotations):
    return {
        "annotations": {f"sim.mlctl.dev/{k.replace('_', '-')}": v for k, v in annotations.items()}
    }


async def test_a_pod_runs_for_as_long_as_it_says(world):
    world.runtime.observe(pod(metadata=sim(run_for="5s")))
    await world.clock.advance(60)

    assert world.history["p"] == [(0, "Running"), (5, "Succeeded")]


async def test_an_exit_code_makes_it_fail(world):
    world.runtime.observe(pod(metadata=sim(run_for="5s", exit_code="3")))
    await world.clock.advance(5)

    assert world.history["p"][-1] == (5, "Failed")
    terminated = world.status()["containerStatuses"][0]["state"]["terminated"]
    assert (terminated["exitCode"], terminated["reason"]) == (3, "Error")


async def test_a_pod_that_does_not_say_it_runs_for_as_long_as_its_node_says():
    world = World(run_for=7)
    world.runtime.observe(pod())
    await world.clock.advance(60)
    assert world.history["p"] == [(0, "Running"), (7, "Succeeded")]


async def test_what_a_pod_says_itself_holds_before_what_its_node_says():
    world = World(run_for=7)
    world.runtime.observe(pod(metadata=sim(run_for="5s")))
    await world.clock.advance(60)
    assert world.history["p"] == [(0, "Running"), (5, "Succeeded")]


async def test_what_is_said_while_it_runs_counts_from_its_start(world):
    world.runtime.observe(pod())
    await world.clock.advance(3)
    world.runtime.observe(pod(metadata=sim(run_for="5s", exit_code="3")))
    await world.clock.advance(60)
    assert world.history["p"] == [(0, "Running"), (5, "Failed")]


async def test_it_can_be_told_to_end_at_once(world):
    world.runtime.observe(pod())
    await world.clock.advance(3)
    world.runtime.observe(pod(metadata=sim(run_for="0s")))
    assert world.history["p"] == [(0, "Running"), (3, "Succeeded")]


async def test_what_makes_no_sense_while_it_runs_changes_nothing(world):
    world.runtime.observe(pod(metadata=sim(run_for="5s")))
    world.runtime.observe(pod(metadata=sim(run_for="soon")))
    await world.clock.advance(4)
    assert world.history["p"] == [(0, "Running")]


async def test_a_start_can_be_late(world):
    world.runtime.observe(pod(metadata=sim(run_for="5s", start_after="2s")))
    await world.clock.advance(60)

    assert world.history["p"] == [(0, "Pending"), (2, "Running"), (7, "Succeeded")]


async def test_without_a_time_it_runs_until_it_is_deleted(world):
    world.runtime.observe(pod())
    await world.clock.advance(86400)
    world.runtime.observe(pod(metadata=deleted()))

    assert world.history["p"] == [(0, "Running"), (86400, "Failed")]
    assert world.published["p"].removable
    terminated = world.status()["containerStatuses"][0]["state"]["terminated"]
    assert terminated["exitCode"] == 143


async def test_init_containers_pass_at_once_and_sidecars_stay(world):
    inits = [container("init"), container("side", restartPolicy="Always")]
    world.runtime.observe(pod(inits=inits, metadata=sim(run_for="5s")))
    assert world.status()["phase"] == "Running"
    states = {c["name"]: list(c["state"]) for c in world.status()["initContainerStatuses"]}
    assert states == {"init": ["terminated"], "side": ["running"]}

    await world.clock.advance(5)
    assert world.history["p"][-1] == (5, "Succeeded")


async def test_restart_policies_and_back_off_are_those_of_real_pods(world):
    world.runtime.observe(pod(restartPolicy="Always", metadata=sim(run_for="1s", exit_code="1")))
    await world.clock.advance(2)
    (main,) = world.status()["containerStatuses"]
    assert main["restartCount"] == 1
    assert main["state"]["waiting"]["reason"] == "CrashLoopBackOff"

    await world.clock.advance(10)
    assert world.status()["containerStatuses"][0]["restartCount"] == 2


async def test_the_active_deadline_holds(world):
    world.runtime.observe(pod(activeDeadlineSeconds=10))
    await world.clock.advance(10)

    assert world.history["p"][-1] == (10, "Failed")
    assert world.status()["reason"] == "DeadlineExceeded"


async def test_an_annotation_that_makes_no_sense_is_said_and_stops_nobody_else(world):
    world.runtime.observe(pod(metadata=sim(run_for="soon")))
    world.runtime.observe(pod(metadata={"name": "q", "uid": "u2"} | sim(run_for="1s")))
    await world.clock.advance(1)

    waiting = world.status()["containerStatuses"][0]["state"]["waiting"]
    assert waiting["reason"] == "CreateContainerConfigError"
    assert "sim.mlctl.dev/run-for" in waiting["message"]
    assert world.events[0][:2] == ("Warning", "Failed")
    assert world.history["q"][-1] == (1, "Succeeded")


async def test_a_pod_that_is_gone_is_forgotten(world):
    world.runtime.observe(pod(metadata=sim(run_for="5s")))
    world.runtime.forget("u1")
    await world.clock.advance(60)

    assert world.history["p"] == [(0, "Running")]
    assert world.clock.next_timer() is None


async def test_a_pod_that_had_ended_before_is_only_removed(world):
    world.runtime.observe(pod(status={"phase": "Succeeded"}))
    assert world.published == {}

    world.runtime.observe(pod(status={"phase": "Succeeded"}, metadata=deleted()))
    assert world.published["p"].removable


async def test_two_thousand_pods_wait_on_a_timer_each_and_nothing_more(world):
    for number in range(2000):
        metadata = {"name": f"p{number}", "uid": f"u{number}"} | sim(run_for=f"{number % 7 + 1}s")
        world.runtime.observe(pod(metadata=metadata))
    await world.clock.advance(7)

    assert {phases[-1][1] for phases in world.history.values()} == {"Succeeded"}
    assert len(world.history) == 2000


async def test_a_device_that_is_taken_is_not_given_twice(world):
    resources = {"limits": {"nvidia.com/gpu": "1"}}
    for number in (1, 2, 3):
        if number == 3:
            await world.clock.advance(5)
        world.runtime.observe(
            pod(
                containers=[container(resources=resources)],
                metadata={"name": f"p{number}", "uid": f"u{number}"} | sim(run_for="5s"),
            )
        )

    assert world.status("p1")["phase"] == "Succeeded"
    assert world.status("p2")["phase"] == "Failed"
    assert world.status("p2")["reason"] == "UnexpectedAdmissionError"
    assert world.status("p3")["phase"] == "Running"


async def test_its_log_is_what_the_annotation_says(world):
    world.runtime.observe(pod(metadata=sim(log="step=1 loss=2\nstep=2 loss=1")))

    assert await world.log() == "step=1 loss=2\nstep=2 loss=1\n"
    assert await world.log(tail_lines=1) == "step=2 loss=1\n"
    assert await world.log(limit_bytes=4) == "step"


async def test_without_an_annotation_the_log_says_what_this_is(world):
    world.runtime.observe(pod())

    assert await world.log() == "simulated container main of pod p\n"


async def test_before_the_init_containers_have_passed_the_pod_initialises(world):
    world.runtime.observe(pod(inits=[container("init")], metadata=sim(start_after="5s")))

    with pytest.raises(LogsUnavailableError, match="waiting to start: PodInitializing"):
        await world.log()


async def test_there_is_no_log_before_the_start(world):
    world.runtime.observe(pod(metadata=sim(start_after="5s")))

    with pytest.raises(LogsUnavailableError, match="waiting to start: ContainerCreating") as caught:
        await world.log()
    assert caught.value.status == 400
