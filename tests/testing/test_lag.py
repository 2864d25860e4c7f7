from __future__ import annotations

import asyncio

import pytest

from mlctl_core.testing.clock import VirtualClock
from mlctl_core.testing.lag import delayed, lines

END = b'{"object":{"metadata":{"annotations":{"k8s.io/initial-events-end":"true"}}}}'


class Late:
    """Events as they are put in, and when each comes out."""

    def __init__(self, **options):
        self.clock = VirtualClock()
        self.put = asyncio.Queue()
        self.seen = []
        self.task = asyncio.create_task(self._follow(options))

    async def _events(self):
        while (event := await self.put.get()) is not None:
            if isinstance(event, Exception):
                raise event
            yield event

    async def _follow(self, options):
        async for event in delayed(self._events(), 5.0, self.clock, **options):
            self.seen.append((self.clock.monotonic(), event))
        self.seen.append((self.clock.monotonic(), "end"))


@pytest.mark.parametrize(
    ("chunks", "whole"),
    [
        ([b"a\nb\n"], [b"a\n", b"b\n"]),
        ([b"a", b"b\nc", b"\n"], [b"ab\n", b"c\n"]),
        ([b"a\nb"], [b"a\n", b"b"]),
        ([], []),
    ],
)
async def test_lines_are_whole_however_they_were_cut(chunks, whole):
    async def sent():
        for chunk in chunks:
            yield chunk

    assert [line async for line in lines(sent())] == whole


async def test_each_event_comes_so_late_and_in_its_order():
    late = Late()
    late.put.put_nowait(b"a")
    await late.clock.advance(2)
    late.put.put_nowait(b"b")
    late.put.put_nowait(b"c")
    late.put.put_nowait(None)
    await late.clock.advance(20)
    assert late.seen == [(5, b"a"), (7, b"b"), (7, b"c"), (7, "end")]


async def test_the_list_that_a_watch_begins_with_comes_at_once():
    late = Late(lists=True)
    for event in (b"a", END, b"b"):
        late.put.put_nowait(event)
    await late.clock.advance(20)
    assert late.seen == [(0, b"a"), (0, END), (5, b"b")]


async def test_what_goes_wrong_is_told_after_what_came_before_it():
    late = Late()
    late.put.put_nowait(b"a")
    late.put.put_nowait(ConnectionResetError())
    await late.clock.advance(20)
    assert late.seen == [(5, b"a")]
    with pytest.raises(ConnectionResetError):
        await late.task
