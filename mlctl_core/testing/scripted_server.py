"""An HTTP server that answers what the test says, request by request.

For tests of whatever talks to an API server over the wire: no behaviour of its own, so that
every answer, and every way of not answering, is written down where it is tested.

```python
async with ScriptedServer() as server, Client(server.config()) as client:
    getting = asyncio.create_task(client.get(POD, "p", "n"))
    request = await server.next()
    assert request.path == "/api/v1/namespaces/n/pods/p"
    request.reply({"kind": "Pod"})
    await getting
```
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from aiohttp import web

from mlctl_core.client.config import ClusterConfig

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

    from mlctl_core.objects.json import Json

__all__ = ["Exchange", "ScriptedServer", "status_body"]

# Of real time. A request that a test waits for is on its way or never comes.
PATIENCE_SECONDS = 5.0


class ScriptedServer:
    """Hands each request to the test, and the test's answer to the client.

    When the ``async with`` block ends, connections that are still open are cut.
    """

    def __init__(self) -> None:
        self._exchanges: asyncio.Queue[Exchange] = asyncio.Queue()
        self._runner = web.ServerRunner(web.Server(self._handle), shutdown_timeout=0)
        self._open: set[Exchange] = set()
        self.url = ""
        """Where it listens, once entered."""
        self.received = 0
        """How many requests have come."""

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for exchange in list(self._open):
            exchange.cut()
        await self._runner.cleanup()

    def config(self) -> ClusterConfig:
        """What a client needs to come here."""
        return ClusterConfig(server=self.url)

    async def next(self) -> Exchange:
        """The next request that the client sends, or has sent.

        Raises:
            TimeoutError: it sends none.
        """
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._exchanges.get()

    @property
    def waiting(self) -> int:
        """How many requests have come that the test has not taken."""
        return self._exchanges.qsize()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        exchange = Exchange(request, await request.read())
        self.received += 1
        self._open.add(exchange)
        self._exchanges.put_nowait(exchange)
        try:
            return await exchange.answered()
        finally:
            self._open.discard(exchange)


class Exchange:
    """One request, and the answer to be given to it."""

    def __init__(self, request: web.BaseRequest, body: bytes) -> None:
        self._request = request
        self._answer: asyncio.Future[web.StreamResponse] = (
            asyncio.get_running_loop().create_future()
        )
        self._stream: web.StreamResponse | None = None
        self.body = body

    @property
    def method(self) -> str:
        """In capitals."""
        return self._request.method

    @property
    def path(self) -> str:
        """Without the query; quoted as it was sent."""
        return self._request.rel_url.raw_path

    @property
    def query(self) -> dict[str, str]:
        """The parameters."""
        return dict(self._request.query)

    @property
    def headers(self) -> Mapping[str, str]:
        """What the client sent along."""
        return self._request.headers

    def reply(
        self,
        body: Json | bytes,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> None:
        """Answer, with JSON unless ``body`` is bytes."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = web.Response(body=data, status=status, headers=headers, content_type=content_type)
        answer.force_close()
        self._answer.set_result(answer)

    def fail(self, status: int, reason: str = "", **more: object) -> None:
        """Answer with a Status; ``more`` are fields of it."""
        self.reply(status_body(status, reason, **more), status)

    async def stream(self, status: int = 200) -> Self:
        """Begin an answer without an end; then `send` or `event`, and `end` or `cut`."""
        headers = {"Content-Type": "application/json"}
        self._stream = web.StreamResponse(status=status, headers=headers)
        self._stream.enable_chunked_encoding()
        await self._stream.prepare(self._request)
        return self

    async def send(self, data: bytes) -> None:
        """Send some of the stream."""
        if self._stream is None:
            await self.stream()
        if self._stream is not None:
            await self._stream.write(data)

    async def event(self, type_: str, obj: Json) -> None:
        """Send one watch event."""
        await self.send(json.dumps({"type": type_, "object": obj}).encode() + b"\n")

    async def bookmark(self, version: str, *, initial_events_end: bool = False) -> None:
        """Send a bookmark, perhaps the one that ends the initial events."""
        metadata: Json = {"resourceVersion": version}
        if initial_events_end:
            metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
        await self.event("BOOKMARK", {"metadata": metadata})

    def end(self) -> None:
        """End the stream as a server does that has nothing more to say."""
        if self._stream is not None and not self._answer.done():
            self._answer.set_result(self._stream)

    def cut(self) -> None:
        """Break the connection, whatever has been sent.

        If nothing has, aiohttp as a client sends a GET, PUT or DELETE once more by itself.
        """
        if self._request.transport is not None:
            self._request.transport.abort()
        if not self._answer.done():
            self._answer.cancel()

    async def answered(self) -> web.StreamResponse:
        """The answer, once the test has given it."""
        return await self._answer


def status_body(status: int, reason: str = "", **more: object) -> Json:
    """A Status object as the API server sends it for an error."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": status,
        "reason": reason,
        "message": f"{reason} for the test",
        **more,
    }
