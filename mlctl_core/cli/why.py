"""``mlctl why``: why a job is pending or has failed, in the words of those who know.

The job's own account comes first; its pods, the end of a failed program's output and the
job's warnings follow with what they add to it. What may not be read is left out, and said.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mlctl_core.cli.target import pods_of
from mlctl_core.client.errors import ApiError, ForbiddenError
from mlctl_core.objects.kinds import EVENT

if TYPE_CHECKING:
    from mlctl_core.cli.target import Target
    from mlctl_core.client.client import Client
    from mlctl_core.objects.json import Json

_MAX_EVENTS = 5
# A Python traceback of a shallow program; more is what `mlctl logs` is for.
_OUTPUT_LINES = 10
# They say that containers are not ready; the containers say why.
_OF_CONTAINERS = {"Initialized", "Ready", "ContainersReady", "PodReadyToStartContainers"}
_NO_NEWS = {None, "Completed", "PodInitializing"}


async def why(client: Client, target: Target) -> str:
    """Return the object's own account, then what its pods and its warnings add."""
    status = target.status
    phase, reason = status.get("phase", "no phase yet"), status.get("reason", "")
    message = status.get("message", "")
    aside = f" ({reason})" if reason not in {"", phase} else ""
    lines = [f"{target.words}: {phase}{aside}"]
    if message:
        lines.append(f"  {message}")
    if not status:
        lines.append("  no controller has looked at it yet: is the manager running?")
    lines += await _pods(client, target)
    lines += await _warnings(client, target, message)
    return "\n".join(lines)


async def _pods(client: Client, target: Target) -> list[str]:
    try:
        pods = await pods_of(client, target)
    except ForbiddenError:
        return ["pods: you may not list them here"]
    return [line for pod in pods for line in await _of_pod(client, pod)]


async def _of_pod(client: Client, pod: Json) -> list[str]:
    """Return a line for each thing that keeps a pod from running, and what it said at its end."""
    status, name = pod.get("status", {}), pod["metadata"]["name"]
    where = pod["spec"].get("nodeName")
    lines = [f"pod/{name}: {status.get('phase', 'unknown')} on {where or 'no node'}"]
    lines += [
        f"  {condition['type']}: {condition['message']}"
        for condition in status.get("conditions", [])
        if condition["status"] == "False"
        and condition.get("message")
        and condition["type"] not in _OF_CONTAINERS
    ]
    for container in status.get("initContainerStatuses", []) + status.get("containerStatuses", []):
        for state in container.get("state", {}).values():
            if state.get("reason") not in _NO_NEWS:
                detail = state.get("message") or f"exit code {state.get('exitCode', 'unknown')}"
                lines.append(f"  container {container['name']}: {state['reason']}, {detail}")
        if container.get("state", {}).get("terminated", {}).get("exitCode"):
            lines += await _output(client, pod, container["name"])
    return lines


async def _output(client: Client, pod: Json, container: str) -> list[str]:
    """Return the last lines that a failed container wrote; none when its node has them no more."""
    metadata = pod["metadata"]
    try:
        log = await client.pod_log(
            metadata["name"], metadata["namespace"], container=container, tail_lines=_OUTPUT_LINES
        )
    except ApiError:
        return []
    return [f"    | {line}" for line in log.decode(errors="replace").splitlines()]


async def _warnings(client: Client, target: Target, message: str) -> list[str]:
    """Return the last warnings about the object that say something new."""
    fields = f"regarding.kind={target.kind.name},regarding.name={target.name},type=Warning"
    try:
        page = await client.list_all(EVENT, target.namespace, field_selector=fields)
    except ForbiddenError:
        return ["events: you may not list them here"]
    events = [json.loads(item) for item in page.items]
    events = [event for event in events if event.get("note") != message]
    events.sort(key=lambda event: event["metadata"]["creationTimestamp"])
    return [f"event {e.get('reason')}: {e.get('note', '')}" for e in events[-_MAX_EVENTS:]]
