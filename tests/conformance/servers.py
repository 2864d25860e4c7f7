"""The servers that the suite runs against, each behind an `Endpoint`.

Promise: inside the context the server answers and has its garbage collector and namespace
controller. Nothing is left behind.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from contextlib import ExitStack, contextmanager

import attrs

from mlctl_core.client.config import load_config
from mlctl_core.embedded.apiserver.server import ApiServer, ApiServerOptions
from mlctl_core.testing.control_plane import ControlPlane, ControlPlaneOptions
from mlctl_core.testing.kubernetes.assets import (
    NEWEST,
    OLDEST,
    assets_from_environment_or_cache,
)

FORGOTTEN = "1"
"""A resourceVersion that once was and that every server of the suite forgets in time."""


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


COMPACTION_SECONDS = 5
"""How old a version must be to be forgotten, at least: no test is at work with one for so long."""


@contextmanager
def real(name="real", release=NEWEST):
    """A kube-apiserver with its etcd and kube-controller-manager; no test needs a scheduler."""
    flags = (f"--etcd-compaction-interval={COMPACTION_SECONDS}s",)
    options = ControlPlaneOptions(scheduler=False, api_server_flags=flags)
    with ControlPlane(assets_from_environment_or_cache(release), options) as plane:
        access = asyncio.run(load_config(str(plane.kubeconfig)).credentials.access())
        headers = {"Authorization": access.authorization} if access.authorization else {}
        yield Endpoint(name, plane.url, headers, access.tls)


SERVERS = {"embedded": embedded, "real": real, "oldest": lambda: real("oldest", OLDEST)}


class Running:
    """The servers that were asked for so far; they end with the context, all of them."""

    def __init__(self):
        self._stack = ExitStack()
        self._endpoints = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stack.close()

    def get(self, name):
        if name not in self._endpoints:
            self._endpoints[name] = self._stack.enter_context(SERVERS[name]())
        return self._endpoints[name]
