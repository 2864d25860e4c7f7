"""The API server as an object: start it, ask for its address, stop it."""

from __future__ import annotations

import random
import ssl
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Self

import attrs
from aiohttp import web

from mlctl_core.client.config import ClusterConfig
from mlctl_core.client.credentials import Access, StaticCredentials
from mlctl_core.clock import Clock, SystemClock
from mlctl_core.embedded.apiserver.auth import ADMIN, Authenticator
from mlctl_core.embedded.apiserver.bootstrap import create_initial_objects
from mlctl_core.embedded.apiserver.builtin import builtin_resources
from mlctl_core.embedded.apiserver.cluster import Cluster
from mlctl_core.embedded.apiserver.crds import DefinitionController
from mlctl_core.embedded.apiserver.event_expiry import EventExpiry
from mlctl_core.embedded.apiserver.garbage import GarbageCollector
from mlctl_core.embedded.apiserver.handler import Handler
from mlctl_core.embedded.apiserver.history import DEFAULT_WINDOW
from mlctl_core.embedded.apiserver.logs import Kubelets
from mlctl_core.embedded.apiserver.namespaces import NamespaceController
from mlctl_core.embedded.apiserver.pod_garbage import PodGarbage
from mlctl_core.embedded.apiserver.quota_status import QuotaController
from mlctl_core.embedded.apiserver.resources import Registry
from mlctl_core.embedded.apiserver.store import Store
from mlctl_core.embedded.apiserver.taint_eviction import TaintEviction
from mlctl_core.embedded.apiserver.tls import kubelet_context, server_context
from mlctl_core.embedded.certificates import Authority
from mlctl_core.embedded.kubeconfig import Credentials, make_kubeconfig

if TYPE_CHECKING:
    from types import TracebackType

    from mlctl_core.embedded.apiserver.controllers import Controller
    from mlctl_core.objects.json import Json

_Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

LOOPBACK = "127.0.0.1"

STOP_SECONDS = 2.0
"""How long requests under way may take to end when the server stops."""


@attrs.frozen
class ApiServerOptions:
    """How a server is run."""

    port: int = 0
    """Where it listens on 127.0.0.1; 0 takes a free port."""
    tls: bool = True
    """Off only for tests that start many servers: bearer tokens alone say who one is then."""
    history: int = DEFAULT_WINDOW
    """Changes kept per resource for watches and pages; older ones are answered with 410."""
    controllers: bool = True
    """Whether what a controller manager does is done. Off, definitions are served and old events
    go, as with a kube-apiserver alone, and nobody writes but those who ask."""
    asked: Callable[[web.BaseRequest], None] | None = None
    """Told of each request before it is answered, for who counts them; must not wait."""
    clock: Clock = attrs.field(factory=SystemClock)
    random: random.Random = attrs.field(factory=random.SystemRandom)


class ApiServer:
    """A Kubernetes API server with its state in memory.

    Promise: many run in one process without knowing of each other; `start` returns when
    requests are answered; `stop` ends every watch, waits for what is under way and leaves
    nothing behind. Does not promise durability: state ends with the server.
    """

    def __init__(self, options: ApiServerOptions | None = None) -> None:
        self._options = options or ApiServerOptions()
        clock = self._options.clock
        self.cluster = Cluster(
            registry=Registry(builtin_resources()),
            store=Store(self._options.history),
            clock=clock,
            random=self._options.random,
        )
        self._authenticator = Authenticator(clock)
        self._authority = Authority(clock.now()) if self._options.tls else None
        self._kubelets = Kubelets(kubelet_context(self._authority) if self._authority else None)
        self._token = self._authenticator.issue(ADMIN)
        certificate = self._authority.certificate if self._authority else ""
        self._controllers: tuple[Controller, ...] = (
            DefinitionController(self.cluster),
            EventExpiry(self.cluster),
        )
        if self._options.controllers:
            self._controllers += (
                GarbageCollector(self.cluster),
                QuotaController(self.cluster),
                PodGarbage(self.cluster),
                TaintEviction(self.cluster),
                NamespaceController(self.cluster, certificate),
            )
        self._runner: web.ServerRunner | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """Where it is reached."""
        scheme = "https" if self._options.tls else "http"
        return f"{scheme}://{LOOPBACK}:{self._port}"

    async def start(self) -> None:
        """Listen and answer.

        Raises:
            OSError: the port is taken.
        """
        create_initial_objects(self.cluster)
        for controller in self._controllers:
            controller.start()
        handler: _Handler = Handler(self.cluster, self._authenticator, self._kubelets)
        if self._options.asked is not None:
            handler = _telling(self._options.asked, handler)
        server = web.Server(handler, access_log=None, handler_cancellation=True)
        self._runner = web.ServerRunner(server, shutdown_timeout=STOP_SECONDS)
        await self._runner.setup()
        context = server_context(self._authority, [LOOPBACK]) if self._authority else None
        site = web.TCPSite(
            self._runner,
            LOOPBACK,
            self._options.port,
            ssl_context=context,
        )
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """End what runs and stop listening; does nothing when it is not running."""
        self.cluster.store.close()
        for controller in self._controllers:
            await controller.stop()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
        await self._kubelets.close()

    def credentials(self) -> Credentials:
        """Give what an administrator needs to connect."""
        if self._authority is None:
            return Credentials(self.url, token=self._token)
        pair = self._authority.client(ADMIN.name, ("system:masters",))
        return Credentials(
            self.url,
            authority=self._authority.certificate,
            certificate=pair.certificate,
            key=pair.key,
            token=self._token,
        )

    def kubeconfig(self) -> Json:
        """Give an administrator's kubeconfig, with its data inside it."""
        return make_kubeconfig(self.credentials())

    def client_config(self) -> ClusterConfig:
        """Give an administrator's configuration for a client in this process."""
        tls = None
        if self._authority is not None:
            tls = ssl.create_default_context(cadata=self._authority.certificate)
        access = Access(authorization=f"Bearer {self._token}", tls=tls, reread=False)
        return ClusterConfig(server=self.url, credentials=StaticCredentials(access))

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()


def _telling(asked: Callable[[web.BaseRequest], None], handler: _Handler) -> _Handler:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        asked(request)
        return await handler(request)

    return handle
