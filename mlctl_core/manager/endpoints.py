"""The HTTP servers of a manager process: where they listen, and their end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from mlctl_core.manager.health import HttpServer, ListenError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from mlctl_core.manager.args import BindAddress
    from mlctl_core.manager.health import Endpoint

_log = structlog.get_logger()


class Endpoints:
    """Serves until stopped. Owned by the manager."""

    def __init__(self) -> None:
        self.ports: dict[str, int] = {}
        """Where they listen, by path, once started."""
        self._servers: list[HttpServer] = []

    async def serve(
        self,
        address: BindAddress | None,
        endpoints: Mapping[str, Endpoint],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Answer these paths there; None is nowhere.

        Raises:
            ListenError: the address is not to be had; says the flag that names another.
        """
        if address is None:
            return
        server = HttpServer(address, endpoints, tls)
        try:
            port = await server.start()
        except ListenError as error:
            flag = "metrics" if "/metrics" in endpoints else "health-probe"
            raise ListenError(f"--{flag}-bind-address: {error}") from error
        self._servers.append(server)
        self.ports |= dict.fromkeys(endpoints, port)
        _log.info("listening", host=address.host or "*", port=port, paths=list(endpoints))

    async def stop(self) -> None:
        """Answer no more."""
        for server in self._servers:
            await server.stop()
