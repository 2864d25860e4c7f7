"""The manager's own HTTP endpoints: probes on one port, metrics on another.

Promises an answer as long as the event loop turns, which is what a liveness probe asks, and
no data in the answers to probes. Probes do not authenticate, metrics do where they are secured.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from errno import errorcode
from typing import TYPE_CHECKING

from aiohttp import web

from mlctl_core.telemetry.metrics import CONTENT_TYPE

if TYPE_CHECKING:
    import ssl

    from mlctl_core.manager.args import BindAddress
    from mlctl_core.manager.delegated_auth import DelegatedAuth
    from mlctl_core.telemetry.metrics import Metrics

# Seconds that an answer under way gets when the process stops.
SHUTDOWN_SECONDS = 1.0
# A probe or a scrape has no body and few headers (reliability: slow and large requests).
MAX_REQUEST_BYTES = 4_096

# RFC 9110 asks for it in a 401, and allows it elsewhere.
_CHALLENGE = {"WWW-Authenticate": "Bearer"}

Endpoint = Callable[[web.Request], Awaitable[web.Response]]


class ListenError(OSError):
    """An address cannot be listened on: it is taken, not ours, or no address."""


class HttpServer:
    """Serves a few GET endpoints on one address, over TLS if it has a context for it."""

    def __init__(
        self,
        address: BindAddress,
        endpoints: Mapping[str, Endpoint],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._address = address
        self._tls = tls
        app = web.Application(client_max_size=MAX_REQUEST_BYTES)
        app.add_routes([web.get(path, endpoint) for path, endpoint in endpoints.items()])
        self._runner = web.AppRunner(
            app, access_log=None, handle_signals=False, shutdown_timeout=SHUTDOWN_SECONDS
        )

    async def start(self) -> int:
        """Listen; returns the port.

        Raises:
            ListenError: the address is taken or is not ours.
        """
        await self._runner.setup()
        try:
            site = web.TCPSite(
                self._runner,
                self._address.host or None,
                self._address.port,
                ssl_context=self._tls,
            )
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            # asyncio's own words show the address as Python does.
            number = error.errno or 0
            words = os.strerror(number).lower() if number in errorcode else str(error)
            raise ListenError(f"nothing can listen on {self._address}: {words}") from error
        except BaseException:
            await self._runner.cleanup()
            raise
        port: int = self._runner.addresses[0][1]
        return port

    async def stop(self) -> None:
        """Close the listener and every connection."""
        await self._runner.cleanup()


def probes(ready: Callable[[], bool]) -> Mapping[str, Endpoint]:
    """``/healthz`` (the loop turns) and ``/readyz`` (503 until ``ready``)."""

    async def healthz(_request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_request: web.Request) -> web.Response:
        if ready():
            return web.Response(text="ok\n")
        return web.Response(status=503, text="not ready\n")

    return {"/healthz": healthz, "/readyz": readyz}


def scrapes(metrics: Metrics, auth: DelegatedAuth | None = None) -> Mapping[str, Endpoint]:
    """``/metrics`` in Prometheus' text format, for those whom ``auth`` lets in."""

    async def scrape(request: web.Request) -> web.Response:
        if auth is not None:
            refusal = await auth.refusal(
                request.headers.get("Authorization", ""), request.method.lower(), request.path
            )
            if refusal is not None:
                return web.Response(status=refusal, text=f"{refusal.phrase}\n", headers=_CHALLENGE)
        return web.Response(body=metrics.exposition(), headers={"Content-Type": CONTENT_TYPE})

    return {"/metrics": scrape}
