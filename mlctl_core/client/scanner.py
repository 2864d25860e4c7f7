"""JSON taken apart one level deep without recursion, for what is nested too deeply to decode.

A recursive decoder gives up at about a thousand levels. This one counts brackets outside
strings, in Python, at a hundredth of the speed: for the rare object only. It does not check
what lies inside the values it hands out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["elements", "members"]

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},:]', re.DOTALL)
_STRING = re.compile(rb'\s*"((?:[^"\\]|\\.)*)"\s*', re.DOTALL)


def members(raw: bytes) -> dict[bytes, bytes]:
    """The members of a JSON object: keys as they are escaped, values as bytes.

    Raises:
        ValueError: it is not an object.
    """
    found: dict[bytes, bytes] = {}
    for part in _parts(raw, b"{", b"}"):
        key = _STRING.match(part)
        if key is None or part[key.end() : key.end() + 1] != b":":
            raise ValueError("a member without a key")
        found[key[1]] = part[key.end() + 1 :].strip()
    return found


def elements(raw: bytes) -> list[bytes]:
    """The elements of a JSON array; none for null.

    Raises:
        ValueError: it is neither.
    """
    return [] if raw.strip() == b"null" else list(_parts(raw, b"[", b"]"))


def _parts(raw: bytes, opening: bytes, closing: bytes) -> Iterator[bytes]:
    """What stands between the outermost brackets, split at the commas of that level."""
    raw = raw.strip()
    if not (raw.startswith(opening) and raw.endswith(closing)):
        raise ValueError(f"not between {opening.decode()} and {closing.decode()}")
    depth, start = 0, 1
    for token in _TOKEN.finditer(raw):
        match token[0]:
            case b"{" | b"[":
                depth += 1
            case b"}" | b"]":
                depth -= 1
                if depth == 0 and token.end() != len(raw):
                    raise ValueError("something after the end")
            case b"," if depth == 1:
                yield raw[start : token.start()].strip()
                start = token.end()
    if depth != 0:
        raise ValueError("brackets do not match")
    if last := raw[start:-1].strip():
        yield last
