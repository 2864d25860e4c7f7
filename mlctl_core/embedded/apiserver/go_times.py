"""Says what Go says of a time that it cannot parse."""

from __future__ import annotations

import re
from typing import Final

from mlctl_core.embedded.apiserver.field_errors import quote

_LAYOUT: Final = "2006-01-02T15:04:05Z07:00"
_MICRO_LAYOUT: Final = "2006-01-02T15:04:05.000000Z07:00"
_MICRO_FIELDS: Final = frozenset({"acquireTime", "eventTime", "lastObservedTime", "renewTime"})
"""Fields of the type MicroTime, which has six digits after the point, no more and no less."""

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


_MICRO_PARTS: Final = (*_PARTS[:-2], ("05", r"[0-5][0-9]"), (".000000", r"\.[0-9]{6}"), _PARTS[-1])


def time_problem(text: str, field: str = "") -> str:
    """What is wrong with a time in the JSON of a built-in kind; empty when nothing is."""
    rest = text
    is_micro = field in _MICRO_FIELDS
    layout = _MICRO_LAYOUT if is_micro else _LAYOUT
    for element, pattern in _MICRO_PARTS if is_micro else _PARTS:
        found = re.match(pattern, rest)
        if found is None:
            return (
                f"parsing time {quote(text)} as {quote(layout)}: "
                f"cannot parse {quote(rest)} as {quote(element)}"
            )
        rest = rest[found.end() :]
    return f"parsing time {quote(text)}: extra text: {quote(rest)}" if rest else ""
