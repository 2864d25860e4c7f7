"""The servers that the suite runs against, each behind an `Endpoint`.

Promise: inside the context the server answers, has its garbage collector and namespace
controller, and has forgotten its first revision, as one that has been up for long. Nothing is
left behind.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest

from mlctl_core.embedded.apiserver.server import ApiServer, ApiServerOptions

FORGOTTEN = "1"
"""A resourceVersion that once was and that no server of the suite remembers."""


@attrs.frozen
class Endpoint:
    """Where a server is and how one speaks to it as an administrator."""

    name: str
    url: str
    headers: dict = attrs.field(factory=dict)
    tls: ssl.SSLContext | None = None


@contextmanager
def embedded():
    """The embedded server, in a thread of its own: a session outlives the loops of its tests."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="embedded API server")
    thread.start()

    def run(task):
        return asyncio.run_coroutine_threadsafe(task, loop).result()

    async def start():
        server = ApiServer(ApiServerOptions(tls=False))
        await server.start()
        server.cluster.store.compact()
        access = await server.client_config().credentials.access()
        return server, Endpoint("embedded", server.url, {"Authorization": access.authorization})

    try:
        server, endpoint = run(start())
        try:
            yield endpoint
        finally:
            run(server.stop())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def real():
    """A kube-apiserver, with its etcd and kube-controller-manager."""
    directory = os.environ.get("CONFORMANCE_PLANE", "")
    if not directory:
        pytest.skip("CONFORMANCE_PLANE names no directory of a running control plane")
    files = Path(directory)
    context = ssl.create_default_context(cafile=files / "ca.crt")
    context.load_cert_chain(files / "a.crt", files / "a.key")
    yield Endpoint("real", (files / "url").read_text().strip(), {}, context)


SERVERS = {"embedded": embedded, "real": real}
