from __future__ import annotations

import pytest
from node_pods import container, deleted, pod

from mlctl_core.embedded.node.machine import PodMachine
from mlctl_core.embedded.node.pod_status import pod_status
from mlctl_core.embedded.node.steps import Refusal
from mlctl_core.testing.clock import VirtualClock


@pytest.fixture
def clock():
    return VirtualClock()


def status_of(machine, clock, before=()):
    return pod_status(machine, address="127.0.0.1", now=clock.now(), before=before)


def conditions(status):
    return {c["type"]: (c["status"], c.get("reason", "")) for c in status["conditions"]}


def states(status, field="containerStatuses"):
    return {c["name"]: c["state"] for c in status[field]}


def begun(a_pod, clock):
    machine = PodMachine(a_pod, clock)
    machine.step()
    machine.prepared()
    machine.step()
    return machine


def test_a_pod_that_is_being_created(clock):
    machine = PodMachine(pod(), clock)
    status = status_of(machine, clock)

    assert status["phase"] == "Pending"
    assert status["startTime"] == "2026-01-01T00:00:00Z"
    assert status["hostIP"] == "127.0.0.1"
    assert "podIP" not in status
    assert states(status) == {"main": {"waiting": {"reason": "ContainerCreating"}}}
    assert conditions(status) == {
        "PodReadyToStartContainers": ("False", ""),
        "Initialized": ("True", ""),
        "Ready": ("False", "ContainersNotReady"),
        "ContainersReady": ("False", "ContainersNotReady"),
        "PodScheduled": ("True", ""),
    }


def test_a_pod_whose_init_container_runs(clock):
    machine = begun(pod(inits=[container("init")]), clock)
    machine.started("init", "id")
    status = status_of(machine, clock)

    assert status["phase"] == "Pending"
    assert status["podIP"] == "127.0.0.1"
    assert states(status) == {"main": {"waiting": {"reason": "PodInitializing"}}}
    assert states(status, "initContainerStatuses") == {
        "init": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
    }
    assert conditions(status)["Initialized"] == ("False", "ContainersNotInitialized")
    message = next(c["message"] for c in status["conditions"] if c["type"] == "Initialized")
    assert message == "containers with incomplete status: [init]"


def test_a_pod_that_runs_is_ready(clock):
    machine = begun(pod(), clock)
    machine.started("main", "process://1")
    status = status_of(machine, clock)

    assert status["phase"] == "Running"
    assert status["containerStatuses"] == [
        {
            "name": "main",
            "image": "image",
            "imageID": "image",
            "containerID": "process://1",
            "ready": True,
            "started": True,
            "restartCount": 0,
            "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
            "lastState": {},
        }
    ]
    assert set(conditions(status).values()) == {("True", "")}


async def test_a_pod_that_has_succeeded(clock):
    machine = begun(pod(inits=[container("init")]), clock)
    machine.started("init", "i")
    machine.exited("init", 0)
    machine.step()
    machine.started("main", "m")
    await clock.advance(5)
    machine.exited("main", 0, message="bye")
    status = status_of(machine, clock)

    assert status["phase"] == "Succeeded"
    assert states(status)["main"] == {
        "terminated": {
            "exitCode": 0,
            "reason": "Completed",
            "message": "bye",
            "startedAt": "2026-01-01T00:00:00Z",
            "finishedAt": "2026-01-01T00:00:05Z",
            "containerID": "m",
        }
    }
    assert status["initContainerStatuses"][0]["ready"] is True
    assert status["containerStatuses"][0]["ready"] is False
    assert conditions(status) == {
        "PodReadyToStartContainers": ("False", ""),
        "Initialized": ("True", "PodCompleted"),
        "Ready": ("False", "PodCompleted"),
        "ContainersReady": ("False", "PodCompleted"),
        "PodScheduled": ("True", ""),
    }


def test_a_pod_that_has_failed(clock):
    machine = begun(pod(), clock)
    machine.started("main", "m")
    machine.exited("main", 137, "OOMKilled")
    status = status_of(machine, clock)

    assert status["phase"] == "Failed"
    assert states(status)["main"]["terminated"]["reason"] == "OOMKilled"
    assert conditions(status)["Ready"] == ("False", "PodFailed")


def test_a_deleted_pod_is_failed_with_143_before_it_goes(clock):
    machine = begun(pod(), clock)
    machine.started("main", "m")
    machine.update(pod(metadata=deleted()))
    machine.exited("main", 143)

    status = status_of(machine, clock)
    assert status["phase"] == "Failed"
    assert states(status)["main"]["terminated"]["exitCode"] == 143


async def test_a_pod_past_its_deadline_says_so(clock):
    machine = begun(pod(activeDeadlineSeconds=1), clock)
    machine.started("main", "m")
    await clock.advance(1)
    machine.step()
    assert status_of(machine, clock)["phase"] == "Running"  # until nothing runs any more
    machine.exited("main", 143)

    status = status_of(machine, clock)
    assert (status["phase"], status["reason"]) == ("Failed", "DeadlineExceeded")


def test_a_crash_loop_shows_the_wait_and_the_last_end(clock):
    machine = begun(pod(restartPolicy="Always"), clock)
    for _ in range(2):
        machine.started("main", "m")
        machine.exited("main", 3)
        machine.step()
    status = status_of(machine, clock)
    (main,) = status["containerStatuses"]

    assert status["phase"] == "Running"
    assert main["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert main["lastState"]["terminated"]["exitCode"] == 3
    assert main["restartCount"] == 1


def test_a_refusal_is_the_reason_for_waiting(clock):
    machine = begun(pod(), clock)
    machine.refused("main", Refusal("ErrImagePull", "no such image"))

    assert states(status_of(machine, clock))["main"] == {
        "waiting": {"reason": "ErrImagePull", "message": "no such image"}
    }


async def test_a_transition_time_moves_only_when_the_status_does(clock):
    machine = begun(pod(), clock)
    first = status_of(machine, clock)["conditions"]
    await clock.advance(60)
    machine.started("main", "m")
    second = status_of(machine, clock, first)["conditions"]

    times = {c["type"]: c["lastTransitionTime"] for c in second}
    assert times["Ready"] == "2026-01-01T00:01:00Z"
    assert times["Initialized"] == "2026-01-01T00:00:00Z"


def test_the_generation_that_was_seen_is_reported(clock):
    status = status_of(PodMachine(pod(metadata={"generation": 4}), clock), clock)

    assert status["observedGeneration"] == 4
    assert {c["observedGeneration"] for c in status["conditions"]} == {4}
