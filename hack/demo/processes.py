"""Processes that the demo starts, each with its log file, and stops whatever happens."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

# A manager finishes what runs and releases its lease; a node gives its pods their grace.
STOP_SECONDS = 15.0


class ProcessFailedError(Exception):
    """A process failed, or ended although it was to stay; the message says which, and how."""


@asynccontextmanager
async def python(log: Path, *args: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `python ARGS` for the length of the block, with its output in the log file.

    The process leads a session of its own, so that Ctrl-C reaches the demo alone, which then
    stops its processes in order.
    """
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *args, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield process
    finally:
        await stop(process)


async def run_to_end(*command: str) -> None:
    """Run a command to its end, with its output where ours goes; cancelled, end it.

    Raises ProcessFailedError when its exit code is not 0.
    """
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(*command, start_new_session=True)
    )
    try:
        # Cancelled by itself it would kill the command alone, which may have children already.
        await asyncio.shield(starting)
        code = await starting.result().wait()
    finally:
        process = await starting
        if process.returncode is None:
            # With whatever it has started itself.
            os.killpg(process.pid, signal.SIGTERM)
            await stop(process)
    if code:
        raise ProcessFailedError(f"{' '.join(command)}: exit code {code}")


async def stop(process: asyncio.subprocess.Process) -> None:
    """Ask the process to stop, then make it."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def wait_for_line(
    process: asyncio.subprocess.Process, log: Path, word: str, seconds: float
) -> str:
    """Return the first line of the log that holds the word.

    Raises ProcessFailedError when the process ends first, or takes longer than the seconds.
    """
    async with asyncio.timeout(seconds):
        while True:
            for line in log.read_text(errors="replace").splitlines():
                if word in line:
                    return line
            if process.returncode is not None:
                raise ProcessFailedError(f"exit code {process.returncode}\n{tail(log)}")
            await asyncio.sleep(0.02)


def tail(log: Path, lines: int = 20) -> str:
    """Return the end of a log file."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
