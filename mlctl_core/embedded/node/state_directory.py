"""A temporary directory for a node's files, that does not outlive its node by much.

It is removed when the node stops. A node that was killed leaves its directory behind; the next
node on the machine finds it by the process number in its name and removes it.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["state_directory"]

PREFIX = "mlctl-node-"

_NAME = re.compile(re.escape(PREFIX) + r"(\d+)-.*")


@contextmanager
def state_directory(parent: Path | None = None) -> Iterator[Path]:
    """A new directory, gone afterwards.

    Args:
        parent: where to make it; by default where temporary files go.
    """
    parent = Path(tempfile.gettempdir()) if parent is None else parent
    for left in parent.glob(f"{PREFIX}*"):
        found = _NAME.fullmatch(left.name)
        if found is not None and not _lives(int(found[1])):
            shutil.rmtree(left, ignore_errors=True)
    made = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=parent)
    try:
        yield Path(made)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True
