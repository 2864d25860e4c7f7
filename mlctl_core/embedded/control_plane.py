"""Everything that `python -m mlctl_core.embedded` starts, and the order in which it stops.

The scheduler and the nodes are ordinary clients of the API; they share this process and speak
to the server over HTTP. They stop before it, so that pods' last words still reach it.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from mlctl_core.client.client import Client
from mlctl_core.clock import Clock, SystemClock
from mlctl_core.embedded.apiserver.server import ApiServer, ApiServerOptions
from mlctl_core.embedded.kubeconfig import write_kubeconfig
from mlctl_core.embedded.node.agent import run_nodes
from mlctl_core.embedded.scheduler.scheduler import Scheduler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from mlctl_core.embedded.options import EmbeddedOptions


async def run(options: EmbeddedOptions) -> None:
    """Serve until a signal says stop.

    Prints one line, `ready https://…`, when requests are answered and the nodes are there.

    Raises:
        OSError: the port is taken, or a file cannot be read or written.
        ImagesError: the images file makes no sense.
        RuntimeError: the scheduler or the nodes ended by themselves.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    clock = SystemClock()
    async with ApiServer(ApiServerOptions(port=options.port, clock=clock)) as server:
        if options.kubeconfig_out is not None:
            try:
                write_kubeconfig(options.kubeconfig_out, server.kubeconfig())
            except OSError as error:
                raise OSError(f"--kubeconfig-out {options.kubeconfig_out}: {error}") from error
        async with _workers(server, options, clock) as workers:
            sys.stdout.write(f"ready {server.url}\n")
            sys.stdout.flush()
            await _until(stop, workers)


@asynccontextmanager
async def _workers(
    server: ApiServer, options: EmbeddedOptions, clock: Clock
) -> AsyncIterator[set[asyncio.Task[None]]]:
    """Run the scheduler and the nodes; they are ready inside and stopped afterwards."""
    if not options.node_specs:
        yield set()
        return
    ready = asyncio.Event()
    async with Client(server.client_config(), user_agent="mlctl-embedded", clock=clock) as client:
        nodes = run_nodes(
            client, options.node_specs, clock=clock, images=options.images, ready=ready
        )
        parts: tuple[Coroutine[None, None, None], ...] = (nodes, Scheduler(client, clock).run())
        tasks = {asyncio.create_task(part) for part in parts}
        try:
            await _until(ready, tasks)
            yield tasks
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _until(event: asyncio.Event, workers: set[asyncio.Task[None]]) -> None:
    """Return when the event is set.

    Raises:
        RuntimeError: a worker, which is to run until it is told to stop, has ended before.
    """
    waiting = asyncio.create_task(event.wait())
    done, _ = await asyncio.wait({waiting, *workers}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    for task in done & workers:
        task.result()
        raise RuntimeError("a part of the control plane has stopped by itself")
