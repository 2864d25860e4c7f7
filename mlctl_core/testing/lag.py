"""A watch that comes late: its lines in their order, each some seconds after it was sent.

Promises no more than an API server does: what a list says is up to date when it is asked for,
and of what follows only the order is certain, not when it comes.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable

    from mlctl_core.clock import Clock

__all__ = ["delayed", "lines"]

# In the bookmark after the objects that a watch begins with (KEP-3157).
_INITIAL_EVENTS_END = b'"k8s.io/initial-events-end"'


async def lines(chunks: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
    """Whole lines with their ends, however the bytes were cut; then what is left of the last."""
    rest = b""
    async for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line + b"\n"
    if rest:
        yield rest


async def delayed(
    events: AsyncIterable[bytes], seconds: float, clock: Clock, *, lists: bool = False
) -> AsyncGenerator[bytes, None]:
    """The events of a watch, each when ``seconds`` have passed since it came.

    They are taken in meanwhile, so a lag does not add up. The end, or what ``events`` raises,
    comes after the last of them.

    Args:
        events: one watch event each.
        seconds: the lag.
        clock: what it is measured by.
        lists: the watch begins with a list, which comes at once.
    """
    taken: asyncio.Queue[tuple[float, bytes] | None] = asyncio.Queue()

    async def take() -> None:
        lag = 0.0 if lists else seconds
        try:
            async for event in events:
                taken.put_nowait((clock.monotonic() + lag, event))
                if _INITIAL_EVENTS_END in event:
                    lag = seconds
        finally:
            taken.put_nowait(None)

    taking = asyncio.create_task(take())
    try:
        while (found := await taken.get()) is not None:
            due, event = found
            await clock.sleep(due - clock.monotonic())
            yield event
        await taking
    finally:
        taking.cancel()
        await asyncio.gather(taking, return_exceptions=True)
