"""Makes a root directory for one container out of the host's directories and its volumes.

Part of `launch`, and like it imports only what starts fast. Linux only.
"""
# Importing pathlib would cost each container some milliseconds.
# ruff: noqa: PTH102, PTH112, PTH115, PTH116, PTH120, PTH208, PTH211

from __future__ import annotations

import ctypes
import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "CLONE_NEWNS",
    "CLONE_NEWPID",
    "CLONE_NEWUSER",
    "CLONE_NEWUTS",
    "Kernel",
    "LaunchError",
    "Root",
]

# linux/sched.h, linux/mount.h, linux/prctl.h
CLONE_NEWNS, CLONE_NEWUTS = 0x00020000, 0x04000000
CLONE_NEWUSER, CLONE_NEWPID = 0x10000000, 0x20000000
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
        """Leaves the namespaces that the flags name for new ones."""
        self._check(self._libc.unshare(flags), "unshare")

    def mount(self, source: str, target: str, kind: str, flags: int, data: str = "") -> None:
        """Mounts; ``kind`` is empty for a bind mount or a change of flags."""
        result = self._libc.mount(
            source.encode(),
            target.encode(),
            kind.encode() or None,
            ctypes.c_ulong(flags),
            data.encode() or None,
        )
        self._check(result, target)

    def name_host(self, name: str) -> None:
        """Gives the machine another name, for this process's namespace."""
        encoded = name.encode()
        self._check(self._libc.sethostname(encoded, len(encoded)), "sethostname")

    def enter_root(self, root: str) -> None:
        """Makes ``root`` the root directory and lets go of the old one."""
        os.chdir(root)
        if self._libc.pivot_root(b".", b".") == 0:
            self._check(self._libc.umount2(b".", MNT_DETACH), "umount")
        else:  # the host runs from its initial RAM disk, which cannot be pivoted away
            os.chroot(".")
        os.chdir("/")

    def die_with_parent(self) -> None:
        """Asks for SIGKILL when the parent ends; look afterwards whether it still lives."""
        self._check(self._libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")


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
        """Mounts everything but the volumes. This process must be in a mount namespace."""
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
        shared_memory = self._base + "/dev/shm"  # noqa: S108 - the container's own
        os.mkdir(shared_memory)
        self._tmpfs(shared_memory, "mode=1777")
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
