"""The status of a pod as a kubelet words it: phase, conditions and container statuses.

Pure: everything is read from the pod's machine. Rules: kubelet's ``getPhase``,
``pkg/kubelet/status/generate.go`` and ``kubelet_pods.go``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlctl_core.objects.times import format_time

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from mlctl_core.embedded.node.machine import PodMachine
    from mlctl_core.embedded.node.manifest import Container
    from mlctl_core.embedded.node.records import Record, Termination
    from mlctl_core.objects.json import Json

__all__ = ["TERMINAL_PHASES", "phase", "pod_status", "waiting_reason"]

TERMINAL_PHASES = ("Succeeded", "Failed")


def phase(machine: PodMachine) -> str:
    """The pod's phase. Terminal only when nothing of it runs any more."""
    records = machine.records
    mains = [records[c.name] for c in machine.pod.spec.containers]
    if machine.is_over:
        succeeded = all(r.ended is not None and r.ended.succeeded for r in mains)
        return "Succeeded" if machine.ending is None and succeeded else "Failed"
    if not machine.initialized or any(_never_ran(r) for r in mains):
        return "Pending"
    return "Running"


def pod_status(
    machine: PodMachine,
    *,
    address: str,
    own_address: str = "",
    now: datetime,
    before: Sequence[Json],
) -> Json:
    """The whole status, without the conditions that a node does not own.

    Args:
        machine: the pod.
        address: what the host is reached at.
        own_address: what the pod is reached at; empty where it shares the host's.
        now: the transition time of conditions that change.
        before: the conditions as last written or read.
    """
    spec = machine.pod.spec
    current = phase(machine)
    status: Json = {
        "observedGeneration": machine.pod.metadata.generation,
        "phase": current,
        "conditions": _dated(machine, _conditions(machine, current), now, before),
        "startTime": format_time(machine.start_time),
        "hostIP": address,
        "hostIPs": [{"ip": address}],
        "containerStatuses": [_container_status(machine, c) for c in spec.containers],
    }
    if not status["observedGeneration"]:
        del status["observedGeneration"]
    if spec.init_containers:
        status["initContainerStatuses"] = [
            _container_status(machine, c) for c in spec.init_containers
        ]
    if machine.is_prepared:
        of_pod = own_address or address
        status |= {"podIP": of_pod, "podIPs": [{"ip": of_pod}]}
    if machine.ending is not None:
        status |= {"reason": machine.ending.reason, "message": machine.ending.message}
    return status


def _never_ran(record: Record) -> bool:
    return record.started_at is None and record.ended is None and record.last is None


def _container_status(machine: PodMachine, container: Container) -> Json:
    record = machine.records[container.name]
    running = record.started_at is not None
    is_init = container in machine.pod.spec.init_containers
    completed = is_init and record.ended is not None and record.ended.succeeded
    identifier = record.container_id
    status: Json = {
        "name": container.name,
        "image": container.image,
        "imageID": container.image if identifier else "",
        "ready": (running and (container.is_sidecar or not is_init)) or completed,
        "started": running,
        "restartCount": record.restarts,
        "state": {},
        "lastState": {},
    }
    if identifier:
        status["containerID"] = identifier
    last = record.last
    if record.ended is not None and record.waiting_reason:
        status["state"], last = {"waiting": _waiting(machine, record)}, record.ended
    elif record.ended is not None:
        status["state"] = {"terminated": _terminated(record.ended)}
    elif record.started_at is not None:
        status["state"] = {"running": {"startedAt": format_time(record.started_at)}}
    else:
        status["state"] = {"waiting": _waiting(machine, record)}
    if last is not None:
        status["lastState"] = {"terminated": _terminated(last)}
    return status


def waiting_reason(machine: PodMachine, record: Record) -> str:
    """Why a container that does not run waits: a refusal, else where its pod is."""
    if record.waiting_reason:
        return record.waiting_reason
    return "PodInitializing" if machine.pod.spec.init_containers else "ContainerCreating"


def _waiting(machine: PodMachine, record: Record) -> Json:
    waiting: Json = {"reason": waiting_reason(machine, record)}
    if record.waiting_reason:
        waiting["message"] = record.waiting_message
    return waiting


def _terminated(ended: Termination) -> Json:
    state: Json = {
        "exitCode": ended.exit_code,
        "reason": ended.reason,
        "finishedAt": format_time(ended.finished_at),
    }
    if ended.started_at is not None:
        state["startedAt"] = format_time(ended.started_at)
    if ended.message:
        state["message"] = ended.message
    if ended.container_id:
        state["containerID"] = ended.container_id
    return state


def _conditions(machine: PodMachine, current: str) -> list[Json]:
    spec, records = machine.pod.spec, machine.records
    uninitialized = [
        c.name
        for c in spec.init_containers
        if not ((ended := records[c.name].ended) is not None and ended.succeeded)
        and not (c.is_sidecar and (records[c.name].started_at is not None or machine.initialized))
    ]
    unready = [
        c.name
        for c in (*(c for c in spec.init_containers if c.is_sidecar), *spec.containers)
        if records[c.name].started_at is None
    ]
    over = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}.get(current)
    sandbox = machine.is_prepared and over is None
    conditions: list[Json] = [_condition("PodReadyToStartContainers", holds=sandbox)]
    if current == "Succeeded":
        initialized = _condition("Initialized", holds=True, reason="PodCompleted")
    elif uninitialized:
        text = f"containers with incomplete status: [{' '.join(uninitialized)}]"
        initialized = _condition(
            "Initialized", holds=False, reason="ContainersNotInitialized", message=text
        )
    else:
        initialized = _condition("Initialized", holds=True)
    conditions.append(initialized)
    for kind in ("Ready", "ContainersReady"):
        if over is not None:
            conditions.append(_condition(kind, holds=False, reason=over))
        elif unready:
            text = f"containers with unready status: [{' '.join(unready)}]"
            condition = _condition(kind, holds=False, reason="ContainersNotReady", message=text)
            conditions.append(condition)
        else:
            conditions.append(_condition(kind, holds=True))
    conditions.append(_condition("PodScheduled", holds=True))
    return conditions


def _dated(
    machine: PodMachine, conditions: list[Json], now: datetime, before: Sequence[Json]
) -> list[Json]:
    """Gives each condition the time since which it has had its value."""
    generation = machine.pod.metadata.generation
    known = {item.get("type"): item for item in before}
    for condition in conditions:
        earlier = known.get(condition["type"], {})
        unchanged = earlier.get("status") == condition["status"]
        since = earlier.get("lastTransitionTime") if unchanged else None
        condition["lastTransitionTime"] = since or format_time(now)
        if generation:
            condition["observedGeneration"] = generation
    return conditions


def _condition(kind: str, *, holds: bool, reason: str = "", message: str = "") -> Json:
    condition: Json = {"type": kind, "status": "True" if holds else "False"}
    if reason:
        condition["reason"] = reason
    if message:
        condition["message"] = message
    return condition
