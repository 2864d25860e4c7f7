from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aiohttp import web

from mlctl_core.client.config import ClusterConfig
from mlctl_core.client.credentials import Access, StaticCredentials
from mlctl_core.testing.clock import VirtualClock
from mlctl_core.testing.proxy import FaultProxy, Point, Strike, Write


@pytest.fixture
async def upstream():
    """A server that remembers what it committed."""
    committed = []

    async def handle(request):
        committed.append((request.method, request.path_qs, await request.read()))
        return web.json_response({"token": request.headers.get("Authorization", "")})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}", committed
    await runner.cleanup()


@pytest.fixture
async def watched():
    """A server whose watches send what is put into a queue."""
    events = asyncio.Queue()

    async def handle(request):
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(await events.get())

    app = web.Application()
    app.router.add_get("/{path:.*}", handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}", events
    await runner.cleanup()


async def test_requests_pass_through_with_the_proxys_credentials(upstream):
    url, committed = upstream
    credentials = StaticCredentials(Access(authorization="Bearer t"))
    async with (
        FaultProxy(ClusterConfig(url, credentials)) as proxy,
        aiohttp.ClientSession() as session,
    ):
        async with session.get(proxy.url + "/api/v1/pods?limit=5") as response:
            assert await response.json() == {"token": "Bearer t"}
        assert committed == [("GET", "/api/v1/pods?limit=5", b"")]
        assert proxy.writes == []
        assert proxy.requests == ["GET /api/v1/pods?limit=5"]


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/api/v1/namespaces/a/pods/p", "pods"),
        ("/api/v1/namespaces/a", "namespaces"),
        ("/api/v1/nodes/n/status", "nodes/status"),
        ("/apis/mlctl.dev/v1alpha1/namespaces/a/pythonjobs/j/status", "pythonjobs/status"),
        ("/apis/mlctl.dev/v1alpha1/sizes/small", "sizes"),
    ],
)
def test_a_write_knows_its_resource(path, resource):
    assert Write(1, "PATCH", path, b"{}").resource == resource


@pytest.mark.parametrize(
    ("point", "commits", "is_answered"),
    [(Point.BEFORE, 0, False), (Point.COMMITTED, 1, False), (Point.REPLIED, 1, True)],
)
async def test_a_strike_comes_once_at_its_point(upstream, point, commits, is_answered):
    url, committed = upstream
    struck = []

    async def action():
        struck.append(len(committed))

    async with FaultProxy(ClusterConfig(url)) as proxy, aiohttp.ClientSession() as session:
        proxy.strike = Strike(lambda write: write.number == 2, point, action)
        async with session.post(proxy.url + "/api/v1/namespaces", data=b"1") as response:
            assert response.status == 200
        committed.clear()
        answered = False
        try:
            async with session.post(proxy.url + "/api/v1/namespaces", data=b"2") as response:
                answered = response.status == 200
        except aiohttp.ClientError:
            pass
        assert (struck, answered) == ([commits], is_answered)
        async with session.post(proxy.url + "/api/v1/namespaces", data=b"3") as response:
            assert response.status == 200
        assert len(struck) == 1
        assert [write.body for write in proxy.writes_of("namespaces")] == [b"1", b"2", b"3"]
        seen = {1, 2, 3} if commits else {1, 3}
        assert proxy.answers == dict.fromkeys(seen, 200)


async def test_watches_of_a_kind_that_lags_are_late_and_others_are_not(watched):
    url, events = watched
    clock = VirtualClock()
    async with (
        FaultProxy(ClusterConfig(url), clock=clock, lag={"pods": 5.0}) as proxy,
        aiohttp.ClientSession() as session,
    ):
        async with session.get(proxy.url + "/api/v1/services?watch=true") as prompt:
            events.put_nowait(b"a\n")
            assert await prompt.content.readline() == b"a\n"
        async with session.get(proxy.url + "/api/v1/pods?watch=true") as late:
            events.put_nowait(b"b\n")
            reading = asyncio.ensure_future(late.content.readline())
            async with asyncio.timeout(10):
                while not clock.sleepers:
                    await asyncio.sleep(0)
            await clock.advance(4.9)
            assert not reading.done()
            await clock.advance(0.1)
            assert await reading == b"b\n"


async def test_who_is_severed_reaches_nobody_and_is_not_counted(upstream):
    url, committed = upstream
    async with FaultProxy(ClusterConfig(url)) as proxy, aiohttp.ClientSession() as session:
        proxy.severed = True
        with pytest.raises(aiohttp.ClientError):
            await session.post(proxy.url + "/api/v1/namespaces", data=b"1")
        assert (committed, proxy.writes, proxy.requests) == ([], [], [])
        proxy.severed = False
        async with session.post(proxy.url + "/api/v1/namespaces", data=b"2") as response:
            assert response.status == 200
        assert [write.number for write in proxy.writes] == [1]
