"""Says what Go says of a time that it cannot parse."""

from __future__ import annotations

import re
from typing import Final

from mlctl_core.embedded.apiserver.field_errors import quote

_LAYOUT: Final = "2006-01-02T15:04:05Z07:00"

_PARTS: Final = (
    ("2006", r"[0-9]{4}"),
    ("-", "-"),
    ("01", r"(0[1-9]|1[0-2])"),
    ("-", "-"),
    ("02", r"(0[1-9]|[12][0-9]|3[01])"),
    ("T", "T"),
    ("15", r"([01][0-9]|2[0-3])"),
    (":", ":"),
    ("04", r"[0-5][0-9]"),
    (":", ":"),
    ("05", r"[0-5][0-9](\.[0-9]+)?"),
    ("Z07:00", r"(Z|[+-][0-9]{2}:[0-9]{2})"),
)
"""The layout's elements, as Go names them, and what each takes."""


def time_problem(text: str) -> str:
    """What is wrong with a time in the JSON of a built-in kind; empty when nothing is."""
    rest = text
    for element, pattern in _PARTS:
        found = re.match(pattern, rest)
        if found is None:
            return (
                f"parsing time {quote(text)} as {quote(_LAYOUT)}: "
                f"cannot parse {quote(rest)} as {quote(element)}"
            )
        rest = rest[found.end() :]
    return f"parsing time {quote(text)}: extra text: {quote(rest)}" if rest else ""
