"""How a watch reaches its client: as lines of one long answer, or as messages of a WebSocket.

Clients in Java and in browsers ask for a WebSocket first. One that asks so and is answered by a
stream would wait for its end, so there is no doing without.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

import attrs
from aiohttp import WSMsgType, web

from mlctl_core.embedded.apiserver.negotiation import JSON_TYPE

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.watching import Watch

_FAREWELL_SECONDS = 1.0
"""How long a client may take to say goodbye; upstream does not wait for it at all."""
_ENDS = frozenset((WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR))


async def serve_watch(request: web.BaseRequest, watch: Watch) -> web.StreamResponse:
    """Send what the watch sees until it ends or the client goes."""
    if _wants_web_socket(request):
        if "Origin" not in request.headers:
            # The words of Go's package for WebSockets, which asks for it.
            return web.Response(status=HTTPStatus.FORBIDDEN, text="null origin")
        return await _by_messages(request, watch)
    response = web.StreamResponse(headers={"Content-Type": JSON_TYPE})
    response.enable_chunked_encoding()
    await response.prepare(request)
    try:
        await watch.run(response)
        await response.write_eof()
    except ConnectionError:
        pass  # The client has gone, which is how most watches end.
    return response


def _wants_web_socket(request: web.BaseRequest) -> bool:
    """As upstream tells it (apimachinery, wsstream.IsWebSocketRequest)."""
    upgrades = "upgrade" in request.headers.get("Connection", "").lower()
    return upgrades and request.headers.get("Upgrade", "").lower() == "websocket"


@attrs.frozen
class _Messages:
    """A sink that sends each event by itself."""

    socket: web.WebSocketResponse

    async def write(self, data: bytes) -> None:
        """Send the events as text."""
        # No event has a line break within: JSON writes it as two characters.
        for line in data.splitlines(keepends=True):
            await self.socket.send_str(line.decode())


async def _by_messages(request: web.BaseRequest, watch: Watch) -> web.StreamResponse:
    socket = web.WebSocketResponse(timeout=_FAREWELL_SECONDS, compress=False)
    await socket.prepare(request)
    sending = asyncio.ensure_future(watch.run(_Messages(socket)))
    leaving = asyncio.ensure_future(_until_it_leaves(socket))
    try:
        await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        sending.cancel()
        leaving.cancel()
        await asyncio.gather(sending, leaving, return_exceptions=True)
    await socket.close()
    return socket


async def _until_it_leaves(socket: web.WebSocketResponse) -> None:
    """Wait until the client closes; what it says before is nobody's concern."""
    while (await socket.receive()).type not in _ENDS:
        pass
