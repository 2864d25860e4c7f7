"""A proxy between a controller and an API server that counts requests and strikes at one of them.

Promises that every mutating request passes through one numbered list, and that a strike at
write k happens exactly once, at the chosen point. Kubernetes' Events are not in that list: they
are news that come when they come, and nothing waits for them. Does not look into bodies beyond
recording them, and does not speak TLS towards the client: it listens on 127.0.0.1 only.
"""

from __future__ import annotations

import asyncio
import enum
import json
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Self

import aiohttp
import attrs
from aiohttp import web

from mlctl_core.client.config import ClusterConfig
from mlctl_core.clock import Clock, SystemClock
from mlctl_core.testing.lag import delayed, lines

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from types import TracebackType

    from mlctl_core.objects.json import Json

__all__ = ["FaultProxy", "Point", "Strike", "Write"]

_EVENTS = "events"
_MUTATING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# These describe one hop and are set anew by each side (RFC 9110, 7.6.1).
_HOP_HEADERS = frozenset({"host", "connection", "content-length", "transfer-encoding"})
# Larger than any object an API server takes (3 MB), so that the server is the one to refuse it.
_MAX_BODY_BYTES = 8 * 1024 * 1024


class Point(enum.Enum):
    """Where in the life of a write the strike comes."""

    BEFORE = "before it is sent"
    """The server never sees the write."""
    COMMITTED = "after it is committed, with the reply lost"
    """The server has done it; the client does not know."""
    REPLIED = "after the reply"
    """Both know; what the client wanted to do next does not happen."""


@attrs.frozen
class Write:
    """One mutating request, numbered from 1 in the order of arrival."""

    number: int
    method: str
    path: str
    """Without the query."""
    body: bytes

    @property
    def resource(self) -> str:
        """The plural of the kind with its subresource: ``pods``, ``pythonjobs/status``."""
        return _resource(self.path)

    def json(self) -> Json:
        """The body, decoded."""
        decoded: Json = json.loads(self.body)
        return decoded


@attrs.frozen
class Strike:
    """What is to happen, and at which write."""

    selects: Callable[[Write], bool]
    point: Point
    action: Callable[[], Awaitable[None]]
    """For example: kill the controller. Where there is no reply the connection is cut after it."""


@attrs.define(eq=False)
class FaultProxy:
    """Forwards every request to a cluster, with that cluster's credentials added.

    Use it as an async context manager; `url` is its own address, and a controller under test
    needs no credentials to go through it.
    """

    upstream: ClusterConfig
    strike: Strike | None = None
    """Cleared when it comes to it."""
    clock: Clock = attrs.field(factory=SystemClock, kw_only=True)
    """What lags are measured by."""
    lag: dict[str, float] = attrs.field(factory=dict, kw_only=True)
    """By how many seconds watches lag, by plural: ``{"pods": 0.5}``. Concerns watches that begin
    from now on, and not the list that a watch begins with; see `mlctl_core.testing.lag`."""
    severed: bool = attrs.field(default=False, kw_only=True)
    """Whether nobody gets through: each new request is cut off, unseen and uncounted."""
    writes: list[Write] = attrs.field(factory=list, init=False)
    news: list[Write] = attrs.field(factory=list, init=False)
    """Writes of Kubernetes' Events, all of them number 0."""
    answers: dict[int, int] = attrs.field(factory=dict, init=False)
    """The server's HTTP status by number of the write; none for a write it never saw."""
    requests: list[str] = attrs.field(factory=list, init=False)
    """Every request, reads too, in the order of arrival: ``GET /api/v1/pods?watch=true``."""
    url: str = attrs.field(default="", init=False)
    _watches: set[asyncio.Event] = attrs.field(factory=set, init=False)
    """One for each watch that is open, set while it is passed on."""
    _session: aiohttp.ClientSession = attrs.field(init=False)
    _runner: web.AppRunner = attrs.field(init=False)

    async def __aenter__(self) -> Self:
        """Listen on a free port."""
        access = await self.upstream.credentials.access()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=access.tls or True, limit=0),
            headers={"Authorization": access.authorization} if access.authorization else {},
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
        )
        app = web.Application(client_max_size=_MAX_BODY_BYTES)
        app.router.add_route("*", "/{path:.*}", self._forward)
        # Watches end when their client goes, and are not waited for.
        self._runner = web.AppRunner(
            app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop listening and cut every connection."""
        await self._session.close()
        await self._runner.cleanup()

    def writes_of(self, *resources: str) -> list[Write]:
        """Return the writes that went to these resources, in order."""
        return [write for write in self.writes if write.resource in resources]

    def freeze_watches(self) -> None:
        """Pass on nothing more of the watches that are open now, as if they lagged for ever."""
        for passing in self._watches:
            passing.clear()

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if self.severed:
            return self._cut(request)
        self.requests.append(f"{request.method} {request.path_qs}")
        point = write = None
        if request.method in _MUTATING:
            write = Write(len(self.writes) + 1, request.method, request.path, body)
            if write.resource == _EVENTS:
                self.news.append(attrs.evolve(write, number=0))
                write = None
            else:
                self.writes.append(write)
                point = self._due(write)
        if point is Point.BEFORE:
            await self._strike()
            return self._cut(request)
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP_HEADERS}
        async with self._session.request(
            request.method,
            self.upstream.server + request.path_qs,
            data=body or None,
            headers=headers,
        ) as answer:
            if write is not None:
                self.answers[write.number] = answer.status
            if point is Point.COMMITTED:
                await answer.read()
                await self._strike()
                return self._cut(request)
            response = await self._answer(request, answer)
        if point is Point.REPLIED:
            await self._strike()
        return response

    async def _answer(
        self, request: web.Request, answer: aiohttp.ClientResponse
    ) -> web.StreamResponse:
        kept = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP_HEADERS}
        response = web.StreamResponse(status=answer.status, headers=kept)
        await response.prepare(request)
        passing = asyncio.Event()
        passing.set()
        if "watch" in request.query:
            self._watches.add(passing)
        try:
            async with aclosing(self._chunks(request, answer)) as chunks:
                async for chunk in chunks:
                    await passing.wait()
                    await response.write(chunk)
            await response.write_eof()
        except (ConnectionError, aiohttp.ClientError):
            # One side has gone; the other is told by the end of its connection.
            self._cut(request)
        finally:
            self._watches.discard(passing)
        return response

    async def _chunks(
        self, request: web.Request, answer: aiohttp.ClientResponse
    ) -> AsyncGenerator[bytes, None]:
        """The answer's body, piece by piece; a watch's events when its lag has passed."""
        seconds = self.lag.get(_resource(request.path), 0.0) if "watch" in request.query else 0.0
        if not seconds:
            async for chunk in answer.content.iter_any():
                yield chunk
            return
        events, lists = lines(answer.content.iter_any()), "sendInitialEvents" in request.query
        async with (
            aclosing(events),
            aclosing(delayed(events, seconds, self.clock, lists=lists)) as late,
        ):
            async for event in late:
                yield event

    def _due(self, write: Write) -> Point | None:
        if self.strike is not None and self.strike.selects(write):
            return self.strike.point
        return None

    async def _strike(self) -> None:
        assert self.strike is not None
        action, self.strike = self.strike.action, None
        # A client that is killed by it hangs up, which cancels this handler.
        await asyncio.shield(asyncio.ensure_future(action()))

    def _cut(self, request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()


def _resource(path: str) -> str:
    """The plural that a path is about, with the subresource: ``pods``, ``pythonjobs/status``."""
    parts = path.strip("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    if parts[:1] == ["namespaces"] and len(parts) > 2:  # noqa: PLR2004  (…/NAMESPACE/PLURAL)
        parts = parts[2:]
    return "/".join([*parts[:1], *parts[2:]])
