"""Reads whose keys a keytab holds, and never the keys.

MIT's file format (also Heimdal's and Java's), version 2: 0x05 0x02, then entries, each after its
length in four bytes; a negative length is a hole that a deleted entry left. All numbers are
big-endian. https://web.mit.edu/kerberos/krb5-latest/doc/formats/keytab_file_format.html
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAGIC = b"\x05"
_VERSION_2 = b"\x05\x02"


class KeytabError(ValueError):
    """This is no keytab; the message says why and quotes nothing of it."""


def principals(content: bytes) -> frozenset[str]:
    """The principals that have a key: ``alice@EXAMPLE.ORG``, ``hdfs/host@EXAMPLE.ORG``.

    Raises:
        KeytabError: the content is no keytab of version 2, or is cut off.
    """
    if not content:
        raise KeytabError("it is empty")
    if content[:2] != _VERSION_2:
        known = content[:1] == _MAGIC
        raise KeytabError("it has an old format: write it anew" if known else "it is no keytab")
    try:
        return frozenset(_principal(entry) for entry in _entries(content))
    except struct.error:
        raise KeytabError("it is cut off") from None


def _entries(content: bytes) -> Iterator[bytes]:
    at = len(_VERSION_2)
    while at < len(content):
        (size,) = struct.unpack_from(">i", content, at)
        at += 4
        if size == 0:
            return
        if at + abs(size) > len(content):
            raise KeytabError("it is cut off")
        if size > 0:
            yield content[at : at + size]
        at += abs(size)


def _principal(entry: bytes) -> str:
    (count,) = struct.unpack_from(">H", entry)
    realm, at = _text(entry, 2)
    components = []
    for _ in range(count):
        component, at = _text(entry, at)
        components.append(component)
    return f"{'/'.join(components)}@{realm}"


def _text(entry: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from(">H", entry, at)
    end = at + 2 + length
    if end > len(entry):
        raise KeytabError("it is cut off")
    return entry[at + 2 : end].decode(errors="replace"), end
