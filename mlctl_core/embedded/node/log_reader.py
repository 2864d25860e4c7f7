"""Reads logs back with the options of ``kubectl logs``.

Promises the kubelet's rules: ``tailLines`` counts stored lines from the end, ``sinceSeconds``
and ``sinceTime`` compare the stored times, ``limitBytes`` cuts the output, ``follow`` goes on
until the container has ended and everything has been read.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, BinaryIO

import attrs

from mlctl_core.objects.times import parse_time

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping
    from pathlib import Path

    from mlctl_core.embedded.node.container_log import ContainerLog

__all__ = ["LogOptions", "parse_options", "read_log", "tail_text"]

BLOCK_BYTES = 64 * 1024


@attrs.frozen
class LogOptions:
    """v1.PodLogOptions, the fields that a node acts on."""

    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    tail_lines: int | None = None
    limit_bytes: int | None = None
    since: datetime | None = None
    stream: str = ""
    """``stdout`` or ``stderr``; empty for both."""


def parse_options(query: Mapping[str, str], now: datetime) -> LogOptions:
    """Reads the query of a log request.

    Raises:
        ValueError: a parameter makes no sense; the message names it.
    """

    def number(name: str) -> int | None:
        if name not in query:
            return None
        value = int(query[name]) if query[name].isdigit() else -1
        if value < 0:
            raise ValueError(f"{name}: {query[name]!r} is no number of at least 0")
        return value

    def flag(name: str) -> bool:
        return query.get(name, "").lower() in ("1", "t", "true")

    since = parse_time(query["sinceTime"]) if "sinceTime" in query else None
    if (seconds := number("sinceSeconds")) is not None:
        since = now - timedelta(seconds=seconds)
    stream = query.get("stream", "").lower()
    return LogOptions(
        follow=flag("follow"),
        previous=flag("previous"),
        timestamps=flag("timestamps"),
        tail_lines=number("tailLines"),
        limit_bytes=number("limitBytes"),
        since=since,
        stream="" if stream == "all" else stream,
    )


async def read_log(
    path: Path, options: LogOptions, live: ContainerLog | None = None
) -> AsyncIterator[bytes]:
    """Yields the log's output in blocks.

    Args:
        path: the log file of one run; the file before it is found by its name.
        options: what of it is wanted.
        live: the log that is being written, to follow it; None when it has ended.
    """
    left = options.limit_bytes
    async for lines in _stored(path, options, live):
        block = b"".join(_render(lines, options))
        if left is not None:
            block = block[:left]
            left -= len(block)
        if block:
            yield block
        if left == 0:
            return


def tail_text(path: Path, max_bytes: int, max_lines: int) -> str:
    """The last lines of a log, for a termination message."""
    with path.open("rb") as file:
        _seek_lines_from_end(file, max_lines)
        text = b"".join(_render(file, LogOptions()))
    return text[-max_bytes:].decode(errors="replace")


async def _stored(
    path: Path, options: LogOptions, live: ContainerLog | None
) -> AsyncIterator[list[bytes]]:
    """Stored lines, oldest first; when following, also those to come."""
    seen = live.rotations if live is not None else 0
    file = path.open("rb")
    try:
        found = _seek_lines_from_end(file, options.tail_lines)
        for lines in _older(path, options.tail_lines, found):
            yield lines
        while True:
            rotations = live.rotations if live is not None else seen
            while lines := file.readlines(BLOCK_BYTES):
                yield lines
            if live is None or not options.follow:
                return
            # Nothing is awaited between the read that found no more and the wait for more.
            if rotations != seen:  # the file was replaced, and is read to its end
                file.close()
                file = path.open("rb")
                seen = rotations
            elif live.rotations == seen and live.closed:
                return
            elif live.rotations == seen:
                await live.changed()
    finally:
        file.close()


def _older(path: Path, wanted: int | None, found: int) -> Iterator[list[bytes]]:
    """What is wanted of the file before this one."""
    older = path.with_name(path.name + ".1")
    if not older.exists() or (wanted is not None and found >= wanted):
        return
    with older.open("rb") as file:
        _seek_lines_from_end(file, None if wanted is None else wanted - found)
        while lines := file.readlines(BLOCK_BYTES):
            yield lines


def _seek_lines_from_end(file: BinaryIO, wanted: int | None) -> int:
    """Moves to where the last ``wanted`` lines begin; returns how many there are, at most that."""
    if wanted is None:
        return 0
    position = file.seek(0, os.SEEK_END)
    if wanted == 0:
        return 0
    found = 0
    while position > 0:
        size = min(BLOCK_BYTES, position)
        position -= size
        file.seek(position)
        block = file.read(size)
        offset = len(block)
        while (offset := block.rfind(b"\n", 0, offset)) >= 0:
            if found == wanted:
                file.seek(position + offset + 1)
                return wanted
            found += 1
    file.seek(0)
    return found


def _render(lines: list[bytes] | BinaryIO, options: LogOptions) -> Iterator[bytes]:
    since = None
    if options.since is not None:
        since = f"{options.since:%Y-%m-%dT%H:%M:%S.%f}000Z".encode()
    stream = options.stream.encode()
    for line in lines:
        time, of, tag, text = line.split(b" ", 3)
        if (since is not None and time < since) or (stream and of != stream):
            continue
        if tag == b"P":
            text = text[:-1]
        yield time + b" " + text if options.timestamps else text
