"""Runs a program in a root file system as a cluster would, without a container engine.

Promises what a pod of the manager has: the image's user without any capability, a process
namespace of its own in which the program is process 1, a root that is read-only, small empty
/tmp and /run, and only the variables that are given. Does not promise isolation: the network,
the devices and the kernel's limits are those of this machine.

Needs Linux and util-linux, and root or a kernel that lets everyone make user namespaces; in
these the user has the image's number on the inside only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from hack.image.contents import USER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_NAMESPACES = ("--mount", "--propagation=private", "--pid", "--fork", "--kill-child")
# What a manifest gives as an emptyDir.
_TMP_SIZE = "16m"
# $0 is the root; then come pairs of a folder and where it is seen, --, and what to run. The
# kernel lets only those mount /proc who see all of it; whoever does not makes do without.
_SCRIPT = f"""
set -e
mount --bind "$0" "$0"
mount -t proc proc "$0/proc" || echo "without /proc" >&2
mount --rbind /dev "$0/dev"
mount -t tmpfs -o size={_TMP_SIZE},mode=1777 tmpfs "$0/tmp"
mount -t tmpfs -o size={_TMP_SIZE},mode=755 tmpfs "$0/run"
while [ "$1" != -- ]; do
  mkdir -p "$0$2"
  mount --bind "$1" "$0$2"
  mount -o remount,bind,ro "$0$2"
  shift 2
done
shift
mount -o remount,bind,ro "$0"
exec "$@"
"""


class RefusedError(Exception):
    """This machine does not let us run anything so; the message says why."""


def command(
    root: Path,
    program: Sequence[str],
    environment: Mapping[str, str],
    mounts: Mapping[str, Path] | None = None,
) -> list[str]:
    """Return what to start instead of the program.

    SIGTERM does not reach the program through the process that is started: see `inner`.

    Args:
        root: the unpacked layers.
        program: with a path that is absolute in the root, and arguments.
        environment: its variables, and all that it has.
        mounts: folders of this machine by where they are seen, read-only, below /tmp or /run.
    """
    private = os.geteuid() == 0
    outer = ["unshare", *(() if private else ("--user", "--map-root-user")), *_NAMESPACES]
    pairs = [text for seen, folder in (mounts or {}).items() for text in (str(folder), seen)]
    variables = [f"{name}={value}" for name, value in environment.items()]
    if private:
        ids = f"{USER}:{USER}"
        inner = [_find("chroot"), f"--userspec={ids}", f"--groups={USER}", str(root)]
    else:
        ids = (f"--map-user={USER}", f"--map-group={USER}")
        inner = [_find("unshare"), "--user", *ids, f"--root={root}"]
    script = ["sh", "-c", _SCRIPT, str(root), *pairs, "--"]
    return [*outer, *script, _find("env"), "-i", *variables, *inner, *program]


def refusal(root: Path, program: Sequence[str], environment: Mapping[str, str]) -> str | None:
    """Why nothing can be run so on this machine, by trying; None if it can."""
    try:
        started = command(root, program, environment)
        done = subprocess.run(started, capture_output=True, text=True, check=False)
    except (RefusedError, OSError) as error:
        return str(error)
    return None if done.returncode == 0 else f"{done.returncode}: {done.stderr.strip()}"


def inner(process_id: int) -> int:
    """The program's id on this machine, by that of the process that was started."""
    children = f"/proc/{process_id}/task/{process_id}/children"
    with open(children, encoding="ascii") as file:  # noqa: PTH123 - no file that one has
        [child] = file.read().split()
    return int(child)


def _find(name: str) -> str:
    """The full path: with the program's own PATH nothing of this machine is found."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/bin:/bin")
    if path is None:
        raise RefusedError(f"{name} is not installed")
    return path
