"""The part of a kubelet's HTTP API that ``kubectl logs`` needs, over TLS on the loopback.

Serves ``/containerLogs/{namespace}/{pod}/{container}`` for all nodes of this process. Whoever
reaches the port may read: it is not for machines that are shared with strangers.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Protocol

from aiohttp import web

from mlctl_core.embedded.node.certificate import serving_context
from mlctl_core.embedded.node.log_reader import parse_options
from mlctl_core.embedded.node.logs import LogsUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mlctl_core.clock import Clock
    from mlctl_core.embedded.node.log_reader import LogOptions

__all__ = ["LogServer", "LogSource"]

# Seconds that readers get when the node stops.
SHUTDOWN_SECONDS = 1.0


class LogSource(Protocol):
    """Where logs come from."""

    def logs(
        self, namespace: str, name: str, container: str, options: LogOptions
    ) -> AsyncIterator[bytes]:
        """A container's output.

        Raises:
            LogsUnavailableError: there is none.
        """


class LogServer:
    """Serves logs from `start` to `stop`."""

    def __init__(self, source: LogSource, clock: Clock, address: str) -> None:
        self.port = 0
        """Where it listens, once started."""
        self._source = source
        self._clock = clock
        self._address = address
        app = web.Application()
        app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", self._logs)
        app.router.add_get("/healthz", _healthz)
        # A reader that goes away must end its follower.
        self._runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=SHUTDOWN_SECONDS
        )

    async def start(self) -> None:
        """Listens on a free port."""
        await self._runner.setup()
        context = serving_context(self._address, self._clock.now())
        site = web.TCPSite(self._runner, self._address, 0, ssl_context=context)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Ends all readers."""
        await self._runner.cleanup()

    async def _logs(self, request: web.Request) -> web.StreamResponse:
        match = request.match_info
        try:
            options = parse_options(request.query, self._clock.now())
            blocks = self._source.logs(
                match["namespace"], match["pod"], match["container"], options
            )
        except ValueError as error:
            return web.Response(status=422, text=str(error))
        except LogsUnavailableError as error:
            return web.Response(status=error.status, text=str(error))
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):  # the reader went away
            async for block in blocks:
                await response.write(block)
            await response.write_eof()
        return response


async def _healthz(_request: web.Request) -> web.Response:
    return web.Response(text="ok")
