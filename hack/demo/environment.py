"""The environment that an image name stands for on a laptop: a virtual environment, built once.

The environment is keyed by its lock file and the Python that builds it, and is kept outside
the tree, so that a second demo starts within seconds.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from hack.demo.processes import run_to_end

if TYPE_CHECKING:
    from collections.abc import Mapping

COMPLETE = ".complete"
WITHOUT_WHEELS = ("pyspark",)
"""Packages that come as source alone; to build one of these runs its own set-up."""


def cache_directory() -> Path:
    """Return the folder that is kept between runs: `MLCTL_CACHE`, else the XDG cache."""
    if override := os.environ.get("MLCTL_CACHE"):
        return Path(override)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "mlctl"


async def framework_environment(name: str, lock: Path) -> Path:
    """Return a virtual environment that holds what the lock file says, built if need be.

    Raises:
        ProcessFailedError: a package cannot be installed.
    """
    key = hashlib.sha256(lock.read_bytes() + sys.version.encode() + sys.prefix.encode())
    root = cache_directory() / "environments" / f"{name}-{key.hexdigest()[:12]}"
    if (root / COMPLETE).exists():
        return root
    # A build that was interrupted is begun afresh: half an environment fails in odd ways.
    await run_to_end(sys.executable, "-m", "venv", "--clear", str(root))
    await run_to_end(
        *(str(root / "bin" / "python"), "-m", "pip", "install", "--quiet"),
        *("--disable-pip-version-check", "--only-binary", ":all:"),
        *("--no-binary", ",".join(WITHOUT_WHEELS)),
        *("--require-hashes", "-r", str(lock)),
    )
    (root / COMPLETE).touch()
    return root


def write_images(path: Path, images: Mapping[str, Path | None]) -> None:
    """Write the file that maps image names to local environments; None: this machine's programs.

    All of them share one wheel cache, as the pods of a node would.
    """
    wheels = cache_directory() / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    # TensorFlow's own notes on what this machine's processor could do are no news here.
    env = {"PIP_CACHE_DIR": str(wheels), "TF_CPP_MIN_LOG_LEVEL": "2"}
    entries: dict[str, object] = {
        name: {"env": env, **({} if environment is None else {"path": str(environment)})}
        for name, environment in images.items()
    }
    path.write_text(yaml.safe_dump(entries))
