"""The row of a pod, with the status that users know (`Init:0/1`, `CrashLoopBackOff`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from mlctl_core.embedded.apiserver.durations import since

if TYPE_CHECKING:
    from datetime import datetime

    from mlctl_core.objects.json import Json

_NONE: Final = "<none>"
_TERMINAL: Final = frozenset({"Succeeded", "Failed"})


@attrs.define
class _Tally:
    """What the containers' statuses add up to."""

    reason: str
    restarts: int = 0
    ready: int = 0
    last_restart: str = ""

    def count(self, container: Json) -> None:
        self.restarts += container.get("restartCount") or 0
        finished = _terminated(container.get("lastState")).get("finishedAt") or ""
        self.last_restart = max(self.last_restart, finished)


def pod_row(pod: Json, now: datetime) -> list[Any]:
    """The cells of a pod, wide ones included."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    tally = _summarise(pod, spec, status)
    restarts = str(tally.restarts)
    if tally.restarts and tally.last_restart:
        restarts += f" ({since(tally.last_restart, now)} ago)"
    sidecars = sum(_is_sidecar(c) for c in spec.get("initContainers") or ())
    total = len(spec.get("containers") or ()) + sidecars
    ips = status.get("podIPs") or [{"ip": status.get("podIP")}]
    return [
        pod["metadata"]["name"],
        f"{tally.ready}/{total}",
        tally.reason,
        restarts,
        since(pod["metadata"].get("creationTimestamp"), now),
        ips[0].get("ip") or _NONE,
        spec.get("nodeName") or _NONE,
        status.get("nominatedNodeName") or _NONE,
        _readiness_gates(spec, status),
    ]


def _summarise(pod: Json, spec: Json, status: Json) -> _Tally:
    phase = status.get("phase") or ""
    conditions = {c.get("type"): c for c in status.get("conditions") or ()}
    reason = status.get("reason") or phase
    if conditions.get("PodScheduled", {}).get("reason") == "SchedulingGated":
        reason = "SchedulingGated"
    tally, sidecars = _Tally(reason), _Tally(reason)
    initializing = _read_init(spec, status, tally, sidecars)
    if not initializing or conditions.get("Initialized", {}).get("status") == "True":
        # The restarts of finished init containers are history.
        sidecars.reason, sidecars.ready = tally.reason, tally.ready
        tally = sidecars
        _read_containers(status, tally, ready=conditions.get("Ready", {}).get("status") == "True")
    if pod["metadata"].get("deletionTimestamp"):
        if status.get("reason") == "NodeLost":
            tally.reason = "Unknown"
        elif phase not in _TERMINAL:
            tally.reason = "Terminating"
    return tally


def _read_init(spec: Json, status: Json, tally: _Tally, sidecars: _Tally) -> bool:
    """Count the init containers up to the first that is not done; whether there is one."""
    declared = {c["name"]: c for c in spec.get("initContainers") or ()}
    for index, container in enumerate(status.get("initContainerStatuses") or ()):
        tally.count(container)
        sidecar = _is_sidecar(declared.get(container.get("name"), {}))
        if sidecar:
            sidecars.count(container)
        state = container.get("state") or {}
        terminated = _terminated(state)
        if terminated and not terminated.get("exitCode"):
            continue
        if sidecar and container.get("started"):
            tally.ready += bool(container.get("ready"))
            continue
        waiting = (state.get("waiting") or {}).get("reason")
        if terminated:
            tally.reason = f"Init:{_why(terminated)}"
        elif waiting and waiting != "PodInitializing":
            tally.reason = f"Init:{waiting}"
        else:
            tally.reason = f"Init:{index}/{len(declared)}"
        return True
    return False


def _read_containers(status: Json, tally: _Tally, *, ready: bool) -> None:
    running = False
    failure = ""
    # The first container has the last word.
    for container in reversed(status.get("containerStatuses") or ()):
        tally.count(container)
        state = container.get("state") or {}
        terminated = _terminated(state)
        waiting = (state.get("waiting") or {}).get("reason")
        if waiting:
            tally.reason = waiting
        elif terminated:
            tally.reason = _why(terminated)
            if terminated.get("exitCode"):
                failure = tally.reason
        elif container.get("ready") and "running" in state:
            running = True
            tally.ready += 1
    if tally.reason == "Completed":
        if running and ready:
            tally.reason = "Running"
        elif failure or running:
            tally.reason = failure or "NotReady"


def _is_sidecar(container: Json) -> bool:
    return container.get("restartPolicy") == "Always"


def _terminated(state: Json | None) -> Json:
    return (state or {}).get("terminated") or {}


def _why(terminated: Json) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _readiness_gates(spec: Json, status: Json) -> str:
    gates = [gate.get("conditionType") for gate in spec.get("readinessGates") or ()]
    if not gates:
        return _NONE
    true = {c.get("type") for c in status.get("conditions") or () if c.get("status") == "True"}
    return f"{sum(gate in true for gate in gates)}/{len(gates)}"
