"""HTTP to one API server: authentication, time-outs, bounded retries, errors, metrics.

Promises that a request is either answered with success, or raises one of
`mlctl_core.client.errors`. Retried here, and nowhere above, is what the server asked for by
Retry-After without having done anything: any verb after a 429, verbs that may be repeated after
a 503, each no earlier than told and `MAX_RETRIES` times at most. A 401 leads to fresh
credentials and one more try. Redirects are not followed: they would carry the token elsewhere.
The environment's proxies and ``.netrc`` are not asked. Where there is a guard, it is asked before
each sending of a request that may change something, the repeated ones included, and once more at
the moment its body goes out: a process that was stopped in between sends nothing when it wakes.

Does not promise fairness or a rate: the server's priority and fairness is the limiter. Nor that
a GET, PUT or DELETE is sent once only: when a connection breaks before the answer begins, aiohttp
repeats it once (RFC 9112, 9.3.1), though the server may have done it. Preconditions make that
harmless.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
import attrs
import msgspec
from yarl import URL

from mlctl_core.client.errors import (
    ApiError,
    ConnectionFailedError,
    RequestTimeoutError,
    TooManyRequestsError,
    UnavailableError,
    api_error,
)
from mlctl_core.clock import Clock, deadline

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from aiohttp.abc import AbstractStreamWriter

    from mlctl_core.client.config import ClusterConfig
    from mlctl_core.client.credentials import Access
    from mlctl_core.telemetry.metrics import Metrics

__all__ = ["Session"]

# A server that is overloaded for longer has to do without us: client-go's number of retries,
# and less than the time a worker may hold up its key before the queue's back-off is better.
MAX_RETRIES = 10
MAX_RETRY_WAIT_SECONDS = 30.0

# Requests, not watches, under way at once. Enough for some dozens of workers, and below the
# 400 + 200 a kube-apiserver takes from everybody.
MAX_IN_FLIGHT = 100

# A connection that was idle for longer may have been dropped silently by what lies between:
# cloud load balancers do so after 60 s and more.
KEEP_ALIVE_SECONDS = 30.0

# Resolving, TCP and TLS together. A server that is there answers in milliseconds.
CONNECT_SECONDS = 10.0

# Bytes read ahead per connection. aiohttp's 64 KB make a watch of large objects stop and go.
READ_BUFFER_BYTES = 256 * 1024

# Error bodies are Status objects of some KB; what is longer is not one.
MAX_ERROR_BYTES = 256 * 1024

# What refuses a stream says why in the same breath. A stream has no time-out that would bound
# the wait for the rest of it.
ERROR_SECONDS = 10.0

_HEADERS = {
    "Accept": "application/json",
    # Compression costs 40 % more CPU than it saves on a cluster's network.
    "Accept-Encoding": "identity",
}
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_REPEATABLE = frozenset({"GET", "PUT", "DELETE", "PATCH"})
_OK = range(200, 300)
_UNAUTHORIZED = 401
_JSON_PATCH = "application/json-patch+json"
# client-go's value of the label "code" for a request without an answer.
_NO_ANSWER = "<error>"
# RFC 3986's path characters that need no quoting; names of RBAC objects contain colons.
_PATH_CHARACTERS = "/:@!$&'()*+,;=~"
_ENCODER = msgspec.json.Encoder()


class Session:
    """The connections to one API server. Used from one event loop; close it at the end."""

    def __init__(
        self,
        config: ClusterConfig,
        *,
        user_agent: str,
        clock: Clock,
        metrics: Metrics | None = None,
        guard: Callable[[], None] | None = None,
    ) -> None:
        self._config = config
        self._guard = guard
        self._host = urlsplit(config.server).netloc
        self._headers = {**_HEADERS, "User-Agent": user_agent}
        self._clock = clock
        self._metrics = metrics
        self._in_flight = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._http: aiohttp.ClientSession | None = None
        self._closed = False

    async def close(self) -> None:
        """Close all connections; requests that are under way fail."""
        self._closed = True
        if self._http is not None:
            await self._http.close()

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: object = None,
        content_type: str = "application/json",
        accept: str = "",
        timeout: float | None,  # noqa: ASYNC109 - counted by the clock that was passed in
    ) -> bytes:
        """Send a request and return the body of its answer.

        Args:
            method: in capitals.
            path: from the root of the API, not quoted.
            params: the query.
            body: bytes, or what is to be sent as JSON.
            content_type: of the body.
            accept: the form that the answer is wanted in, if not plain JSON.
            timeout: seconds for each attempt, answer included; None for no bound.

        Raises:
            ApiError: the server refused.
            ConnectionFailedError: no whole answer, or none within ``timeout``.
            ConfigError: there are no credentials.
        """
        data = body if body is None or isinstance(body, bytes) else _ENCODER.encode(body)
        request = _Request(method, path, params or {}, data, content_type, accept)
        attempts, waited = 0, 0.0
        while True:
            try:
                return await self._attempt(request, timeout)
            except (TooManyRequestsError, UnavailableError) as error:
                attempts += 1
                pause = error.retry_after
                if pause is None or not request.may_repeat_after(error):
                    raise
                if attempts > MAX_RETRIES or waited + pause > MAX_RETRY_WAIT_SECONDS:
                    raise
            waited += pause
            await self._clock.sleep(pause)

    @asynccontextmanager
    async def stream(
        self,
        path: str,
        params: Mapping[str, str],
        *,
        timeout: float | None,  # noqa: ASYNC109
    ) -> AsyncIterator[aiohttp.StreamReader]:
        """GET something that comes bit by bit. Not retried, except once for credentials.

        Args:
            path: from the root of the API.
            params: the query.
            timeout: seconds until the answer begins; None for no bound beyond connecting.

        Raises:
            ApiError: the server refused.
            ConnectionFailedError: no answer; or, from within the block, the stream broke.
            ConfigError: there are no credentials.
        """
        request = _Request("GET", path, params)
        with self._failures(request):
            async with deadline(self._clock, timeout):
                response = await self._authorized(request)
        try:
            if response.status not in _OK:
                with self._failures(request):
                    async with deadline(self._clock, ERROR_SECONDS):
                        raise await self._error(response)
            with self._failures(request):
                yield response.content
        finally:
            _drop(response)

    async def _attempt(self, request: _Request, seconds: float | None) -> bytes:
        async with self._in_flight:
            started = self._clock.monotonic()
            try:
                with self._failures(request):
                    async with (
                        deadline(self._clock, seconds),
                        await self._authorized(request) as response,
                    ):
                        if response.status not in _OK:
                            raise await self._error(response)
                        return await response.read()
            finally:
                if self._metrics is not None:
                    took = self._clock.monotonic() - started
                    self._metrics.request_duration(
                        verb=request.method, host=self._host, seconds=took
                    )

    async def _authorized(self, request: _Request) -> aiohttp.ClientResponse:
        """The head of the answer; when we were not let in, of the one with fresh credentials."""
        credentials = self._config.credentials
        access = await credentials.access()
        response = await self._send(request, access)
        if response.status != _UNAUTHORIZED:
            return response
        credentials.refused(access)
        try:
            renewed = await credentials.access()
        except BaseException:
            _drop(response)
            raise
        if renewed is access:
            return response
        _drop(response)
        return await self._send(request, renewed)

    async def _send(self, request: _Request, access: Access) -> aiohttp.ClientResponse:
        headers = {}
        if access.authorization is not None:
            headers["Authorization"] = access.authorization
        if request.data is not None:
            headers["Content-Type"] = request.content_type
        if request.accept:
            headers["Accept"] = request.accept
        data = self._body(request)
        try:
            response = await self._session().request(
                request.method,
                self._url(request),
                data=data,
                headers=headers,
                ssl=access.tls if access.tls is not None else True,
                server_hostname=self._config.server_name,
                proxy=self._config.proxy,
                allow_redirects=False,
            )
        except aiohttp.ClientError:
            if isinstance(data, _GuardedBody) and data.refusal is not None:
                raise data.refusal from None
            raise
        self._count(request, str(response.status))
        return response

    def _body(self, request: _Request) -> bytes | _GuardedBody | None:
        if self._guard is None or request.data is None or request.method in _READING:
            return request.data
        return _GuardedBody(request.data, self._guard)

    def _url(self, request: _Request) -> URL:
        query = f"?{urlencode(request.params)}" if request.params else ""
        path = quote(request.path, safe=_PATH_CHARACTERS)
        return URL(f"{self._config.server}{path}{query}", encoded=True)

    def _session(self) -> aiohttp.ClientSession:
        if self._closed:
            raise ConnectionFailedError("the client is closed")
        if self._http is None:
            self._http = aiohttp.ClientSession(
                # Watches hold a connection each, so it is requests that are limited instead.
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_SECONDS),
                headers=self._headers,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS),
                trust_env=False,
                auto_decompress=False,
                read_bufsize=READ_BUFFER_BYTES,
                # aiohttp repeats some requests by itself and asks its middlewares each time.
                middlewares=() if self._guard is None else (self._guarded,),
            )
        return self._http

    async def _guarded(
        self, request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        if self._guard is not None and request.method not in _READING:
            self._guard()
        return await send(request)

    async def _error(self, response: aiohttp.ClientResponse) -> ApiError:
        body = await response.content.read(MAX_ERROR_BYTES)
        while len(body) < MAX_ERROR_BYTES and (more := await response.content.readany()):
            body += more
        return api_error(response.status, body, response.headers.get("Retry-After"))

    @contextmanager
    def _failures(self, request: _Request) -> Iterator[None]:
        """Turn what the transport raises into our own errors."""
        what = f"{request.method} {request.path}"
        try:
            yield
        except TimeoutError as error:  # an OSError too, so it comes first
            self._count(request, _NO_ANSWER)
            raise RequestTimeoutError(f"{what}: {_words(error)}") from error
        except (aiohttp.ClientError, OSError) as error:
            self._count(request, _NO_ANSWER)
            raise ConnectionFailedError(f"{what}: {_words(error)}") from error

    def _count(self, request: _Request, code: str) -> None:
        if self._metrics is not None:
            self._metrics.request(code=code, method=request.method, host=self._host)


class _GuardedBody(aiohttp.BytesPayload):
    """A body that asks the guard when it is written, and is not written if the guard refuses.

    Between a request and its bytes a connection may have to be made, and aiohttp writes bodies in
    a task of their own. A head without its body has no effect, and is not even sent before it.
    """

    def __init__(self, data: bytes, guard: Callable[[], None]) -> None:
        super().__init__(data)
        self._guard = guard
        self.refusal: Exception | None = None

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        try:
            self._guard()
        except Exception as refusal:
            # aiohttp makes a broken connection of it.
            self.refusal = refusal
            raise
        await super().write_with_length(writer, content_length)


@attrs.frozen
class _Request:
    """What is sent, but for who sends it."""

    method: str
    path: str
    params: Mapping[str, str]
    data: bytes | None = None
    content_type: str = ""
    accept: str = ""

    def may_repeat_after(self, error: ApiError) -> bool:
        """Whether it does no harm to send the request again.

        A 429 says that the request was not handled. A 503 may come from something in between,
        after the server did its work; a JSON patch that appends would then append twice.
        """
        if isinstance(error, TooManyRequestsError):
            return True
        return self.method in _REPEATABLE and self.content_type != _JSON_PATCH


def _drop(response: aiohttp.ClientResponse) -> None:
    """Close the connection of an answer that is not wanted to its end.

    TLS's farewell waits for the server's, and nothing would wait for that: the session forgets a
    connection that it began to close.
    """
    connection = response.connection
    transport = None if connection is None else connection.transport
    response.close()
    if transport is not None:
        transport.abort()


def _words(error: Exception) -> str:
    """An exception's message; many of aiohttp's and asyncio's have none."""
    # aiohttp's own messages show the TLS settings as an object's address.
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"cannot trust {error.host}:{error.port}: {error.certificate_error}"
    if isinstance(error, aiohttp.ClientConnectorError):
        cause = error.os_error
        # A negative number is a resolver's own, which has words of its own.
        number = cause.errno or 0
        words = os.strerror(number) if number > 0 else cause.strerror or str(cause)
        return f"cannot connect to {error.host}:{error.port}: {words}"
    return str(error) or type(error).__name__
