"""``$(VAR)`` in commands, arguments and variables, as Kubernetes expands it.

Pure. Rules: k8s.io/kubernetes ``third_party/forked/golang/expansion``: ``$(NAME)`` becomes the
value, ``$$`` becomes ``$`` (so ``$$(NAME)`` stays ``$(NAME)``), and a reference to a name that is
not there is left as it stands.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["expand"]

_REFERENCE = re.compile(r"\$\$|\$\(([^)]*)\)")


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replaces each ``$(NAME)`` whose name is known."""

    def replace(found: re.Match[str]) -> str:
        if found.group() == "$$":
            return "$"
        return variables.get(found[1], found.group())

    return _REFERENCE.sub(replace, text)
