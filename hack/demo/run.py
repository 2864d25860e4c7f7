"""One run of a job, from apply to its end, as a person would watch it."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import attrs

from hack.demo import cluster
from mlctl_core.objects.json import Json

if TYPE_CHECKING:
    from hack.demo.show import Story
    from mlctl_core.client.client import Client

ACCURACY = "accuracy"
WANTED_ACCURACY = 0.9
_TERMINAL = {"Succeeded", "Failed"}
_RESULT = re.compile(r"\w+=\S+")


@attrs.define
class Run:
    """What was seen of one run."""

    phase: str = ""
    reason: str = ""
    metrics: dict[str, str] = attrs.Factory(dict)
    """What the program reported, by name."""
    pods: dict[str, Json] = attrs.Factory(dict)
    """The last that was seen of each pod that the job ever had, by name."""

    @property
    def accuracy(self) -> str:
        """As the program reported it; empty when it did not."""
        return self.metrics.get(ACCURACY, "")

    @property
    def is_good(self) -> bool:
        """Whether the job succeeded with the accuracy that it has to reach."""
        return self.phase == "Succeeded" and float(self.accuracy or 0) >= WANTED_ACCURACY

    @property
    def nodes(self) -> str:
        """Where its pods ran."""
        return ", ".join(sorted({p["spec"].get("nodeName", "") for p in self.pods.values()}))


async def run(client: Client, story: Story, job: Json, main: str) -> Run:
    """Apply the job, show what happens to it, and return what was seen when it has ended.

    Args:
        client: For the control plane.
        story: What is shown.
        job: As it is applied.
        main: The pod whose results are shown as it writes them.
    """
    seen = Run()
    log: asyncio.Task[None] | None = None
    await cluster.apply(client, [job])
    try:
        async for state in cluster.states(client, job):
            status = state.get("status") or {}
            _show_phase(story, seen, status)
            seen.pods |= {p["metadata"]["name"]: p for p in await cluster.pods(client, job)}
            if log is None and main in seen.pods and seen.phase in {"Running", *_TERMINAL}:
                log = asyncio.create_task(_show_results(client, story, main))
            if seen.phase in _TERMINAL:
                break
        if log is not None:
            await log
    finally:
        if log is not None:
            log.cancel()
    metrics = status.get("metrics") or {}
    seen.metrics = {name: metric["value"] for name, metric in metrics.items()}
    for name, pod in sorted(seen.pods.items()):
        story.say("pod", f"{name} on node {pod['spec'].get('nodeName')}")
    return seen


def _show_phase(story: Story, seen: Run, status: Json) -> None:
    phase, reason = status.get("phase", "Pending"), status.get("reason", "")
    if (phase, reason) == (seen.phase, seen.reason):
        return
    seen.phase, seen.reason = phase, reason
    story.say("phase", f"{phase:<11} {status.get('message', '')}".rstrip())


async def _show_results(client: Client, story: Story, pod: str) -> None:
    async for line in cluster.follow_log(client, pod):
        # Frameworks write much else.
        if _RESULT.fullmatch(line):
            story.say("log", line)
