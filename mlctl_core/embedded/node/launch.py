"""Becomes one container: enters its namespaces, mounts its volumes and executes its command.

A program of its own, run by ``process`` without ``site``, so it imports only what starts fast.
Its arguments are two file descriptors. On the first comes the specification as JSON (see
``LaunchSpec`` there). Nothing on the second before it closes means that the command runs;
otherwise one JSON object says at which stage and why it does not.

With a root given (Linux), three processes stand in a row: this one, outside, that passes
signals in and the exit code out; the first process of a new PID namespace, that reaps; and the
container. When either of the first two dies, the kernel kills everything inside, so a node that
is killed with SIGKILL leaves nothing behind. The container is not process 1 of its namespace:
there SIGTERM without a handler would be ignored.

This is no security boundary: the container sees the host's files and runs as the node's user.
"""
# Importing pathlib would cost each container some milliseconds.
# ruff: noqa: PTH103, PTH123

from __future__ import annotations

import json
import os
import signal
import sys

from mlctl_core.embedded.node.container_root import (
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    Kernel,
    LaunchError,
    Root,
)
from mlctl_core.embedded.node.sockets import Sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any, NoReturn

# What Python or a shell that started the node in the background may have set to "ignore".
RESET_SIGNALS = ("SIGPIPE", "SIGXFSZ", "SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")
NAMESPACES = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS
FORWARDED_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def _unshare(kernel: Kernel) -> None:
    """Enters new namespaces, through a user namespace unless that is needless."""
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        try:
            kernel.unshare(NAMESPACES)
        except PermissionError:  # root without CAP_SYS_ADMIN, as in an outer container
            pass
        else:
            return
    kernel.unshare(CLONE_NEWUSER | NAMESPACES)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)


def _reset_signals() -> None:
    for name in RESET_SIGNALS:
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _execute(spec: dict[str, Any]) -> NoReturn:
    """Replaces this process with the command; returns never, raises when it cannot."""
    directory = spec["cwd"]
    try:
        os.chdir(directory)
    except OSError as error:
        raise LaunchError("cwd", f"chdir to cwd ({json.dumps(directory)}): {error}") from error
    _reset_signals()
    os.umask(0o022)
    argv = spec["argv"]
    try:
        os.execvpe(argv[0], argv, spec["env"])  # noqa: S606 - its purpose
    except FileNotFoundError as error:
        where = "no such file or directory"
        if "/" not in argv[0]:
            where = "executable file not found in $PATH"
        text = f"exec: {json.dumps(argv[0])}: {where}"
        raise LaunchError("exec", text, error.errno or 0) from error
    except OSError as error:
        text = f"exec: {json.dumps(argv[0])}: {(error.strerror or str(error)).lower()}"
        raise LaunchError("exec", text, error.errno or 0) from error


def _report(status: int, error: BaseException) -> None:
    stage = error.stage if isinstance(error, LaunchError) else "namespace"
    number = getattr(error, "number", 0) or getattr(error, "errno", 0) or 0
    text = json.dumps({"stage": stage, "errno": number, "message": str(error)})
    os.write(status, text.encode())


def _pass_on(status: int) -> int:
    """The exit code that a shell would give for a wait status."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _forward(send: Callable[[int], None]) -> None:
    def handler(number: int, _frame: FrameType | None) -> None:
        try:
            send(number)
        except ProcessLookupError:
            return

    for number in FORWARDED_SIGNALS:
        signal.signal(number, handler)


def _run_in_namespaces(spec: dict[str, Any], kernel: Kernel, status: int) -> int:
    _unshare(kernel)
    # The first child after CLONE_NEWPID is process 1 of the new namespace.
    alive, held = os.pipe()
    # Signals that come before there is somebody to pass them on to wait.
    signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED_SIGNALS)
    first = os.fork()
    if first == 0:
        os.close(held)
        os._exit(_guarded(status, lambda: _first_process(spec, kernel, status, alive)))
    os.close(alive)
    os.close(status)
    _forward(lambda number: os.kill(first, number))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED_SIGNALS)
    _, ended = os.waitpid(first, 0)
    return _pass_on(ended)


def _first_process(spec: dict[str, Any], kernel: Kernel, status: int, alive: int) -> int:
    kernel.die_with_parent()
    os.setsid()  # a signal to the group comes once: passed on by the parent
    # The parent has no number in this namespace; its end of the pipe says whether it lives.
    os.set_blocking(alive, False)
    try:
        os.read(alive, 1)
    except BlockingIOError:
        os.close(alive)
    else:
        return 128 + signal.SIGKILL
    root = Root(kernel, spec["root"])
    root.build()
    for mount in spec["mounts"]:
        root.add(mount)
    kernel.enter_root(spec["root"])
    os.makedirs(spec["cwd"], exist_ok=True)
    if spec["hostname"]:
        kernel.name_host(spec["hostname"])
    sockets = Sockets(spec["address"]) if spec["address"] else None
    if sockets:
        sockets.install()
    main = os.fork()
    if main == 0:
        os.setsid()
        os._exit(_guarded(status, lambda: _execute(spec)))
    os.close(status)
    if sockets:
        sockets.serve()
    _forward(lambda number: os.killpg(main, number))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED_SIGNALS)
    while True:
        pid, ended = os.wait()
        if pid == main:
            return _pass_on(ended)


def _guarded(status: int, body: Callable[[], int | None]) -> int:
    try:
        return int(body() or 0)
    except (LaunchError, OSError) as error:
        _report(status, error)
        return 128


def main() -> None:
    """Becomes the container, or ends with its exit code; never returns."""
    spec_fd, status = int(sys.argv[1]), int(sys.argv[2])
    os.set_inheritable(status, False)
    with os.fdopen(spec_fd, "rb") as file:
        spec = json.load(file)
    os._exit(_guarded(status, lambda: _become(spec, status)))


def _become(spec: dict[str, Any], status: int) -> int | None:
    if not sys.platform.startswith("linux"):
        _execute(spec)
    kernel = Kernel()
    kernel.die_with_parent()
    if os.getppid() != spec["parent"]:
        return 128 + signal.SIGKILL
    if not spec["root"]:
        _execute(spec)
    return _run_in_namespaces(spec, kernel, status)
