from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from mlctl_core.embedded.node.container_log import MAX_LINE_BYTES, ContainerLog
from mlctl_core.embedded.node.log_reader import LogOptions, parse_options, read_log, tail_text
from mlctl_core.testing.clock import VirtualClock

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def clock():
    return VirtualClock(NOW)


@pytest.fixture
def log(tmp_path, clock):
    log = ContainerLog(tmp_path / "main" / "0.log", clock)
    yield log
    log.close()


async def read(log, live=None, **options):
    return b"".join([block async for block in read_log(log.path, LogOptions(**options), live)])


def write_lines(log, *lines, stream="stdout"):
    for line in lines:
        log.write(stream, line.encode() + b"\n")


async def test_lines_are_stored_with_their_time_and_stream(log):
    log.write("stdout", b"hel")
    log.write("stderr", b"oops\n")
    log.write("stdout", b"lo\n")

    assert log.path.read_bytes() == (
        b"2026-01-01T00:00:00.000000000Z stderr F oops\n"
        b"2026-01-01T00:00:00.000000000Z stdout F hello\n"
    )


async def test_what_has_no_newline_at_the_end_is_kept_and_none_is_invented(log):
    log.write("stdout", b"progress 50%")
    log.close()

    assert await read(log) == b"progress 50%"


async def test_a_long_line_is_stored_in_parts_and_read_as_one(log):
    text = b"x" * (2 * MAX_LINE_BYTES + 5)
    log.write("stdout", text[:-1])
    log.write("stdout", text[-1:] + b"\nnext\n")
    parts = log.path.read_bytes().splitlines()

    assert [line.split(b" ")[2] for line in parts] == [b"P", b"P", b"F", b"F"]
    assert await read(log) == text + b"\nnext\n"


async def test_output_that_is_not_text_passes_unchanged(log):
    log.write("stdout", b"\xff\x00 \r\n\n")

    assert await read(log) == b"\xff\x00 \r\n\n"


async def test_timestamps_come_before_each_line(log):
    write_lines(log, "a", "b")

    assert await read(log, timestamps=True) == (
        b"2026-01-01T00:00:00.000000000Z a\n2026-01-01T00:00:00.000000000Z b\n"
    )


@pytest.mark.parametrize(
    ("tail", "expected"),
    [(0, b""), (1, b"c\n"), (2, b"b\nc\n"), (3, b"a\nb\nc\n"), (9, b"a\nb\nc\n")],
)
async def test_tail_counts_lines_from_the_end(log, tail, expected):
    write_lines(log, "a", "b", "c")

    assert await read(log, tail_lines=tail) == expected


async def test_tail_of_a_log_larger_than_what_is_read_at_once(log):
    write_lines(log, *(f"line {number}" for number in range(5000)))
    found = await read(log, tail_lines=3000)

    assert found.splitlines() == [f"line {n}".encode() for n in range(2000, 5000)]


async def test_since_leaves_out_what_is_older(log, clock):
    write_lines(log, "old")
    await clock.advance(10)
    write_lines(log, "new")

    assert await read(log, since=datetime(2026, 1, 1, 0, 0, 5, tzinfo=UTC)) == b"new\n"


async def test_limit_bytes_cuts_the_output(log):
    write_lines(log, "abc", "def")

    assert await read(log, limit_bytes=5) == b"abc\nd"


async def test_one_stream_can_be_asked_for(log):
    write_lines(log, "out")
    write_lines(log, "err", stream="stderr")

    assert await read(log, stream="stderr") == b"err\n"


async def test_a_follower_gets_what_is_there_and_what_comes_until_the_end(log):
    write_lines(log, "a")
    follower = asyncio.create_task(read(log, log, follow=True))
    await asyncio.sleep(0)
    write_lines(log, "b")
    await asyncio.sleep(0)
    write_lines(log, "c")
    assert not follower.done()
    log.close()

    assert await follower == b"a\nb\nc\n"


async def test_a_follower_of_a_log_that_has_ended_ends(log):
    write_lines(log, "a")
    log.close()

    assert await read(log, log, follow=True) == b"a\n"


async def test_without_follow_a_live_log_is_read_to_where_it_is(log):
    write_lines(log, "a")

    assert await read(log, log) == b"a\n"


async def test_a_log_stays_within_two_files_and_keeps_the_latest(tmp_path, clock):
    log = ContainerLog(tmp_path / "0.log", clock, max_file_bytes=1000)
    write_lines(log, *(f"line {number}" for number in range(200)))
    log.close()
    lines = (await read(log)).decode().splitlines()

    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 2000
    assert lines[-1] == "line 199"
    assert lines == [f"line {n}" for n in range(200 - len(lines), 200)]
    assert await read(log, tail_lines=25) == b"".join(b"line %d\n" % n for n in range(175, 200))


async def test_a_follower_goes_on_in_the_next_file(tmp_path, clock):
    log = ContainerLog(tmp_path / "0.log", clock, max_file_bytes=200)
    follower = asyncio.create_task(read(log, log, follow=True))
    for number in range(50):
        write_lines(log, f"line {number}")
        for _ in range(5):
            await asyncio.sleep(0)
    log.close()

    assert await follower == b"".join(b"line %d\n" % n for n in range(50))


async def test_the_tail_as_a_message_is_bounded_in_lines_and_bytes(log):
    write_lines(log, *(f"line {number}" for number in range(100)))

    assert tail_text(log.path, max_bytes=2048, max_lines=2) == "line 98\nline 99\n"
    assert tail_text(log.path, max_bytes=4, max_lines=80) == " 99\n"


def test_the_query_of_kubectl_logs_is_understood():
    query = {
        "follow": "true",
        "previous": "1",
        "timestamps": "false",
        "tailLines": "5",
        "limitBytes": "100",
        "sinceSeconds": "60",
        "stream": "Stderr",
    }

    assert parse_options(query, NOW) == LogOptions(
        follow=True,
        previous=True,
        tail_lines=5,
        limit_bytes=100,
        since=datetime(2025, 12, 31, 23, 59, tzinfo=UTC),
        stream="stderr",
    )
    assert parse_options({"sinceTime": "2026-01-01T00:00:00Z", "stream": "All"}, NOW) == (
        LogOptions(since=NOW)
    )


@pytest.mark.parametrize("query", [{"tailLines": "-1"}, {"limitBytes": "x"}, {"sinceTime": "now"}])
def test_a_query_that_makes_no_sense_is_refused(query):
    with pytest.raises(ValueError, match=r"."):
        parse_options(query, NOW)
