"""``mlctl logs``: what the job writes, wherever its pod is.

Promises the words of the container that has the floor: the program's once it has started,
before that those of the step that prepares it, and of that step alone where it failed.
Followed, a job is waited for; the end of the program's attempt is the end of its log.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from mlctl_core.cli.errors import CommandError
from mlctl_core.cli.target import pods_of, read

if TYPE_CHECKING:
    from mlctl_core.cli.target import Target
    from mlctl_core.client.client import Client
    from mlctl_core.clock import Clock
    from mlctl_core.objects.json import Json

MAIN = "main"
# How soon a person sees the first line of a program that has just started.
POLL_SECONDS = 0.5

_FIRST_ROLES = ("chief", "driver", "worker")
_ENDED = ("Succeeded", "Failed")


async def logs(client: Client, target: Target, *, follow: bool, clock: Clock) -> None:
    """Print the log of the job's first pod, as it grows if `follow`.

    Raises:
        CommandError: nothing of it has started; followed, it ended or went without starting.
    """
    if follow:
        await _follow(client, target, clock)
        return
    pod = first_pod(await pods_of(client, target))
    container = speaker(pod) if pod else None
    if pod is None or container is None:
        raise CommandError(_not_started(target, pod))
    name = pod["metadata"]["name"]
    _write(await client.pod_log(name, target.namespace, container=container))


async def _follow(client: Client, target: Target, clock: Clock) -> None:
    heard: set[str] = set()
    told = False
    while True:
        # The job before its pods: what had ended then has no more containers to start.
        now = await read(client, target.kind, target.name, target.namespace)
        pod = first_pod(await pods_of(client, target))
        container = speaker(pod) if pod else None
        if pod and container and container not in heard:
            heard.add(container)
            name = pod["metadata"]["name"]
            async for chunk in client.follow_pod_log(name, target.namespace, container=container):
                _write(chunk)
            if container == MAIN:
                return
            continue
        if now is None:
            raise CommandError(f"{target.words} was deleted")
        if now.status.get("phase") in _ENDED:
            if not heard:
                raise CommandError(_not_started(target, pod))
            return
        if not told and not heard:
            told = True
            print(f"mlctl: {_not_started(target, pod)}; waiting", file=sys.stderr, flush=True)
        await clock.sleep(POLL_SECONDS)


def first_pod(pods: list[Json]) -> Json | None:
    """Return the pod that speaks for the job: the first of its leading role."""
    by_role = {
        (labels.get("mlctl.dev/role", ""), labels.get("mlctl.dev/index", "0")): pod
        for pod in pods
        for labels in (pod["metadata"].get("labels", {}),)
    }
    found = (by_role.get((role, "0")) for role in _FIRST_ROLES)
    return next((pod for pod in found if pod is not None), None)


def speaker(pod: Json) -> str | None:
    """Return the last of the pod's containers that has started, or None; sidecars do not count."""
    status = pod.get("status", {})
    main = [c for c in status.get("containerStatuses", []) if c["name"] == MAIN]
    started = [
        container["name"]
        for container in (*status.get("initContainerStatuses", []), *main)
        if container.get("lastState") or {"running", "terminated"} & set(container.get("state", {}))
    ]
    return started[-1] if started else None


def _not_started(target: Target, pod: Json | None) -> str:
    what = "has no pod" if pod is None else "has not started"
    return f"{target.words} {what} (mlctl why {target.name} says why)"


def _write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
