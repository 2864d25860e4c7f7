"""What is wrong with a text that is no JSON, in the words of Go's decoder.

People search for these messages, and a client's own encoder is what they tell about.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import json

_STRING = re.compile(r'"(?:\\.|[^"\\])*"')
_LITERALS = ("true", "false", "null")
_SHOWN_BYTES = 200


def syntax_error(text: str, error: json.JSONDecodeError) -> str:
    """Say which character stood where another was due."""
    position = error.pos
    if error.msg.startswith("Unterminated string") or not text[position:].strip():
        return "unexpected end of JSON input"
    rest = text[position:].lstrip()
    for literal in _LITERALS:
        length = _common(rest, literal)
        if length:
            if length == len(rest):
                return "unexpected end of JSON input"
            expected = f"in literal {literal} (expecting '{literal[length]}')"
            return f"invalid character {_quoted(rest[length])} {expected}"
    return f"invalid character {_quoted(rest[0])} {_place(text, position, error.msg)}"


def _place(text: str, position: int, message: str) -> str:
    if message.startswith("Expecting property name"):
        return "looking for beginning of object key string"
    if message.startswith("Expecting ':'"):
        return "after object key"
    if message.startswith("Expecting ','"):
        before = _STRING.sub("", text[:position])
        return "after array element" if _in_list(before) else "after object key:value pair"
    if message.startswith("Extra data"):
        return "after top-level value"
    if message.startswith("Invalid control character"):
        return "in string literal"
    if message.startswith("Invalid \\escape"):
        return "in string escape code"
    return "looking for beginning of value"


def _in_list(before: str) -> bool:
    open_ = []
    for character in before:
        if character in "[{":
            open_.append(character)
        elif character in "]}" and open_:
            open_.pop()
    return bool(open_) and open_[-1] == "["


def _common(text: str, literal: str) -> int:
    length = 0
    while length < min(len(text), len(literal)) and text[length] == literal[length]:
        length += 1
    return length


def _quoted(character: str) -> str:
    known = {"'": "'\\''", '"': "'\"'", "\n": "'\\n'", "\t": "'\\t'"}.get(character)
    if known:
        return known
    if character.isprintable():
        return f"'{character}'"
    return f"'\\x{ord(character):02x}'" if character.isascii() else f"'\\u{ord(character):04x}'"


def shown(raw: bytes) -> str:
    """The beginning of a body as errors show it: objects as text, what looks like none as hex."""
    if not raw:
        return "<empty>"
    head = raw[:_SHOWN_BYTES]
    return head.decode(errors="replace") if raw.startswith(b"{") else head.hex()
