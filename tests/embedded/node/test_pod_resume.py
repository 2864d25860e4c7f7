from __future__ import annotations

from node_pods import container, pod

from mlctl_core.embedded.node.machine import PodMachine
from mlctl_core.embedded.node.pod_status import phase
from mlctl_core.testing.clock import VirtualClock

RUNNING = {"running": {"startedAt": "2025-12-31T23:00:00Z"}}
DONE = {"terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": "2025-12-31T23:00:00Z"}}
FAILED = {"terminated": {"exitCode": 3, "reason": "Error", "finishedAt": "2025-12-31T23:00:00Z"}}


def status(*mains, inits=()):
    def statuses(states):
        return [
            {"name": name, "state": state, "lastState": {}, "restartCount": 2}
            for name, state in states
        ]

    return {
        "phase": "Running",
        "containerStatuses": statuses(mains),
        "initContainerStatuses": statuses(inits),
    }


def resumed(*mains, inits=(), **fields):
    fields |= {"inits": [container(name) for name, _ in inits]}
    return PodMachine(pod(status=status(*mains, inits=inits), **fields), VirtualClock())


def test_what_ran_under_an_earlier_process_is_lost():
    machine = resumed(("main", RUNNING))

    assert machine.step().finished
    ended = machine.records["main"].ended
    assert (ended.exit_code, ended.reason) == (137, "ContainerStatusUnknown")
    assert phase(machine) == "Failed"


def test_what_is_lost_runs_again_where_containers_restart():
    machine = resumed(("main", RUNNING), restartPolicy="OnFailure")
    assert machine.step().prepare
    machine.prepared()

    assert [c.name for c in machine.step().start] == ["main"]
    assert machine.records["main"].restarts == 3
    assert machine.records["main"].last.reason == "ContainerStatusUnknown"


def test_what_has_ended_keeps_its_result():
    machine = resumed(("main", FAILED))

    assert machine.step().finished
    assert machine.records["main"].ended.exit_code == 3


def test_init_containers_run_again_because_their_volumes_are_gone():
    machine = resumed(
        ("main", {"waiting": {"reason": "PodInitializing"}}),
        inits=[("one", DONE), ("two", {"waiting": {}})],
    )
    assert machine.step().prepare
    machine.prepared()

    assert [c.name for c in machine.step().start] == ["one"]


def test_a_pod_that_had_not_begun_begins():
    machine = resumed(("main", {"waiting": {"reason": "ContainerCreating"}}))
    assert machine.step().prepare
    machine.prepared()

    assert [c.name for c in machine.step().start] == ["main"]
    assert machine.records["main"].restarts == 2


def test_a_container_that_the_status_names_and_the_pod_does_not_is_ignored():
    assert list(resumed(("ghost", RUNNING)).records) == ["main"]
