"""Starts a container as a local process and waits for its end.

Promises that a started container is in a session of its own, that its output goes to its log,
that nothing of it runs once `RunningProcess.wait` has returned, and that it is killed when this
node's process dies (Linux). The rest is `launch`, which runs in the new process.

Start containers from the main thread: Linux kills a child when the thread that made it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import msgspec

if TYPE_CHECKING:
    from mlctl_core.clock import Clock
    from mlctl_core.embedded.node.container_log import ContainerLog

__all__ = ["LaunchFailedError", "LaunchSpec", "Mount", "RunningProcess", "start_process"]

# Imported rather than run as a file, so that it need not be compiled for each container.
_LAUNCHER = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); "
    "from mlctl_core.embedded.node.launch import main; main()"
)
_PACKAGES = str(Path(__file__).parents[3])

# Seconds for the output of a container that has ended to come to its end: without a PID
# namespace a process that left the group may hold it open for ever.
DRAIN_SECONDS = 2.0

STATUS_BYTES = 64 * 1024


class LaunchFailedError(Exception):
    """The container's command does not run.

    Attributes:
        stage: ``exec``, ``cwd``, ``mount``, ``address`` or ``namespace``.
        errno: of the system call that failed, or 0.
    """

    def __init__(self, stage: str, errno: int, message: str) -> None:
        super().__init__(message)
        self.stage = stage
        self.errno = errno


@attrs.frozen
class Mount:
    """A directory or file of the host at a path of the container."""

    source: Path
    target: str
    read_only: bool = False


@attrs.frozen
class LaunchSpec:
    """Everything that a container is started with."""

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: str
    root: Path | None = None
    """An empty directory to build the container's root in; None: no namespaces, no mounts."""

    mounts: Sequence[Mount] = ()
    hostname: str = ""
    """What the container calls its machine; empty: as the host does. Needs a root."""

    address: str = ""
    """Where its servers listen; empty: at the host's addresses. Needs a root; see `sockets`."""

    def encoded(self) -> bytes:
        """What `launch` reads."""
        mounts = [
            {"source": str(m.source), "target": m.target, "read_only": m.read_only}
            for m in sorted(self.mounts, key=lambda m: len(Path(m.target).parts))
        ]
        spec = {
            "argv": list(self.argv),
            "env": dict(self.env),
            "cwd": self.cwd,
            "root": str(self.root) if self.root is not None else "",
            "mounts": mounts,
            "hostname": self.hostname,
            "address": self.address,
            "parent": os.getpid(),
        }
        return msgspec.json.encode(spec)


class _Output(asyncio.SubprocessProtocol):
    """Stores what a container writes as it comes."""

    def __init__(self, log: ContainerLog) -> None:
        loop = asyncio.get_running_loop()
        self.exited: asyncio.Future[None] = loop.create_future()
        """Done when the process has ended; its output may go on."""
        self.finished: asyncio.Future[None] = loop.create_future()
        """Done when its output has come to its end, too."""
        self._log = log

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self._log.write("stdout" if fd == 1 else "stderr", data)

    def process_exited(self) -> None:
        if not self.exited.done():
            self.exited.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the end, either way
        if not self.finished.done():
            self.finished.set_result(None)


class RunningProcess:
    """One container that runs. Owned by whoever started it, who must wait for it."""

    def __init__(
        self,
        transport: asyncio.SubprocessTransport,
        output: _Output,
        log: ContainerLog,
        clock: Clock,
    ) -> None:
        self.pid: int = transport.get_pid()
        self.log = log
        self._transport = transport
        self._output = output
        self._clock = clock

    async def wait(self) -> int:
        """Waits for the end of the container and of its output. Called once.

        Returns:
            The exit code; 128 + n when signal n ended it.
        """
        await self._output.exited
        code = self._transport.get_returncode() or 0
        self.kill()  # what it left behind in its session
        timer = self._clock.call_later(DRAIN_SECONDS, self._transport.close)
        await self._output.finished
        timer.cancel()
        self._transport.close()
        self.log.close()
        return code if code >= 0 else 128 - code

    def terminate(self) -> None:
        """Sends SIGTERM to the container's session."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Sends SIGKILL to everything in the container's session, or in its namespace."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


async def start_process(spec: LaunchSpec, log: ContainerLog, clock: Clock) -> RunningProcess:
    """Starts a container; returns when its command has been executed.

    Raises:
        LaunchFailedError: it cannot be; nothing is left running, and the log is closed.
    """
    status_read, status_write = os.pipe()
    try:
        with tempfile.TemporaryFile() as file:
            file.write(spec.encoded())
            file.seek(0)
            # -I -S: neither the user's nor a virtual environment's packages are looked for.
            transport, output = await asyncio.get_running_loop().subprocess_exec(
                lambda: _Output(log),
                *(sys.executable, "-I", "-S", "-c", _LAUNCHER, _PACKAGES),
                *(str(file.fileno()), str(status_write)),
                stdin=subprocess.DEVNULL,
                pass_fds=(file.fileno(), status_write),
                start_new_session=True,
                env={},
            )
    except OSError:
        os.close(status_read)
        log.close()
        raise
    finally:
        os.close(status_write)
    running = RunningProcess(transport, output, log, clock)
    try:
        report = await _read_to_end(status_read)
    except BaseException:
        running.kill()
        await running.wait()
        raise
    if report:
        await running.wait()
        found = msgspec.json.decode(report)
        raise LaunchFailedError(found["stage"], found["errno"], found["message"])
    return running


async def _read_to_end(descriptor: int) -> bytes:
    """What is written to a pipe before its other end closes."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    file = os.fdopen(descriptor, "rb")
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), file)
    try:
        return await reader.read(STATUS_BYTES)
    finally:
        transport.close()
