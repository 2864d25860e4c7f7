"""Paths of the container replaced by paths of the host, where there is no mount namespace.

Pure. A best effort for laptops: whatever names a mount path in the command, the arguments or
the environment finds the volume's directory; a path that a program has built in does not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["path_rewriter"]

# A path ends where a character follows that could not continue its last component.
_BEFORE = r"(?<![\w./-])"
_AFTER = r"(?![\w.-])"


def path_rewriter(paths: Mapping[str, str]) -> Callable[[str], str]:
    """A function that replaces each path of the container by the host's.

    ``/mlctl/code`` is replaced in ``/mlctl/code/train.py`` and ``a:/mlctl/code``, and not in
    ``/mlctl/codex`` or ``/x/mlctl/code``. The longest path wins.
    """
    found = {path.rstrip("/"): target for path, target in paths.items() if path.rstrip("/")}
    if not found:
        return lambda text: text
    longest_first = sorted(found, key=len, reverse=True)
    pattern = re.compile(_BEFORE + f"({'|'.join(map(re.escape, longest_first))})" + _AFTER)
    return lambda text: pattern.sub(lambda match: found[match[1]], text)
