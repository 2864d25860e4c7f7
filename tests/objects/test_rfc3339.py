from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from mlctl_core.objects.times import format_micro_time, format_time, parse_time

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def test_a_time_is_written_in_whole_seconds_and_utc():
    assert format_time(MOMENT) == "2026-01-02T03:04:05Z"
    abroad = MOMENT.astimezone(timezone(timedelta(hours=-5)))
    assert format_time(abroad) == "2026-01-02T03:04:05Z"


def test_a_micro_time_always_has_six_digits():
    assert format_micro_time(MOMENT) == "2026-01-02T03:04:05.678901Z"
    assert format_micro_time(MOMENT.replace(microsecond=0)) == "2026-01-02T03:04:05.000000Z"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-02T03:04:05Z", MOMENT.replace(microsecond=0)),
        ("2026-01-02T03:04:05.678901Z", MOMENT),
        ("2026-01-02T03:04:05.678901234Z", MOMENT),
        ("2026-01-02T05:04:05+02:00", MOMENT.replace(microsecond=0)),
        ("2026-01-02t03:04:05z", MOMENT.replace(microsecond=0)),
    ],
)
def test_a_time_is_read_into_utc(text, moment):
    assert parse_time(text) == moment
    assert parse_time(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    ["", "2026-01-02", "2026-01-02T03:04:05", "2026-W01-1T00:00:00Z", "2026-13-01T00:00:00Z"],
)
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(ValueError, match=r"RFC 3339|month"):
        parse_time(text)


def test_a_local_time_is_not_written():
    with pytest.raises(ValueError, match="time zone"):
        format_time(datetime(2026, 1, 1))  # noqa: DTZ001
