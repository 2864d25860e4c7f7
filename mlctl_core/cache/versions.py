"""Comparing resourceVersions, which are numbers by promise only since Kubernetes 1.35 (KEP-5504).

Promises that what cannot be compared is never called older: a cache that drops an event because
it could not read its version is worse than one that takes an old event in.
"""

from __future__ import annotations

__all__ = ["is_older"]


def is_older(version: str, than: str) -> bool:
    """Whether ``version`` is certainly older than ``than``; both of one kind."""
    if not (version.isdecimal() and than.isdecimal()):
        return False
    return int(version) < int(than)
