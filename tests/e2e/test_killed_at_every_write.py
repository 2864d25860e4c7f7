from __future__ import annotations

import asyncio

import pytest
from plane import job, phase

from mlctl_core.testing.proxy import Point, Strike

# A good life has at most this many writes: pod, code, finalizer, and five times the status.
MOST_WRITES = 8


@pytest.mark.heavy
@pytest.mark.parametrize("point", list(Point), ids=lambda point: point.name.lower())
@pytest.mark.parametrize("number", range(1, MOST_WRITES + 1))
async def test_killed_at_a_write_the_job_still_ends_once(namespace, manager, proxy, number, point):
    """SIGKILL at one write, a new manager after it: no second pod, no lost result."""
    struck = asyncio.Event()

    async def kill():
        await manager.kill()
        struck.set()

    proxy.strike = Strike(lambda write: write.number == number, point, kill)
    await namespace.apply(job("digits"))
    waits = {asyncio.create_task(struck.wait()), asyncio.create_task(_end(namespace))}
    _, left = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    if proxy.strike is None:
        await struck.wait()
        await manager.start()
    ended = await namespace.until("digits", _is_done)
    assert phase(ended) == "Succeeded", ended["status"]
    assert ended["status"]["metrics"]["accuracy"]["value"] == "0.97"
    assert ended["status"]["restarts"] == 0
    pod = await namespace.released("digits")
    created = [write for write in proxy.writes_of("pods") if write.method == "POST"]
    assert pod["metadata"]["labels"]["mlctl.dev/attempt"] == "1"
    # A create that the server never saw, or whose reply was lost, may be sent once more.
    assert len(created) <= 2


def _is_done(obj):
    return phase(obj) in {"Succeeded", "Failed"}


async def _end(namespace):
    """Wait for the end of a life that has fewer writes than that."""
    await namespace.until("digits", _is_done)
    await namespace.released("digits")
