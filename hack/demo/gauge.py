"""The gauge of GPUs that are taken, scraped as Prometheus does, only more often."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import aiohttp
import attrs
from prometheus_client.parser import text_string_to_metric_families

from hack.demo.installation import GPU_NODE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

GAUGE, LABELS = "mlctl_gpu_allocated", {"node": GPU_NODE, "resource": "nvidia.com/gpu"}
POLL_SECONDS = 0.05


@attrs.define
class Highest:
    """The highest value that was scraped."""

    value: float = 0.0


@asynccontextmanager
async def highest(metrics_url: str) -> AsyncIterator[Highest]:
    """Scrape for the length of the block."""
    seen = Highest()
    task = asyncio.create_task(_scrape(metrics_url, seen))
    try:
        yield seen
    finally:
        task.cancel()


async def _scrape(metrics_url: str, seen: Highest) -> None:
    async with aiohttp.ClientSession() as session:
        while True:
            with suppress(aiohttp.ClientError):
                async with session.get(metrics_url) as response:
                    seen.value = max(seen.value, _value(await response.text()))
            await asyncio.sleep(POLL_SECONDS)


def _value(text: str) -> float:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == GAUGE and sample.labels == LABELS:
                return sample.value
    return 0.0
