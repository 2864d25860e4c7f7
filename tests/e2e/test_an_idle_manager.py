"""What a manager asks of the API server when nothing happens."""

from __future__ import annotations

import asyncio

from plane import PATIENCE, job, managing, phase, proxied_kubeconfig, reason

from mlctl_core.objects.kinds import EVENT

RENEWALS = 3
"""So many renewals of the lease pass by, some seconds, in which nothing else is asked."""


def is_watch(request):
    return request.startswith("GET ") and "watch=" in request


def is_lease(request, namespace):
    return f"/namespaces/{namespace}/leases/" in request


async def renewed(proxy, namespace, times):
    """Wait until the lease has been renewed that often from now on."""
    seen = len(proxy.requests)
    async with asyncio.timeout(PATIENCE):
        while sum(is_lease(r, namespace) for r in proxy.requests[seen:]) < times:
            await asyncio.sleep(0.05)


async def test_an_idle_leader_asks_for_nothing_but_watches_and_its_lease(
    namespace, proxy, tmp_path
):
    """With jobs in every state that may last: ended, running, waiting for a user and a node."""
    name = namespace.name
    config = proxied_kubeconfig(tmp_path / "kubeconfig", proxy.url)
    flags = ("--leader-elect", "--leader-elect-namespace", name)
    async with managing(config, name, tmp_path, *flags):
        await namespace.apply(job("ended"))
        await namespace.ended("ended")
        await namespace.released("ended")
        await namespace.apply(job("running", "import time; time.sleep(600)"))
        await namespace.until("running", lambda o: phase(o) == "Running")
        for bad, why, spec in (
            ("misspelt", "FrameworkNotFound", {"framework": "pyhton"}),
            ("huge", "Unschedulable", {"size": "huge"}),
        ):
            await namespace.apply(job(bad, **spec))
            await namespace.until(bad, lambda o, why=why: reason(o) == why)
            await warned(namespace, bad, why)
        before = len(proxy.requests)
        await renewed(proxy, name, RENEWALS)
        asked = proxy.requests[before:]
        assert [r for r in asked if not is_watch(r) and not is_lease(r, name)] == []


async def warned(namespace, name, why):
    """Wait for the event that tells of the job's state."""
    async with asyncio.timeout(PATIENCE):
        while (name, why) not in {
            (event["regarding"]["name"], event["reason"]) for event in await namespace.all(EVENT)
        }:
            await asyncio.sleep(0.05)
