"""Everything that `python -m mlctl_core.embedded` starts, and the order in which it stops."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING

from mlctl_core.embedded.apiserver.server import ApiServer, ApiServerOptions
from mlctl_core.embedded.kubeconfig import write_kubeconfig

if TYPE_CHECKING:
    from mlctl_core.embedded.options import EmbeddedOptions


async def run(options: EmbeddedOptions) -> int:
    """Serve until a signal says stop; gives the exit code.

    Prints one line, `ready https://…`, when requests are answered.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with ApiServer(ApiServerOptions(port=options.port)) as server:
        if options.kubeconfig_out is not None:
            write_kubeconfig(options.kubeconfig_out, server.kubeconfig())
        sys.stdout.write(f"ready {server.url}\n")
        sys.stdout.flush()
        await stop.wait()
    return 0
