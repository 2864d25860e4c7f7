"""Layers of an image: parts of a root file system as compressed tar files.

The same files give the same bytes: entries are sorted, belong to root, and carry one time.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

# The slowest: an image is made once and pulled often.
_LEVEL = 9


@dataclass(frozen=True)
class Layer:
    """One layer."""

    comment: str
    """What is in it, for the image's history."""
    compressed: bytes
    diff_id: str
    """Digest of the tar file before it was compressed."""


def layers(
    root: Path, parts: Sequence[tuple[str, Callable[[str], bool]]], epoch: int
) -> list[Layer]:
    """Divide a root file system.

    Args:
        root: the file system.
        parts: what each layer is about, and whether a path, ``usr/local/bin``, belongs to it;
            the first that says yes gets it.
        epoch: the time that every entry gets, in seconds since 1970.
    """
    entries: list[list[Path]] = [[] for _ in parts]
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        index = next(i for i, (_, belongs) in enumerate(parts) if belongs(name))
        entries[index].append(path)
    return [
        _layer(comment, root, paths, epoch)
        for (comment, _), paths in zip(parts, entries, strict=True)
    ]


def _layer(comment: str, root: Path, paths: Sequence[Path], epoch: int) -> Layer:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path in paths:
            _add(archive, root, path, epoch)
    tar = buffer.getvalue()
    # A name or a time in the header of the compressed file would be that of its making.
    compressed = gzip.compress(tar, compresslevel=_LEVEL, mtime=0)
    return Layer(comment, compressed, f"sha256:{hashlib.sha256(tar).hexdigest()}")


def _add(archive: tarfile.TarFile, root: Path, path: Path, epoch: int) -> None:
    entry = tarfile.TarInfo(path.relative_to(root).as_posix())
    entry.mtime = epoch
    mode = path.lstat().st_mode
    if path.is_symlink():
        entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, str(path.readlink()), 0o777
        archive.addfile(entry)
    elif path.is_dir():
        # The sticky bit of /tmp is meant, whatever the umask was is not.
        entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if mode & 0o1000 else 0o755
        archive.addfile(entry)
    else:
        entry.size, entry.mode = path.stat().st_size, 0o755 if mode & 0o100 else 0o644
        with path.open("rb") as file:
            archive.addfile(entry, file)
