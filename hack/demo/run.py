"""One run of the demo's job, from apply to its end, as a person would watch it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING

import aiohttp
import attrs
from prometheus_client.parser import text_string_to_metric_families

from hack.demo import cluster

if TYPE_CHECKING:
    from hack.demo.show import Story
    from mlctl_core.client.client import Client
    from mlctl_core.objects.json import Json

METRIC = "accuracy"
WANTED_ACCURACY = 0.9
GAUGE, GAUGE_LABELS = "mlctl_gpu_allocated", {"node": "gpu-1", "resource": "nvidia.com/gpu"}
GAUGE_POLL_SECONDS = 0.05
TERMINAL = {"Succeeded", "Failed"}


@attrs.define
class Run:
    """What was seen of one run."""

    phase: str = ""
    reason: str = ""
    accuracy: str = ""
    node: str = ""
    """The node of the job's pod."""
    gauge: float = 0.0
    """The highest value of the GPU gauge that was scraped while the job ran."""

    @property
    def is_good(self) -> bool:
        """Whether the job succeeded with the accuracy that it has to reach."""
        return self.phase == "Succeeded" and float(self.accuracy or 0) >= WANTED_ACCURACY


async def run(client: Client, metrics_url: str, story: Story, job: Json) -> Run:
    """Apply the job, show what happens to it, and return what was seen when it has ended."""
    seen = Run()
    name = job["metadata"]["name"]
    pod = f"pyjob-{name}-worker-0"
    await cluster.apply(client, [job])
    async with AsyncExitStack() as stack:
        stack.callback(asyncio.create_task(_scrape(metrics_url, seen)).cancel)
        log: asyncio.Task[None] | None = None
        async for state in cluster.states(client, name):
            status = state.get("status", {})
            _show_phase(story, seen, status)
            if log is None and seen.phase in {"Running", *TERMINAL}:
                log = asyncio.create_task(_show_log(client, story, pod))
            if seen.phase in TERMINAL:
                break
        if log is not None:
            await log
    seen.accuracy = status.get("metrics", {}).get(METRIC, {}).get("value", "")
    if found := await cluster.pod(client, pod):
        seen.node = found["spec"].get("nodeName", "")
        story.say("pod", f"{pod} on node {seen.node}: {found['status'].get('phase')}")
    story.say("status", f"{seen.phase}, {METRIC} {seen.accuracy or 'not reported'}")
    return seen


def _show_phase(story: Story, seen: Run, status: Json) -> None:
    phase, reason = status.get("phase", "Pending"), status.get("reason", "")
    if (phase, reason) == (seen.phase, seen.reason):
        return
    seen.phase, seen.reason = phase, reason
    story.say("phase", f"{phase:<11} {status.get('message', '')}".rstrip())


async def _show_log(client: Client, story: Story, pod: str) -> None:
    async for line in cluster.follow_log(client, pod):
        story.say("log", line)


async def _scrape(metrics_url: str, seen: Run) -> None:
    """Scrape as Prometheus does, only more often, and keep the highest value of the gauge."""
    async with aiohttp.ClientSession() as session:
        while True:
            with suppress(aiohttp.ClientError):
                async with session.get(metrics_url) as response:
                    seen.gauge = max(seen.gauge, _gauge(await response.text()))
            await asyncio.sleep(GAUGE_POLL_SECONDS)


def _gauge(text: str) -> float:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == GAUGE and sample.labels == GAUGE_LABELS:
                return sample.value
    return 0.0
