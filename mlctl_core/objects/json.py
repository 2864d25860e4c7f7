"""JSON as it comes and goes: the alias for an object, and the error for bytes that are not one."""

from __future__ import annotations

from typing import Any, TypeAlias

__all__ = ["DecodeError", "Json"]

Json: TypeAlias = dict[str, Any]
"""A JSON object: keys in the server's spelling (camelCase), values None, bool, int, float, str,
list or Json."""


class DecodeError(ValueError):
    """Bytes are not JSON, or not of the shape that was asked for.

    The message names the JSON path where they part from it: ``$.spec.size: expected str, got int``.
    """
