"""The shared libraries that the programs and extensions of a root file system need.

They are put where the C library itself is, which the loader searches without being told to, so
that neither a cache of the loader nor a variable is needed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ELF = b"\x7fELF"
_RESOLVED = re.compile(r"^\s*(?:(\S+) => )?(/\S+) \(0x[0-9a-f]+\)$")
_MISSING = re.compile(r"^\s*(\S+) => not found$")
_C_LIBRARY = "libc.so.6"


class NotFoundError(Exception):
    """A shared library that is needed is not on this machine."""


def require_linux() -> None:
    """Say at once that nothing can come of it elsewhere.

    Raises:
        NotFoundError: this is another system, or the program that lists libraries is missing.
    """
    if sys.platform != "linux" or shutil.which("ldd") is None:
        raise NotFoundError(f"{_C_LIBRARY}: images are made on Linux with glibc only")


def complete(root: Path) -> None:
    """Copy what is needed from this machine into ``root``.

    Raises:
        NotFoundError: a library is missing, or this machine's C library is not glibc.
    """
    needed: dict[str, str] = {}
    for path in _elf_files(root):
        needed |= _needed(path, root)
    if _C_LIBRARY not in needed:
        raise NotFoundError(f"{_C_LIBRARY}: images are made on Linux with glibc only")
    folder = needed[_C_LIBRARY].rpartition("/")[0]
    for name, path in sorted(needed.items()):
        # The loader stands where the programs say it does; it is the one without a name.
        target = root / (path if name == path else f"{folder}/{name}").lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        target.chmod(0o755)


def _elf_files(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                if file.read(len(_ELF)) == _ELF:
                    yield path


def _needed(path: Path, root: Path) -> dict[str, str]:
    """The paths on this machine of the libraries that a file needs, by their names.

    What a package brings along for its own extensions is in the root already.
    """
    listed = subprocess.run(["ldd", str(path)], capture_output=True, text=True, check=False)
    found = {}
    for line in listed.stdout.splitlines():
        if missing := _MISSING.match(line):
            raise NotFoundError(f"{path.relative_to(root)} needs {missing[1]}, which is not here")
        resolved = _RESOLVED.match(line)
        if resolved and not resolved[2].startswith(f"{root}/"):
            found[resolved[1] or resolved[2]] = resolved[2]
    return found
