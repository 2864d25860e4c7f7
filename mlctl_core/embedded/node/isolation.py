"""Finds out once what this host lets containers have of their own: a root, and an address."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

import structlog

from mlctl_core.embedded.node.addresses import pod_address
from mlctl_core.embedded.node.container_log import ContainerLog
from mlctl_core.embedded.node.process import LaunchFailedError, LaunchSpec, Mount, start_process

if TYPE_CHECKING:
    from pathlib import Path

    from mlctl_core.clock import Clock

__all__ = ["find_root", "has_addresses"]

_NAME = "probe.mlctl.svc"
# As servers do it: a name of the hosts file, a thread that is not the first, the wildcard.
_PROBE = f"""
import socket, sys, threading
found = []
def listen():
    server = socket.create_server(("", int(sys.argv[1])))
    found.append(server.getsockname()[0] == socket.gethostbyname({_NAME!r}))
thread = threading.Thread(target=listen)
thread.start()
thread.join()
sys.exit(found != [True])
"""

_log = structlog.get_logger(__name__)


async def find_root(directory: Path, clock: Clock) -> Path | None:
    """An empty directory to build containers' roots in; None where paths must be rewritten.

    Tries the whole of it, not its parts: some systems allow a user namespace and refuse the
    mounts inside it.
    """
    if not sys.platform.startswith("linux"):
        return None
    root = directory / "root"
    volume = directory / "probe"
    root.mkdir(parents=True, exist_ok=True)
    volume.mkdir(exist_ok=True)
    spec = LaunchSpec(
        argv=["/bin/sh", "-c", "exit 0"],
        env={},
        cwd="/mlctl/probe",
        root=root,
        mounts=[Mount(volume, "/mlctl/probe", read_only=True)],
    )
    try:
        code = await _exit_code(spec, directory, clock)
    except LaunchFailedError as error:
        _log.info("no mount namespaces on this host: paths are rewritten", error=str(error))
        return None
    return root if code == 0 else None


async def has_addresses(root: Path, directory: Path, clock: Clock) -> bool:
    """Whether pods can have addresses and names of their own; they share the host's if not."""
    address = pod_address(str(directory))
    hosts = directory / "probe-hosts"
    hosts.write_text(f"{address}\t{_NAME}\n")
    with socket.socket() as free:
        free.bind((address, 0))
        port = free.getsockname()[1]
    spec = LaunchSpec(
        argv=[sys.executable, "-I", "-S", "-c", _PROBE, str(port)],
        env={},
        cwd="/",
        root=root,
        mounts=[Mount(hosts, "/etc/hosts", read_only=True)],
        hostname="probe",
        address=address,
    )
    reason = "names or addresses do not reach processes"
    try:
        if await _exit_code(spec, directory, clock) == 0:
            return True
    except LaunchFailedError as error:
        reason = str(error)
    _log.info("no addresses of their own for pods on this host: they share its own", error=reason)
    return False


async def _exit_code(spec: LaunchSpec, directory: Path, clock: Clock) -> int:
    process = await start_process(spec, ContainerLog(directory / "probe.log", clock), clock)
    return await process.wait()
