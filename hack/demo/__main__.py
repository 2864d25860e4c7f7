"""`make demo`, as a process: runs a tour to its end, or to Ctrl-C.

Exit codes: 0 when all was as promised, 1 when it was not, 130 after Ctrl-C or SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# A terminal that is closed says SIGHUP; what runs in sessions of its own would outlive it.
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = 130
TOURS = ("size", "jobs")
"""One job on two sizes; every kind of batch job."""


def main(tour: str, *, keep: bool) -> int:
    """Run a tour and return its exit code."""
    try:
        # Imports take a moment, in which Ctrl-C is as welcome as later.
        from hack.demo.processes import ProcessFailedError  # noqa: PLC0415

        try:
            return 0 if asyncio.run(_until_stopped(tour, keep=keep)) else 1
        except ProcessFailedError as failure:
            print(f"a process of the demo ended early: {failure}", file=sys.stderr)
            return 1
    except (asyncio.CancelledError, KeyboardInterrupt):
        print("stopped; nothing is left running")
        return INTERRUPTED


async def _until_stopped(tour: str, *, keep: bool) -> bool:
    from hack.demo.tour import show  # noqa: PLC0415 - see main

    task = asyncio.create_task(show(tour, keep=keep))
    for number in STOPPING:
        asyncio.get_running_loop().add_signal_handler(number, _once(task))
    return await task


def _once(task: asyncio.Task[bool]) -> Callable[[], None]:
    """Return what cancels the task unless it is being cancelled: stopping is left to end."""

    def stop() -> None:
        if not task.cancelling():
            task.cancel()

    return stop


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave it running until Ctrl-C")
    parser.add_argument("--tour", default=TOURS[0], help=" or ".join(TOURS))
    said = parser.parse_args()
    if said.tour not in TOURS:
        sys.exit(f"TOUR={said.tour}: there is no such tour; say TOUR={' or TOUR='.join(TOURS)}")
    sys.exit(main(said.tour, keep=said.keep))
