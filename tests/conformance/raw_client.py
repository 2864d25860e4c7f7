"""Speaks HTTP to a server under test: bytes and JSON, no client library in between."""

from __future__ import annotations

import asyncio
import io
import json
from contextlib import asynccontextmanager
from functools import cached_property

import aiohttp
import attrs

JSON = "application/json"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"

USER_AGENT = "conformance/1"
"""The part before the slash is the field manager of requests that name none."""

ORIGIN = "https://example.org"
"""WebSockets are for those only who say where they come from."""

ASK_AGAIN_SECONDS = 0.02

PATIENCE_SECONDS = 60
"""A test waits for what it expects; this only ends one that waits in vain. A real garbage
collector takes half of it to hear of a new kind."""


@attrs.frozen(slots=False)
class Answer:
    """What came back."""

    status: int
    headers: dict
    raw: bytes
    warnings: tuple = ()

    @property
    def text(self):
        return self.raw.decode()

    @cached_property
    def body(self):
        return json.loads(self.raw)

    @property
    def metadata(self):
        return self.body["metadata"]

    @property
    def version(self):
        return self.metadata["resourceVersion"]

    @property
    def names(self):
        return [item["metadata"]["name"] for item in self.body["items"]]

    @property
    def reason(self):
        return self.body.get("reason", "")

    @property
    def message(self):
        return self.body.get("message", "")

    @property
    def refusal(self):
        """Code, reason and message of a Status; they are one statement."""
        assert self.body["kind"] == "Status", self.text
        assert self.body["status"] == "Failure"
        assert self.body["code"] == self.status
        return self.status, self.reason, self.message

    @property
    def causes(self):
        """(reason, field, message) of each cause."""
        causes = self.body["details"].get("causes", [])
        return [(one.get("reason", ""), one.get("field", ""), one["message"]) for one in causes]

    @property
    def fields(self):
        """(reason, field) of each cause, sorted: validation promises no order."""
        return sorted((reason, field) for reason, field, _ in self.causes)

    def ok(self, status=200):
        """Give the body of an answer that must be of this status."""
        assert self.status == status, f"{self.status}: {self.text}"
        return self.body


class Server:
    """Requests to one server."""

    def __init__(self, name, session):
        self.name = name
        self._session = session

    def told(self, newest, *, oldest):
        """What this server's version says where only words have changed since the oldest."""
        return oldest if self.name == "oldest" else newest

    async def call(self, method, path, body=None, *, kind=JSON, accept="", headers=None, **query):
        """Send a request; a body is sent as it is when it is bytes, else as JSON."""
        sent = {"Content-Type": kind, **(headers or {})}
        if accept:
            sent["Accept"] = accept
        data = None
        if body is not None:
            data = io.BytesIO(body if isinstance(body, bytes) else json.dumps(body).encode())
        async with (
            asyncio.timeout(PATIENCE_SECONDS),
            self._session.request(method, path, data=data, headers=sent, params=query) as response,
        ):
            raw = await response.read()
            warnings = tuple(response.headers.getall("Warning", ()))
            return Answer(response.status, dict(response.headers), raw, warnings)

    async def get(self, path, **more):
        return await self.call("GET", path, **more)

    async def post(self, path, body, **more):
        return await self.call("POST", path, body, **more)

    async def put(self, path, body, **more):
        return await self.call("PUT", path, body, **more)

    async def patch(self, path, body, kind=MERGE, **more):
        return await self.call("PATCH", path, body, kind=kind, **more)

    async def delete(self, path, body=None, **more):
        return await self.call("DELETE", path, body, **more)

    async def apply(self, path, body, manager="applier", *, force=False, **query):
        """Server-side apply."""
        if force:
            query["force"] = "true"
        return await self.patch(path, body, APPLY, fieldManager=manager, **query)

    async def made(self, path, body, **more):
        """Create an object that must be created."""
        return (await self.post(path, body, **more)).ok(201)

    async def found(self, path, **more):
        """Get an object that must be there."""
        return (await self.get(path, **more)).ok()

    @asynccontextmanager
    async def watch(self, path, *, accept="", headers=None, **query):
        """Watch a collection; gives a `Stream`, refused requests too."""
        headers = {"Accept": accept or JSON, **(headers or {})}
        params = {"watch": "true", **query}
        async with asyncio.timeout(PATIENCE_SECONDS):
            response = await self._session.get(path, params=params, headers=headers)
        try:
            yield Stream(response)
        finally:
            response.close()

    @asynccontextmanager
    async def watch_by_messages(self, path, **query):
        """Watch a collection over a WebSocket; gives its messages."""
        params = {"watch": "true", **query}
        async with asyncio.timeout(PATIENCE_SECONDS):
            socket = await self._session.ws_connect(path, params=params, origin=ORIGIN)
            try:
                yield socket
            finally:
                socket._response.close()

    async def until(self, path, met):
        """Watch the object at a path until it is as `met` says; None stands for no object."""
        collection, _, name = path.rpartition("/")
        selector = f"metadata.name={name}"
        listed = await self.found(collection, fieldSelector=selector)
        now = listed["items"][0] if listed["items"] else None
        if met(now):
            return now
        version = listed["metadata"]["resourceVersion"]
        async with self.watch(collection, fieldSelector=selector, resourceVersion=version) as seen:
            while True:
                event = await seen.next()
                assert event is not None, "the watch has ended"
                now = None if event["type"] == "DELETED" else event["object"]
                if met(now):
                    return now

    async def asked_until(self, met, method, path, *body, **more):
        """Ask again and again: for what is not an object and cannot be watched."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not met(answer := await self.call(method, path, *body, **more)):
                await asyncio.sleep(ASK_AGAIN_SECONDS)
            return answer

    async def gone(self, path):
        """Wait until there is no object at the path."""
        await self.until(path, lambda found: found is None)


class Stream:
    """A watch under way."""

    def __init__(self, response):
        self._response = response
        self.status = response.status
        self.headers = response.headers

    async def line(self):
        """Give the next frame as it was sent; empty at the end."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._response.content.readline()

    async def next(self):
        """Give the next event; None at the end."""
        line = await self.line()
        return json.loads(line) if line else None

    async def take(self, count):
        """Give the next events as (type, name) pairs."""
        events = [await self.next() for _ in range(count)]
        return [(event["type"], event["object"]["metadata"].get("name")) for event in events]

    async def refused(self):
        """Give the answer of a watch that did not begin."""
        raw = await self._response.read()
        return Answer(self.status, dict(self.headers), raw)


class _Connector(aiohttp.TCPConnector):
    """Drops connections without TLS's farewell, which would outlive the test.

    That of an answer read to its end too, where the server keeps it no longer: what is released
    to be closed is unknown to the connector from then on.
    """

    def _release(self, key, protocol, *, should_close=False):
        if should_close or protocol.should_close:
            protocol.abort()
        super()._release(key, protocol, should_close=should_close)


@asynccontextmanager
async def connect(endpoint):
    """Open a session to an endpoint; gives a `Server`."""
    connector = _Connector(ssl=endpoint.tls or True)
    headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **endpoint.headers}
    async with aiohttp.ClientSession(
        endpoint.url,
        connector=connector,
        headers=headers,
        timeout=aiohttp.ClientTimeout(total=None),
        read_bufsize=2**22,
    ) as session:
        yield Server(endpoint.name, session)
        await asyncio.sleep(0)  # Streams that were broken off lose their sockets in this turn.
