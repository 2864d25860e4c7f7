"""``mlctl logs``: what the job writes, wherever its pod is."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from mlctl_core.cli.errors import CommandError
from mlctl_core.objects.kinds import POD

if TYPE_CHECKING:
    from mlctl_core.cli.target import Target
    from mlctl_core.client.client import Client

_FIRST_ROLES = ("chief", "driver", "worker")


async def logs(client: Client, target: Target, namespace: str, *, follow: bool) -> None:
    """Print the log of the job's first pod, as it grows if `follow`.

    Raises:
        CommandError: the job has no pod.
    """
    pod = await _first_pod(client, target, namespace)
    if not follow:
        sys.stdout.buffer.write(await client.pod_log(pod, namespace, container="main"))
        return
    async for chunk in client.follow_pod_log(pod, namespace, container="main"):
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()


async def _first_pod(client: Client, target: Target, namespace: str) -> str:
    selector = f"mlctl.dev/kind={target.kind.name},mlctl.dev/name={target.name}"
    page = await client.list_all(POD, namespace, label_selector=selector)
    by_role: dict[tuple[str, str], str] = {}
    for item in page.items:
        metadata = json.loads(item)["metadata"]
        labels = metadata["labels"]
        by_role[labels.get("mlctl.dev/role", ""), labels.get("mlctl.dev/index", "")] = metadata[
            "name"
        ]
    for role in _FIRST_ROLES:
        if pod := by_role.get((role, "0")):
            return pod
    raise CommandError(f"{target.words} has no pod: mlctl why {target.name} says why")
