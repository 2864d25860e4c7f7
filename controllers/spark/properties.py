"""The text of spark.properties: settings as ``java.util.Properties`` reads them.

Promises that what Java reads back is what went in, to the character, whatever a user wrote; and
the same text for the same settings, so that a ConfigMap changes only when they do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAMED = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f"}
_SEPARATORS = "=:#!"
"""What ends a key, or makes a line a comment. Spark escapes them in values, too."""
_PRINTABLE = range(0x20, 0x7F)


def text(settings: Mapping[str, str]) -> str:
    """The settings in the order of their keys, a line each."""
    lines = (f"{_escaped(key, key=True)}={_escaped(settings[key])}\n" for key in sorted(settings))
    return "".join(lines)


def _escaped(value: str, *, key: bool = False) -> str:
    """Only ASCII: whether a reader takes the file for Latin-1 or UTF-8 depends on its version."""
    written: list[str] = []
    for position, character in enumerate(value):
        if character in _NAMED:
            written.append(_NAMED[character])
        elif character in _SEPARATORS or (character == " " and (key or position == 0)):
            written.append(f"\\{character}")
        elif ord(character) in _PRINTABLE:
            written.append(character)
        else:
            written += (f"\\u{unit:04X}" for unit in _utf16(character))
    return "".join(written)


def _utf16(character: str) -> tuple[int, ...]:
    encoded = character.encode("utf-16-be", "surrogatepass")
    return tuple(int.from_bytes(encoded[at : at + 2]) for at in range(0, len(encoded), 2))
