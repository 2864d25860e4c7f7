"""The command line of `hack.image`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from hack.image import archive, contents, libraries
from hack.image.layers import layers

REPOSITORY = "mlctl.local/manager"
# The first time that every file format can tell.
DEFAULT_EPOCH = 315_532_800
MEGABYTE = 1_000_000
# What changes often comes last, so that a new release shares the rest with the one before.
PARTS = (
    ("dependencies", lambda name: name.startswith(contents.PACKAGES.as_posix())),
    ("application", lambda name: name.startswith(contents.APPLICATION.as_posix())),
    ("interpreter", lambda _name: True),
)
ORDER = ("interpreter", "dependencies", "application")


def main() -> int:
    """Write what is asked for; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m hack.image", description="Build the image.")
    parser.add_argument("--archive", type=Path, help="write the image as a tar file")
    parser.add_argument("--root", type=Path, help="write its root file system to a new directory")
    args = parser.parse_args()
    if (args.archive is None) == (args.root is None):
        parser.error("give --archive or --root")
    try:
        libraries.require_linux()
        if args.root is not None:
            args.root.mkdir(parents=True)
            contents.write(args.root.resolve())
        else:
            print(build(args.archive))
    except (libraries.NotFoundError, subprocess.CalledProcessError, FileExistsError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def build(path: Path) -> str:
    """Write the archive; returns what to tell about it."""
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH", DEFAULT_EPOCH))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve() / "root"
        root.mkdir()
        contents.write(root)
        made = {layer.comment: layer for layer in layers(root, PARTS, epoch)}
    ordered = [made[comment] for comment in ORDER]
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = archive.write(path, name(), ordered, epoch)
    sizes = ", ".join(f"{_megabytes(len(layer.compressed))} {layer.comment}" for layer in ordered)
    return f"{path}: {name()}@{digest}\n{_megabytes(path.stat().st_size)} compressed: {sizes}"


def name() -> str:
    """The image's name with its tag, which is the project's version."""
    project = tomllib.loads((contents.PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    return f"{REPOSITORY}:{project['version']}"


def _megabytes(size: int) -> str:
    return f"{size / MEGABYTE:.1f} MB"


if __name__ == "__main__":
    sys.exit(main())
