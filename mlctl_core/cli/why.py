"""``mlctl why``: why a job is pending or has failed, in the words of those who know."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mlctl_core.objects.kinds import EVENT_V1, POD

if TYPE_CHECKING:
    from mlctl_core.cli.target import Target
    from mlctl_core.client.client import Client
    from mlctl_core.objects.json import Json

_MAX_EVENTS = 5


async def why(client: Client, target: Target, namespace: str) -> str:
    """Return the object's own account, then what its pods and its warnings add."""
    status: Json = target.object.get("status", {})
    phase, reason = status.get("phase", "no phase yet"), status.get("reason", "")
    lines = [f"{target.words}: {phase}" + (f" ({reason})" if reason else "")]
    if message := status.get("message"):
        lines.append(f"  {message}")
    if not status:
        lines.append("  no controller has looked at it yet: is the manager running?")
    lines += [line for pod in await _pods(client, target, namespace) for line in _of_pod(pod)]
    lines += await _warnings(client, target, namespace)
    return "\n".join(lines)


async def _pods(client: Client, target: Target, namespace: str) -> list[Json]:
    selector = f"mlctl.dev/kind={target.kind.name},mlctl.dev/name={target.name}"
    page = await client.list_all(POD, namespace, label_selector=selector)
    return [json.loads(item) for item in page.items]


def _of_pod(pod: Json) -> list[str]:
    """Return a line for each thing that keeps a pod from running."""
    status = pod.get("status", {})
    where = pod["spec"].get("nodeName", "no node")
    lines = [f"pod/{pod['metadata']['name']}: {status.get('phase', 'unknown')} on {where}"]
    lines += [
        f"  {condition['type']}: {condition['message']}"
        for condition in status.get("conditions", [])
        if condition["status"] == "False" and condition.get("message")
    ]
    containers = status.get("initContainerStatuses", []) + status.get("containerStatuses", [])
    for container in containers:
        for state in container.get("state", {}).values():
            if state.get("reason") not in {None, "Completed", "PodInitializing"}:
                detail = state.get("message") or f"exit code {state.get('exitCode', 'unknown')}"
                lines.append(f"  container {container['name']}: {state['reason']}, {detail}")
    return lines


async def _warnings(client: Client, target: Target, namespace: str) -> list[str]:
    fields = f"regarding.kind={target.kind.name},regarding.name={target.name},type=Warning"
    page = await client.list_all(EVENT_V1, namespace, field_selector=fields)
    events = [json.loads(item) for item in page.items]
    events.sort(key=lambda event: event["metadata"]["creationTimestamp"])
    return [f"event {e.get('reason')}: {e.get('note', '')}" for e in events[-_MAX_EVENTS:]]
