"""Times in the two spellings Kubernetes uses, both RFC 3339.

``metav1.Time`` has whole seconds (object metadata, conditions, pod status), ``metav1.MicroTime``
six digits of them (leases, events). Both are written in UTC with a ``Z``. Nothing here reads a
clock.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

__all__ = ["format_micro_time", "format_time", "parse_time"]

# Stricter than datetime.fromisoformat, which also takes week dates, bare dates and local times.
_RFC3339 = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})",
    re.ASCII,
)


def format_time(moment: datetime) -> str:
    """Write `moment` as metav1.Time: ``2026-01-01T00:00:00Z``, fractions of a second cut off.

    Raises:
        ValueError: `moment` has no time zone.
    """
    return _utc(moment).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_micro_time(moment: datetime) -> str:
    """Write `moment` as metav1.MicroTime: ``2026-01-01T00:00:00.000000Z``.

    Raises:
        ValueError: `moment` has no time zone.
    """
    return _utc(moment).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> datetime:
    """Read either spelling, with any offset; the result is in UTC.

    Digits beyond microseconds are cut off.

    Raises:
        ValueError: `text` is not RFC 3339 with an offset.
    """
    if not _RFC3339.fullmatch(text):
        raise ValueError(f"{text!r} is not an RFC 3339 time such as 2026-01-01T00:00:00Z")
    return datetime.fromisoformat(text.upper()).astimezone(UTC)


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a time without a time zone cannot be written: it may mean any moment")
    return moment.astimezone(UTC)
