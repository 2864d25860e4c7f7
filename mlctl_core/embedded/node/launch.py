"""Becomes one container: enters its namespaces, mounts its volumes and executes its command.

A program of its own, run as ``python -I -S launch.py SPEC_FD STATUS_FD`` by ``process``; it
imports only what starts fast. The specification is JSON on SPEC_FD (see ``LaunchSpec`` there).
Nothing on STATUS_FD before it closes means that the command runs; otherwise one JSON object
says at which stage and why it does not.

With a root given (Linux), three processes stand in a row: this one, outside, that passes
signals in and the exit code out; the first process of a new PID namespace, that reaps; and the
container. When either of the first two dies, the kernel kills everything inside, so a node that
is killed with SIGKILL leaves nothing behind. The container is not process 1 of its namespace:
there SIGTERM without a handler would be ignored.

This is no security boundary: the container sees the host's files and runs as the node's user.
"""
# Importing pathlib would cost each container some milliseconds.
# ruff: noqa: PTH

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType

# linux/sched.h, linux/mount.h, linux/prctl.h
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID = 0x00020000, 0x10000000, 0x20000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_NOATIME, MS_NODIRATIME, MS_BIND = 32, 1024, 2048, 4096
MS_REC, MS_PRIVATE, MS_RELATIME = 16384, 1 << 18, 1 << 21
MNT_DETACH = 2
PR_SET_PDEATHSIG = 1

# statvfs says these in its own numbers; a remount inside a user namespace must repeat them.
KEPT_FLAGS = (
    (2, MS_NOSUID),
    (4, MS_NODEV),
    (8, MS_NOEXEC),
    (1024, MS_NOATIME),
    (2048, MS_NODIRATIME),
    (4096, MS_RELATIME),
)

# A directory on the host that lacks a mount point is replaced by a mirror of bind mounts; one
# with more entries than this would cost seconds.
MAX_MIRRORED_ENTRIES = 2000

DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "ptmx", "kfd", "dri")
DEVICE_PREFIXES = ("nvidia",)
DEVICE_LINKS = (
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
)

# What Python or a shell that started the node in the background may have set to "ignore".
RESET_SIGNALS = ("SIGPIPE", "SIGXFSZ", "SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")
FORWARDED_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class LaunchError(Exception):
    """The container cannot run: at this stage, for this reason."""

    def __init__(self, stage: str, message: str, number: int = 0) -> None:
        super().__init__(message)
        self.stage = stage
        self.number = number


class Kernel:
    """The system calls that Python 3.11 has no name for; each raises OSError."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)

    def _check(self, result: int, what: str) -> None:
        if result != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), what)

    def unshare(self, flags: int) -> None:
        self._check(self._libc.unshare(flags), "unshare")

    def mount(self, source: str, target: str, kind: str, flags: int, data: str = "") -> None:
        result = self._libc.mount(
            source.encode(),
            target.encode(),
            kind.encode() or None,
            ctypes.c_ulong(flags),
            data.encode() or None,
        )
        self._check(result, target)

    def enter_root(self, root: str) -> None:
        """Makes ``root`` the root directory and lets go of the old one."""
        os.chdir(root)
        if self._libc.pivot_root(b".", b".") == 0:
            self._check(self._libc.umount2(b".", MNT_DETACH), "umount")
        else:  # the host runs from its initial RAM disk, which cannot be pivoted away
            os.chroot(".")
        os.chdir("/")

    def die_with_parent(self, parent: int) -> None:
        """Asks for SIGKILL when the parent ends; ends at once if it already has."""
        self._check(self._libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
        if parent and os.getppid() != parent:
            os._exit(128 + signal.SIGKILL)


class Root:
    """A root directory of the container's own, made of the host's directories.

    A tmpfs that holds a bind mount of each top-level directory, so that mount points can be
    made without touching the host. Where a mount point is missing deeper down, the directory
    above it is replaced by a tmpfs of bind mounts in the same way.
    """

    def __init__(self, kernel: Kernel, base: str) -> None:
        self._kernel = kernel
        self._base = base
        self._writable: set[str] = set()  # host paths under which a name may be made freely

    def build(self) -> None:
        self._kernel.mount("none", "/", "", MS_REC | MS_PRIVATE)
        self._tmpfs(self._base, "mode=755")
        self._writable.add("/")
        for entry in os.scandir("/"):
            if entry.name not in ("proc", "dev"):
                self._mirror_entry(entry)
        self._devices()
        self._proc()

    def add(self, mount: dict[str, Any]) -> None:
        """Mounts one volume where the container wants it."""
        target = os.path.realpath(mount["target"])
        source = mount.get("source", "")
        is_directory = not source or os.path.isdir(source)
        self._ensure(target, is_directory=is_directory)
        inside = self._base + target
        if source:
            self._bind(source, inside)
            if mount.get("read_only"):
                kept = sum(
                    ours for theirs, ours in KEPT_FLAGS if os.statvfs(inside).f_flag & theirs
                )
                flags = MS_REMOUNT | MS_BIND | MS_RDONLY | kept
                self._kernel.mount("none", inside, "", flags)
        else:
            self._tmpfs(inside, mount.get("options", ""))
        self._writable.add(target)

    def _ensure(self, path: str, *, is_directory: bool) -> None:
        if os.path.lexists(self._base + path):
            if os.path.isdir(self._base + path) != is_directory:
                raise LaunchError("mount", f"not a directory: {path}")
            return
        parent = os.path.dirname(path)
        self._ensure(parent, is_directory=True)
        if not self._is_writable(parent):
            self._mirror(parent)
        if is_directory:
            os.mkdir(self._base + path)
        else:
            _touch(self._base + path)

    def _is_writable(self, path: str) -> bool:
        """Whether ``path`` is our own directory or inside a volume, and not the host's."""
        inside = self._base + path
        above = path
        while above not in self._writable:
            above = os.path.dirname(above)
        # "/" and mirrors are ours only themselves; what is mounted in them is the host's.
        if above == path:
            return True
        return os.stat(inside).st_dev == os.stat(self._base + above).st_dev

    def _mirror(self, path: str) -> None:
        entries = list(os.scandir(path))
        if len(entries) > MAX_MIRRORED_ENTRIES:
            raise LaunchError("mount", f"{path} has too many entries to add a mount point to it")
        self._tmpfs(self._base + path, "mode=755")
        self._writable.add(path)
        for entry in entries:
            self._mirror_entry(entry)

    def _mirror_entry(self, entry: os.DirEntry[str]) -> None:
        inside = self._base + entry.path
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), inside)
            return
        if entry.is_dir():
            os.mkdir(inside)
        else:
            _touch(inside)
        try:
            self._bind(entry.path, inside)
        except OSError:  # a file that vanished, or one that this user may not see
            return

    def _devices(self) -> None:
        os.mkdir(self._base + "/dev")
        self._tmpfs(self._base + "/dev", "mode=755")
        self._writable.add("/dev")
        for name in os.listdir("/dev"):
            if name in DEVICES or name.startswith(DEVICE_PREFIXES):
                target = f"{self._base}/dev/{name}"
                if os.path.isdir(f"/dev/{name}"):
                    os.mkdir(target)
                else:
                    _touch(target)
                self._bind(f"/dev/{name}", target)
        for name, target in DEVICE_LINKS:
            os.symlink(target, f"{self._base}/dev/{name}")
        os.mkdir(self._base + "/dev/shm")
        self._tmpfs(self._base + "/dev/shm", "mode=1777")
        if os.path.isdir("/dev/pts"):
            os.mkdir(self._base + "/dev/pts")
            self._bind("/dev/pts", self._base + "/dev/pts")

    def _proc(self) -> None:
        inside = self._base + "/proc"
        os.mkdir(inside)
        try:
            self._kernel.mount("proc", inside, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
        except OSError:  # masked by an outer container: a view with the outer process numbers
            self._bind("/proc", inside)

    def _tmpfs(self, target: str, options: str) -> None:
        self._kernel.mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV, options)

    def _bind(self, source: str, target: str) -> None:
        self._kernel.mount(source, target, "", MS_BIND | MS_REC)


def _touch(path: str) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))


def _unshare(kernel: Kernel) -> None:
    """Enters new mount and PID namespaces, through a user namespace unless that is needless."""
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        try:
            kernel.unshare(CLONE_NEWNS | CLONE_NEWPID)
        except PermissionError:  # root without CAP_SYS_ADMIN, as in an outer container
            pass
        else:
            return
    kernel.unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID)
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


def _execute(spec: dict[str, Any]) -> None:
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
        os.execvpe(argv[0], argv, spec["env"])
    except FileNotFoundError as error:
        where = "no such file or directory"
        if "/" not in argv[0]:
            where = "executable file not found in $PATH"
        text = f"exec: {json.dumps(argv[0])}: {where}"
        raise LaunchError("exec", text, error.errno) from error
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


def _forward(send: Any) -> None:
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
    first = os.fork()
    if first == 0:
        os._exit(_guarded(status, lambda: _first_process(spec, kernel, status)))
    os.close(status)
    _forward(lambda number: os.kill(first, number))
    _, ended = os.waitpid(first, 0)
    return _pass_on(ended)


def _first_process(spec: dict[str, Any], kernel: Kernel, status: int) -> int:
    kernel.die_with_parent(0)  # the parent has no number in this namespace
    root = Root(kernel, spec["root"])
    root.build()
    for mount in spec["mounts"]:
        root.add(mount)
    kernel.enter_root(spec["root"])
    os.makedirs(spec["cwd"], exist_ok=True)
    # Signals that come before the container exists wait for its number.
    signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED_SIGNALS)
    main = os.fork()
    if main == 0:
        os.setsid()
        os._exit(_guarded(status, lambda: _execute(spec)))
    os.close(status)
    _forward(lambda number: os.killpg(main, number))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED_SIGNALS)
    while True:
        pid, ended = os.wait()
        if pid == main:
            return _pass_on(ended)


def _guarded(status: int, body: Any) -> int:
    try:
        return int(body() or 0)
    except (LaunchError, OSError) as error:
        _report(status, error)
        return 128


def main() -> int:
    spec_fd, status = int(sys.argv[1]), int(sys.argv[2])
    os.set_inheritable(status, False)
    with os.fdopen(spec_fd, "rb") as file:
        spec = json.load(file)

    def body() -> int:
        if not sys.platform.startswith("linux"):
            _execute(spec)
        kernel = Kernel()
        kernel.die_with_parent(spec["parent"])
        if not spec["root"]:
            _execute(spec)
        return _run_in_namespaces(spec, kernel, status)

    return _guarded(status, body)


if __name__ == "__main__":
    os._exit(main())
