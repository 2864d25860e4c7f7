"""Finds out once whether this host lets containers have roots of their own."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import structlog

from mlctl_core.embedded.node.container_log import ContainerLog
from mlctl_core.embedded.node.process import LaunchFailedError, LaunchSpec, Mount, start_process

if TYPE_CHECKING:
    from pathlib import Path

    from mlctl_core.clock import Clock

__all__ = ["find_root"]

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
        process = await start_process(spec, ContainerLog(directory / "probe.log", clock), clock)
    except LaunchFailedError as error:
        _log.info("no mount namespaces on this host: paths are rewritten", error=str(error))
        return None
    return root if await process.wait() == 0 else None
