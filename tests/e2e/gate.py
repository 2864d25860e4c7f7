"""A web server of the test's own, by which it holds a job at a point of its choice."""

from __future__ import annotations

import asyncio

from aiohttp import web
from plane import PATIENCE


class Gate:
    """Leaves every request under ``/`` unanswered until it is opened; ``/nothing`` has nothing.

    `url` may stand for a page that a program reads and, as both are HTTP, for a package index.
    """

    def __init__(self):
        self.url = ""
        self._asked = 0
        self._reached = asyncio.Event()
        self._opened = asyncio.Event()
        app = web.Application()
        app.router.add_get("/nothing/{path:.*}", self._nothing)
        app.router.add_get("/{path:.*}", self._wait)
        self._runner = web.AppRunner(
            app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None
        )

    async def __aenter__(self):
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_):
        await self._runner.cleanup()

    async def reached(self):
        """Wait until somebody has asked."""
        await asyncio.wait_for(self._reached.wait(), PATIENCE)

    def open(self):
        """Answer those who wait and all who come, each with its number."""
        self._opened.set()

    async def _wait(self, request):
        self._asked += 1
        number = self._asked
        self._reached.set()
        await self._opened.wait()
        return web.Response(text=str(number))

    async def _nothing(self, request):
        raise web.HTTPNotFound
