"""Runs one command and ends it when whoever asked for it is gone, however that one died.

A program of its own (`python -I -S guard.py COMMAND…`), which imports only what starts fast.
Its standard input is a pipe whose other end only the asker holds: the kernel closes it when the
asker ends, by SIGKILL too, and from any thread of it. On Linux the command also dies with this
process. SIGTERM and SIGINT are passed on; the exit code is the command's, or 128 + its signal.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

PR_SET_PDEATHSIG = 1  # linux/prctl.h
_STARTS_FAILED = 127


def _become(command: list[str], guard: int) -> None:
    """In the child: execute the command."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != guard:
            return
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.execv(command[0], command)  # noqa: S606 - what this program is for


def _watch(child: int) -> int:
    """Wait for the command's end or the asker's; return the command's wait status."""
    woken, wake = os.pipe()
    for end in (woken, wake):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

    def pass_on(number: int, _: FrameType | None) -> None:
        os.kill(child, number)

    signal.signal(signal.SIGTERM, pass_on)
    signal.signal(signal.SIGINT, pass_on)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status
        readable, _, _ = select.select([0, woken], [], [])
        if 0 in readable and not os.read(0, 1):
            os.kill(child, signal.SIGKILL)
            return os.waitpid(child, 0)[1]
        if woken in readable:
            os.read(woken, 512)


def main(command: list[str]) -> int:
    """Run the command to its end."""
    guard = os.getpid()
    child = os.fork()
    if child == 0:
        try:
            _become(command, guard)
        except OSError as error:
            sys.stderr.write(f"{command[0]}: {error.strerror}\n")
            sys.stderr.flush()
        os._exit(_STARTS_FAILED)
    code = os.waitstatus_to_exitcode(_watch(child))
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
