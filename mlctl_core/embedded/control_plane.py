"""Everything that `python -m mlctl_core.embedded` starts, and the order in which it stops.

The scheduler and the nodes are ordinary clients: they reach the API server over HTTP with the
kubeconfig that everyone gets.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from mlctl_core.client.client import Client
from mlctl_core.client.config import load_config
from mlctl_core.clock import SystemClock
from mlctl_core.embedded.apiserver.server import ApiServer, ApiServerOptions
from mlctl_core.embedded.kubeconfig import write_kubeconfig
from mlctl_core.embedded.node.agent import run_nodes
from mlctl_core.embedded.scheduler.scheduler import Scheduler

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from mlctl_core.embedded.options import EmbeddedOptions

EXIT_OK, EXIT_ERROR = 0, 1


async def run(options: EmbeddedOptions) -> int:
    """Serve until a signal says stop; gives the exit code.

    Prints one line, `ready https://…`, when requests are answered and the nodes are there. The
    nodes stop first, so that the last words of their pods still reach the server.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mlctl-")))
        server = await stack.enter_async_context(ApiServer(ApiServerOptions(port=options.port)))
        kubeconfig = options.kubeconfig_out or folder / "kubeconfig"
        write_kubeconfig(kubeconfig, server.kubeconfig())
        tasks = []
        if options.nodes:
            client = Client(load_config(str(kubeconfig)), user_agent="mlctl-embedded")
            await stack.enter_async_context(client)
            tasks = await _start_nodes(client, options, stack)
        sys.stdout.write(f"ready {server.url}\n")
        sys.stdout.flush()
        return await _until(stop, tasks)


async def _start_nodes(
    client: Client, options: EmbeddedOptions, stack: AsyncExitStack
) -> list[asyncio.Task[None]]:
    """Start the scheduler and the nodes, and wait until the nodes are registered."""
    clock, ready = SystemClock(), asyncio.Event()
    nodes = run_nodes(client, options.nodes, clock=clock, images=options.images, ready=ready)
    tasks = [_start(Scheduler(client, clock).run(), stack), _start(nodes, stack)]
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait({waiting, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    return tasks


def _start(work: Coroutine[None, None, None], stack: AsyncExitStack) -> asyncio.Task[None]:
    """Run work in a task that is cancelled, and waited for, when the stack unwinds."""
    task = asyncio.create_task(work)

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(end)
    return task


async def _until(stop: asyncio.Event, tasks: list[asyncio.Task[None]]) -> int:
    """Wait for the signal; a part that ends by itself ends everything."""
    stopping = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait({stopping, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    for task in done - {stopping}:
        sys.stderr.write(f"error: {task.exception() or 'a part of the control plane ended'}\n")
    return EXIT_OK if stopping in done else EXIT_ERROR
