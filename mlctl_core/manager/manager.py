"""The life of a manager process: what starts before what, and what ends after what.

Start: endpoints (probes answer before anything can hang, a scrape that needs the API server is
refused until that answers), caches, the Lease if one is asked for, workers. Stop: no new keys,
what is being worked on, events, caches, and the Lease last, so that nothing is written after it
was given away. A part that fails unexpectedly ends the process with exit code 1: something
restarts it, and level-triggered work begins where it was.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import structlog

from mlctl_core.cache.shared import SharedCaches
from mlctl_core.client.client import Client
from mlctl_core.client.config import load_config
from mlctl_core.client.errors import ConfigError, LeaseLostError
from mlctl_core.clock import Clock, SystemClock, deadline
from mlctl_core.manager.args import ManagerOptions, parse_args
from mlctl_core.manager.certificates import CertificateError, ServingCertificate
from mlctl_core.manager.delegated_auth import DelegatedAuth
from mlctl_core.manager.endpoints import Endpoints
from mlctl_core.manager.health import ListenError, probes, scrapes
from mlctl_core.manager.leader import Elector, LeaseNamespaceError
from mlctl_core.manager.signals import on_stop_signal
from mlctl_core.manager.usage import check_usage
from mlctl_core.manager.wiring import (
    CustomController,
    Declaration,
    Surroundings,
    Wired,
    label_selectors,
    require_controller,
    wire,
)
from mlctl_core.objects.kinds import kind_of
from mlctl_core.reconcile.dry_run import Printer
from mlctl_core.reconcile.writer import Writer
from mlctl_core.telemetry import log
from mlctl_core.telemetry.events import EventRecorder
from mlctl_core.telemetry.metrics import Metrics

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
    from typing import Self

    from prometheus_client.registry import Collector

    from mlctl_core.cache.store import Store
    from mlctl_core.client.config import ClusterConfig
    from mlctl_core.objects.kinds import Kind
    from mlctl_core.reconcile.planner import Planner
    from mlctl_core.reconcile.sink import PlanSink

# Seconds for what is being worked on when the process is to stop. Kubernetes kills after 30;
# the rest is for events and the Lease.
GRACE_SECONDS = 20.0
# Seconds between two lines that say which kinds are still missing from the caches.
SYNC_REPORT_SECONDS = 10.0

EXIT_OK = 0
EXIT_ERROR = 1
# What is said instead of a traceback about ends that the code is not to blame for.
_ENDINGS = {
    CertificateError: "metrics cannot be secured",
    ConfigError: "no cluster to work with",
    LeaseLostError: "stopped, since another may lead",
    LeaseNamespaceError: "cannot stand for election",
    ListenError: "cannot serve probes and metrics",
}

_log = structlog.get_logger()


class Manager:
    """Runs controllers over shared caches.

    As a process: ``Manager.from_args().add(plan).run()``. Inside another program or a test:
    ``async with Manager(options, config=…).add(plan).running() as manager``.

    Args:
        options: How to run.
        config: The cluster; None finds it as kubectl does, from `ManagerOptions.kubeconfig`.
        clock: Time.
        random: Spreads retries and makes ids.
        metrics: Where everything is counted; None makes a registry of its own.
    """

    def __init__(
        self,
        options: ManagerOptions | None = None,
        *,
        config: ClusterConfig | None = None,
        clock: Clock | None = None,
        random: Random | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self.options = options if options is not None else ManagerOptions()
        self.metrics = metrics if metrics is not None else Metrics()
        self._config = config
        self._clock = clock if clock is not None else SystemClock()
        self._random = random if random is not None else Random()  # noqa: S311 - no secret
        self._declarations: list[tuple[Declaration, int | None]] = []
        self._collectors: list[tuple[Callable[[Mapping[Kind, Store]], Collector], tuple[Kind, ...]]]
        self._collectors = []
        self._endpoints = Endpoints()
        self._clients: list[Client] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._starter: asyncio.Task[None] | None = None
        self._workers: list[asyncio.Task[None]] = []
        self._wired: list[Wired] = []
        self._recorder: EventRecorder | None = None
        self._elector: Elector | None = None
        self._ready = asyncio.Event()
        self._ended = asyncio.Event()
        self._stopping = False
        self._error: BaseException | None = None

    @property
    def ports(self) -> Mapping[str, int]:
        """Where the endpoints listen, by path, once started; for port 0."""
        return self._endpoints.ports

    @classmethod
    def from_args(
        cls, argv: Sequence[str] | None = None, *, flags: argparse.ArgumentParser | None = None
    ) -> Self:
        """A manager from the command line; see `ManagerOptions` for the flags' meaning.

        Args:
            argv: The words; ``sys.argv`` when absent.
            flags: Those of the program itself, which reads them by ``parse_known_args``.

        Raises:
            SystemExit: with 2 for bad usage.
        """
        return cls(parse_args(argv, flags=flags))

    def add(
        self, controller: Planner[Any] | CustomController, concurrency: int | None = None
    ) -> Self:
        """Run ``controller`` too, with so many workers unless the command line says otherwise.

        Raises:
            TypeError: this is no controller; says how to make one of it.
            ValueError: a controller of that name is there already.
        """
        require_controller(controller)
        if any(controller.name == other.name for other, _ in self._declarations):
            raise ValueError(f"two controllers are called {controller.name}: give one a name")
        self._declarations.append((controller, concurrency))
        return self

    def add_collector(
        self,
        factory: Callable[[Mapping[Kind, Store]], Collector],
        kinds: Iterable[str | Kind | type],
    ) -> Self:
        """Serve metrics that are computed from the caches at each scrape.

        Args:
            factory: Makes the collector from the stores of ``kinds``.
            kinds: What it reads; cached if nothing else needs them.
        """
        self._collectors.append((factory, tuple(kind_of(kind) for kind in kinds)))
        return self

    def run(self) -> int:
        """Run until SIGTERM or SIGINT; returns 0.

        Raises:
            SystemExit: with 1 when something failed, with 2 when the options do not fit the
                controllers.
        """
        log.configure(self.options.log_format, self.options.log_level, clock=self._clock)
        check_usage(self.options, [one for one, _ in self._declarations])
        try:
            asyncio.run(self._run())
        except tuple(_ENDINGS) as error:
            _log.error(_ENDINGS[type(error)], error=str(error))
            raise SystemExit(EXIT_ERROR) from None
        except Exception as error:
            _log.exception("manager failed")
            raise SystemExit(EXIT_ERROR) from error
        return EXIT_OK

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Run while the block does; what fails inside is raised at its end."""
        try:
            await self.start()
            yield self
        finally:
            await self.stop()
        if self._error is not None:
            raise self._error

    async def start(self) -> None:
        """Start everything; returns once the endpoints answer, while caches still fill.

        Raises:
            ConfigError: there is no cluster to talk to.
            CertificateError: metrics are to be secured with a certificate that is none.
            ListenError: an address to listen on is not to be had.
        """
        await self._endpoints.serve(self.options.health_address, probes(self._ready.is_set))
        config = self._config or load_config(self.options.kubeconfig, clock=self._clock)
        await self._serve_metrics(config)
        client = self._client(config, guard=self._guard)
        identity = f"{socket.gethostname()}_{self._random.getrandbits(64):016x}"
        if not self.options.dry_run:
            self._recorder = EventRecorder(
                client, clock=self._clock, metrics=self.metrics, identity=identity
            )
        if self.options.leader_elect:
            self._elector = Elector(
                self._client(config),
                name=self.options.lease_name,
                namespace=self.options.lease_namespace,
                identity=identity,
                clock=self._clock,
                random=self._random,
                metrics=self.metrics,
            )
        caches = SharedCaches(
            client,
            clock=self._clock,
            random=self._random,
            metrics=self.metrics,
            namespaces=self.options.namespaces,
            label_selectors=label_selectors(
                (declaration for declaration, _ in self._declarations),
                (kind for _, kinds in self._collectors for kind in kinds),
            ),
        )
        self._wire(client, caches)
        self._spawn(self._background(caches), "background")
        self._starter = self._spawn(self._start_workers(caches), "start of workers")

    async def stop(self) -> None:
        """Stop everything, in order; what is being worked on gets `GRACE_SECONDS`."""
        self._stopping = True
        if self._starter is not None:
            # A standby must not begin to work because the leader has just gone (c-r #2719).
            await _cancel([self._starter])
        for wired in self._wired:
            wired.queue.shut_down(drain=False)
        # Without the Lease nothing may be finished: another may be at it already.
        if isinstance(self._error, LeaseLostError):
            await _cancel(self._workers)
        elif self._workers:
            _, late = await self._wait(self._workers)
            if late:
                _log.warning("reconciles cut off at the stop", workers=len(late))
            await _cancel(late)
        if self._recorder is not None and not isinstance(self._error, LeaseLostError):
            await self._recorder.drain()
        await _cancel(self._tasks)
        if self._elector is not None:
            await self._elector.release()
        for client in self._clients:
            await client.close()
        await self._endpoints.stop()
        _log.info("stopped")

    async def wait_ready(self, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Return once the caches are filled; a standby is ready too.

        Raises:
            TimeoutError: not within ``timeout`` seconds.
        """
        async with deadline(self._clock, timeout):
            await self._ready.wait()

    async def _run(self) -> None:
        with on_stop_signal(self._ended.set):
            async with self.running():
                await self._ended.wait()

    async def _serve_metrics(self, config: ClusterConfig) -> None:
        address = self.options.metrics_address
        if not self.options.metrics_secure or address is None:
            await self._endpoints.serve(address, scrapes(self.metrics))
            return
        folder = self.options.metrics_cert_path
        certificate = ServingCertificate(Path(folder) if folder else None, clock=self._clock)
        auth = DelegatedAuth(self._client(config), clock=self._clock)
        await self._endpoints.serve(address, scrapes(self.metrics, auth), certificate.context)
        self._spawn(certificate.follow(), "certificate of metrics")

    def _client(self, config: ClusterConfig, guard: Callable[[], None] | None = None) -> Client:
        client = Client(config, clock=self._clock, metrics=self.metrics, guard=guard)
        self._clients.append(client)
        return client

    def _wire(self, client: Client, caches: SharedCaches) -> None:
        def sink(planner: Planner[Any], stores: Mapping[Kind, Store]) -> PlanSink:
            if self.options.dry_run:
                return Printer(stores, sys.stdout)
            return Writer(client, stores=stores, field_manager=planner.field_manager)

        shared = Surroundings(
            client=client,
            caches=caches,
            clock=self._clock,
            random=self._random,
            metrics=self.metrics,
            recorder=self._recorder,
            sink=sink,
        )
        for declaration, concurrency in self._declarations:
            workers = self.options.concurrency.get(declaration.kind.name, concurrency)
            self._wired.append(wire(declaration, shared, workers))
        for factory, kinds in self._collectors:
            stores = {kind: caches.informer(kind).store for kind in kinds}
            self.metrics.registry.register(factory(stores))

    def _guard(self) -> None:
        if self._elector is not None:
            self._elector.guard()

    async def _background(self, caches: SharedCaches) -> None:
        if self._elector is not None:
            await self._elector.look()
        async with asyncio.TaskGroup() as group:
            caches.start(group)
            group.create_task(self._report_missing(caches), name="sync report")
            if self._recorder is not None:
                group.create_task(self._recorder.run(), name="events")

    async def _report_missing(self, caches: SharedCaches) -> None:
        while True:
            await self._clock.sleep(SYNC_REPORT_SECONDS)
            if missing := caches.missing():
                _log.warning("caches not filled yet", missing=missing)

    async def _start_workers(self, caches: SharedCaches) -> None:
        await self._fill(caches)
        self._ready.set()
        if self._elector is not None:
            may_lag = await self._elector.acquire()
            self._spawn(self._elector.hold(), "lease")
            if may_lag:
                # What the last leader wrote at the end need not have come by watch yet, and what
                # is planned without it undoes it: a pod not seen is a pod lost.
                caches.refresh()
                await self._fill(caches)
        for wired in self._wired:
            self._workers.append(self._spawn(wired.run(), f"controller {wired.controller.name}"))

    async def _fill(self, caches: SharedCaches) -> None:
        started = self._clock.monotonic()
        await caches.wait_synced()
        _log.info(
            "caches filled",
            seconds=round(self._clock.monotonic() - started, 3),
            objects={str(kind): len(store) for kind, store in caches.stores.items()},
        )

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._task_ended)
        return task

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            return
        if not self._stopping and self._error is None:
            self._error = error
        else:
            # What fails first is what is raised; the rest may be its consequence, or the cause.
            _log.error("failed as well", task=task.get_name(), exc_info=error)
        self._ended.set()

    async def _wait(
        self, tasks: Iterable[asyncio.Task[None]]
    ) -> tuple[set[asyncio.Task[None]], set[asyncio.Task[None]]]:
        """Wait for tasks as long as the grace, by our own clock: those that ended, the rest."""
        waiting = set(tasks)
        try:
            async with deadline(self._clock, GRACE_SECONDS):
                await asyncio.wait(waiting)
        except TimeoutError:
            pass
        return {t for t in waiting if t.done()}, {t for t in waiting if not t.done()}


async def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    cancelled = list(tasks)
    for task in cancelled:
        task.cancel()
    await asyncio.gather(*cancelled, return_exceptions=True)
