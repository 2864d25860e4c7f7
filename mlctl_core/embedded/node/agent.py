"""The nodes of this process: registered, kept alive, given their pods, and stopped.

Everything goes through the API, as a kubelet's work does, so the nodes serve an embedded API
server and a real one alike. `run_nodes` is the whole of it.
"""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from random import Random
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

import msgspec
import structlog

from mlctl_core.cache.informer import Informer
from mlctl_core.embedded.node.addresses import PodNames
from mlctl_core.embedded.node.environment import Facts
from mlctl_core.embedded.node.images import Image, ImagesError, load_images
from mlctl_core.embedded.node.isolation import find_root, has_addresses
from mlctl_core.embedded.node.log_server import LogServer
from mlctl_core.embedded.node.logs import NOT_FOUND, LogsUnavailableError
from mlctl_core.embedded.node.manifest import decode_pod
from mlctl_core.embedded.node.memory import MemoryWatch
from mlctl_core.embedded.node.node_object import node_object
from mlctl_core.embedded.node.process_runtime import ProcessRuntime
from mlctl_core.embedded.node.registration import Heartbeat, register
from mlctl_core.embedded.node.simulated_runtime import SimulatedRuntime
from mlctl_core.embedded.node.state_directory import state_directory
from mlctl_core.embedded.node.status_writer import StatusWriter
from mlctl_core.embedded.node.surroundings import Surroundings
from mlctl_core.objects.kinds import POD, SERVICE
from mlctl_core.telemetry.events import EventRecorder, Note
from mlctl_core.telemetry.metrics import default_metrics

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

    from mlctl_core.cache.informer import Change
    from mlctl_core.client.client import Client
    from mlctl_core.clock import Clock
    from mlctl_core.embedded.node.log_reader import LogOptions
    from mlctl_core.embedded.node.manifest import Pod
    from mlctl_core.embedded.node.spec import NodeSpec
    from mlctl_core.objects.kinds import Kind
    from mlctl_core.objects.metadata import Metadata

__all__ = ["run_nodes"]

# Hosts and the log endpoint are reached here, and pods that have no addresses of their own.
ADDRESS = "127.0.0.1"

CONTROLLER = "mlctl-node"

# Processes that `launch` puts before a container that has a PID namespace.
NAMESPACE_HELPERS = 2

_log = structlog.get_logger(__name__)


class Runtime(Protocol):
    """What runs the pods of a node."""

    def observe(self, pod: Pod) -> None:
        """A pod of this node is there, or has changed."""

    def forget(self, uid: str) -> None:
        """The object is gone."""

    async def stop(self) -> None:
        """End everything that runs."""

    def logs(
        self, namespace: str, name: str, container: str, options: LogOptions
    ) -> AsyncIterator[bytes]:
        """A container's output."""


async def run_nodes(
    client: Client,
    specs: Sequence[NodeSpec],
    *,
    clock: Clock,
    images: Path | None = None,
    directory: Path | None = None,
    ready: asyncio.Event | None = None,
) -> None:
    """Registers the nodes and runs their pods until cancelled; then nothing of them is left.

    Args:
        client: the way to the API server; left open.
        specs: the nodes.
        clock: for everything that waits.
        images: the images file; read again when it changes.
        directory: for the pods' files, kept; None: a temporary one, removed at the end.
        ready: set when the nodes are registered and follow their pods.

    Raises:
        OSError, ImagesError: the images file cannot be read at the start.
    """
    if not specs:
        if ready is not None:
            ready.set()
        return
    table = _ImageTable(images)
    with state_directory() if directory is None else nullcontext(directory) as place:
        agent = _Agent(client, specs, clock, table, place)
        try:
            await agent.run(ready)
        finally:
            await agent.stop()


class _ImageTable:
    """The images file, read again when it has changed."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._modified = 0.0
        self._images: Mapping[str, Image] = {}
        if file is not None:
            self._modified = file.stat().st_mtime
            self._images = load_images(file)

    def __call__(self) -> Mapping[str, Image]:
        if self._file is None:
            return self._images
        try:
            modified = self._file.stat().st_mtime
            if modified != self._modified:
                self._images = load_images(self._file)
                self._modified = modified
        except (OSError, ImagesError) as error:
            _log.warning("images file not read", error=str(error))
        return self._images


class _Agent:
    """Owns the runtimes and what they share."""

    def __init__(
        self,
        client: Client,
        specs: Sequence[NodeSpec],
        clock: Clock,
        images: _ImageTable,
        directory: Path,
    ) -> None:
        self._client = client
        self._specs = specs
        self._clock = clock
        self._images = images
        self._directory = directory
        self._writer = StatusWriter(client, clock)
        self._recorder = EventRecorder(
            client, clock=clock, metrics=default_metrics(), identity=specs[0].name
        )
        self._server = LogServer(self, clock, ADDRESS)
        self._runtimes: dict[str, Runtime] = {}
        self._names: PodNames | None = None

    async def run(self, ready: asyncio.Event | None) -> None:
        await self._server.start()
        root = None
        if any(spec.pods == "process" for spec in self._specs):
            root = await find_root(self._directory, self._clock)
        if root is not None and await has_addresses(root, self._directory, self._clock):
            self._names = PodNames(self._clock)
        memory = MemoryWatch(self._clock, NAMESPACE_HELPERS if root is not None else 0)
        for spec in self._specs:
            self._runtimes[spec.name] = self._runtime(spec, memory, root)
        nodes = [
            await register(
                self._client,
                self._clock,
                node_object(
                    spec, address=ADDRESS, log_port=self._server.port, now=self._clock.now()
                ),
            )
            for spec in self._specs
        ]
        informer = self._informer(POD, self._selector())
        informer.add_handler(self._changed)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._recorder.run())
            group.create_task(self._writer.run())
            group.create_task(memory.run())
            group.create_task(Heartbeat(self._client, self._clock, nodes).run())
            if self._names is not None:
                services = self._informer(SERVICE)
                services.add_handler(self._names.service_changed)
                group.create_task(services.run())
            group.create_task(informer.run())
            await informer.synced.wait()
            _log.info(
                "nodes ready",
                nodes=len(nodes),
                isolated=root is not None,
                addresses=self._names is not None,
            )
            if ready is not None:
                ready.set()

    async def stop(self) -> None:
        await asyncio.gather(*(runtime.stop() for runtime in self._runtimes.values()))
        await self._server.stop()

    def logs(
        self, namespace: str, name: str, container: str, options: LogOptions
    ) -> AsyncIterator[bytes]:
        """See `log_server.LogSource`: whichever node has the pod."""
        missing = LogsUnavailableError(NOT_FOUND, f'pod "{name}" not found')
        for runtime in self._runtimes.values():
            try:
                return runtime.logs(namespace, name, container, options)
            except LogsUnavailableError as error:
                missing = error if error.status != NOT_FOUND else missing
        raise missing

    def _informer(self, kind: Kind, field_selector: str = "") -> Informer:
        return Informer(
            self._client,
            kind,
            field_selector=field_selector,
            clock=self._clock,
            random=Random(),  # noqa: S311 - spreads retries
        )

    def _selector(self) -> str:
        if len(self._specs) == 1:
            return f"spec.nodeName={self._specs[0].name}"
        return "spec.nodeName!="

    def _runtime(self, spec: NodeSpec, memory: MemoryWatch, root: Path | None) -> Runtime:
        facts = Facts(address=ADDRESS, allocatable=spec.capacity)
        if spec.pods == "simulated":
            return SimulatedRuntime(
                self._clock, self._writer.changed, self._event, facts, spec.run_for
            )
        server = urlsplit(self._client.config.server)
        default_port = 443 if server.scheme == "https" else 80
        return ProcessRuntime(
            Surroundings(
                client=self._client,
                clock=self._clock,
                writer=self._writer,
                memory=memory,
                images=self._images,
                event=self._event,
                facts=facts,
                runtime_env={
                    "KUBERNETES_SERVICE_HOST": server.hostname or ADDRESS,
                    "KUBERNETES_SERVICE_PORT": str(server.port or default_port),
                },
                root=root,
                names=self._names,
                directory=self._directory / "pods",
            )
        )

    def _changed(self, change: Change) -> None:
        old, new = change.old, change.new
        if old is not None and (new is None or new.uid != old.uid):
            for known in self._runtimes.values():
                known.forget(old.uid)
            if self._names is not None:
                self._names.pod_gone(old.uid)
        if change.entry is None:
            return
        try:
            pod = decode_pod(change.entry.raw)
        except msgspec.DecodeError as error:
            _log.error("pod not understood", pod=str(change.key), error=str(error))
            self._event(change.entry.metadata, "Warning", "FailedValidation", str(error))
            return
        if self._names is not None:
            self._names.pod_changed(pod)
        runtime = self._runtimes.get(pod.spec.node_name)
        if runtime is not None:
            runtime.observe(pod)

    def _event(self, pod: Metadata, kind: str, reason: str, message: str) -> None:
        self._recorder.record(
            Note(
                kind=POD,
                metadata=pod,
                type=kind,
                reason=reason,
                message=message,
                action=reason,
                controller=CONTROLLER,
            )
        )
