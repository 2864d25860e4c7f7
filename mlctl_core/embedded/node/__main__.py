"""``python -m mlctl_core.embedded.node``: nodes for any API server, until told to stop."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from mlctl_core.client.client import Client
from mlctl_core.client.config import load_config
from mlctl_core.client.errors import ConfigError
from mlctl_core.clock import SystemClock
from mlctl_core.embedded.node.images import ImagesError
from mlctl_core.embedded.node.spec import node_specs
from mlctl_core.telemetry.log import configure

EXIT_ERROR, EXIT_USAGE = 1, 2


def parser() -> argparse.ArgumentParser:
    """The options, with kubectl's name for the kubeconfig."""
    options = argparse.ArgumentParser(
        prog="python -m mlctl_core.embedded.node",
        description="Runs pods as local processes, or simulates them, for any API server.",
    )
    options.add_argument("--kubeconfig", metavar="FILE", help="default: as kubectl finds it")
    options.add_argument("--pods", choices=["process", "simulated"], default="process")
    options.add_argument("--nodes", type=int, metavar="N", help="alike; 1 unless --node is given")
    options.add_argument("--gpus-per-node", type=int, default=0, metavar="M")
    options.add_argument(
        "--node",
        action="append",
        default=[],
        metavar="name=…,pods=…,cpu=…,gpus=…",
        help="one more node; may be given several times",
    )
    options.add_argument("--images", type=Path, metavar="FILE", help="image names to environments")
    options.add_argument(
        "--directory", type=Path, metavar="DIR", help="for pods' files; default: temporary"
    )
    return options


async def run(arguments: argparse.Namespace) -> None:
    """Runs until SIGTERM or SIGINT.

    Raises:
        ValueError, OSError, ImagesError, ConfigError: the arguments lead nowhere.
        ModuleNotFoundError: the extra is not installed.
    """
    from mlctl_core.embedded.node.agent import run_nodes  # noqa: PLC0415 - not for --help

    specs = node_specs(
        pods=arguments.pods,
        nodes=arguments.nodes,
        gpus_per_node=arguments.gpus_per_node,
        described=arguments.node,
    )
    clock = SystemClock()
    ready = asyncio.Event()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Client(load_config(arguments.kubeconfig), user_agent="mlctl-node") as client:
        nodes = asyncio.create_task(
            run_nodes(
                client,
                specs,
                clock=clock,
                images=arguments.images,
                directory=arguments.directory,
                ready=ready,
            )
        )
        announced = asyncio.create_task(_announce(ready, len(specs)))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({nodes, stopped}, return_when=asyncio.FIRST_COMPLETED)
        for task in (announced, stopped, nodes):
            task.cancel()
        await asyncio.gather(announced, stopped, return_exceptions=True)
        try:
            await nodes
        except asyncio.CancelledError:
            return


async def _announce(ready: asyncio.Event, count: int) -> None:
    await ready.wait()
    sys.stdout.write(f"ready {count} nodes\n")
    sys.stdout.flush()


def main() -> int:
    """Returns the exit code: 0 after a clean stop, 1 on errors, 2 on bad usage."""
    arguments = parser().parse_args()
    configure("console")
    try:
        asyncio.run(run(arguments))
    except ValueError as error:
        sys.stderr.write(f"error: {error}\n")
        return EXIT_USAGE
    except ModuleNotFoundError as error:
        sys.stderr.write(f"error: no module {error.name}: pip install 'mlctl[embedded]'\n")
        return EXIT_USAGE
    except (OSError, ImagesError, ConfigError) as error:
        sys.stderr.write(f"error: {error}\n")
        return EXIT_ERROR
    return 0


if __name__ == "__main__":
    sys.exit(main())
