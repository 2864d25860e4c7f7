"""Spans of time as kubectl shows them: `42s`, `5m10s`, `3h`, `2d4h`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlctl_core.objects.times import parse_time

if TYPE_CHECKING:
    from datetime import datetime

UNKNOWN: Final = "<unknown>"
INVALID: Final = "<invalid>"

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_YEAR: Final = 365 * _DAY

# Up to which span each form is used (`apimachinery/pkg/util/duration`).
_SECONDS_BELOW: Final = 2 * _MINUTE
_MINUTES_AND_SECONDS_BELOW: Final = 10 * _MINUTE
_MINUTES_BELOW: Final = 3 * _HOUR
_HOURS_AND_MINUTES_BELOW: Final = 8 * _HOUR
_HOURS_BELOW: Final = 2 * _DAY
_DAYS_AND_HOURS_BELOW: Final = 8 * _DAY
_DAYS_BELOW: Final = 2 * _YEAR
_YEARS_AND_DAYS_BELOW: Final = 8 * _YEAR


def human_duration(seconds: float) -> str:
    """The span with two or three digits of precision.

    Clocks differ: a second into the future is shown as now, more as invalid.
    """
    whole = int(seconds)
    if whole < -1:
        return INVALID
    if whole < 0:
        return "0s"
    forms = (
        (_SECONDS_BELOW, (1, "s"), None),
        (_MINUTES_AND_SECONDS_BELOW, (_MINUTE, "m"), (1, "s")),
        (_MINUTES_BELOW, (_MINUTE, "m"), None),
        (_HOURS_AND_MINUTES_BELOW, (_HOUR, "h"), (_MINUTE, "m")),
        (_HOURS_BELOW, (_HOUR, "h"), None),
        (_DAYS_AND_HOURS_BELOW, (_DAY, "d"), (_HOUR, "h")),
        (_DAYS_BELOW, (_DAY, "d"), None),
        (_YEARS_AND_DAYS_BELOW, (_YEAR, "y"), (_DAY, "d")),
    )
    for below, (size, unit), finer in forms:
        if whole >= below:
            continue
        text = f"{whole // size}{unit}"
        if finer and (rest := whole % size // finer[0]):
            text += f"{rest}{finer[1]}"
        return text
    return f"{whole // _YEAR}y"


def since(timestamp: str | None, now: datetime) -> str:
    """How long ago a time was; `<unknown>` when there is none."""
    if not timestamp:
        return UNKNOWN
    try:
        then = parse_time(timestamp)
    except ValueError:
        return INVALID
    return human_duration((now - then).total_seconds())
