from __future__ import annotations

import asyncio
from http import HTTPStatus
from itertools import count

import pytest
from plane import job, phase

from mlctl_core.testing.proxy import Point, Strike

# Of any life: pod, code, finalizer; begun, running and succeeded in the status.
LEAST_WRITES = 6


@pytest.mark.heavy
@pytest.mark.parametrize("point", list(Point), ids=lambda point: point.name.lower())
async def test_killed_at_any_write_the_job_still_ends_once(namespace, manager, proxy, point):
    """SIGKILL at each write of a life in turn, a new manager after it: one pod, no lost result.

    Lives are lived until one has no such write.
    """
    for number in count(1):
        before = len(proxy.writes)
        struck = await _live(namespace, manager, proxy, number, point)
        if not struck:
            break
    assert len(proxy.writes) - before == number - 1
    assert number > LEAST_WRITES


async def _live(namespace, manager, proxy, number, point):
    """A job's life with a strike at its k-th write; whether it came to that."""
    name, before = f"digits-{number}", len(proxy.writes)
    struck = asyncio.Event()

    async def kill():
        await manager.kill()
        struck.set()

    proxy.strike = Strike(lambda write: write.number == before + number, point, kill)
    await namespace.apply(job(name))
    waits = {asyncio.create_task(struck.wait()), asyncio.create_task(_end(namespace, name))}
    _, left = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    if came := proxy.strike is None:
        await struck.wait()
        await manager.start()
    proxy.strike = None
    ended = await namespace.ended(name)
    assert phase(ended) == "Succeeded", ended["status"]
    assert ended["status"]["metrics"]["accuracy"]["value"] == "0.97"
    assert ended["status"]["restarts"] == 0
    pod = await namespace.released(name)
    assert pod["metadata"]["labels"]["mlctl.dev/attempt"] == "1"
    posts = [w.number for w in proxy.writes_of("pods") if w.number > before and w.method == "POST"]
    # One that the server never saw, or whose reply was lost, may be sent once more.
    assert [proxy.answers.get(post) for post in posts].count(HTTPStatus.CREATED) == 1
    return came


async def _end(namespace, name):
    """Wait for the last write of a good life."""
    await namespace.ended(name)
    await namespace.released(name)
