"""A TCP relay that can fall silent, as a server does that hangs or a network that swallows."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

READ_BYTES = 65_536


class Relay:
    """Passes bytes both ways until told otherwise."""

    def __init__(self, host, port):
        self._target = (host, port)
        self._server = None
        self._tasks = set()
        self._writers = set()
        self._silent = asyncio.Event()
        self.headers_only = False
        self.url = ""
        self.connections = 0

    def hang(self, *, headers_only=False):
        """From now on nothing is answered: at all, or after the head of each answer.

        Connections are still accepted, and what they send is read.
        """
        self.headers_only = headers_only
        self._silent.set()

    def flow(self):
        """Pass bytes again. What was swallowed is lost."""
        self._silent.clear()

    async def _accept(self, reader, writer):
        self.connections += 1
        self._writers.add(writer)
        there = await asyncio.open_connection(*self._target)
        self._writers.add(there[1])
        for task in (
            asyncio.create_task(self._pass(reader, there[1], self._pass_nothing_on)),
            asyncio.create_task(self._pass(there[0], writer, self._pass_the_head_on)),
        ):
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass(self, reader, writer, when_silent):
        try:
            while data := await reader.read(READ_BYTES):
                if self._silent.is_set():
                    data = when_silent(data)
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    def _pass_nothing_on(self, data):
        return data if self.headers_only else b""

    def _pass_the_head_on(self, data):
        head, end, _ = data.partition(b"\r\n\r\n")
        return head + end if self.headers_only and data.startswith(b"HTTP/") else b""

    async def start(self):
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self):
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.close()


@asynccontextmanager
async def relaying(url):
    """A relay to the server at that URL."""
    parts = urlsplit(url)
    relay = Relay(parts.hostname, parts.port)
    await relay.start()
    try:
        yield relay
    finally:
        await relay.stop()
