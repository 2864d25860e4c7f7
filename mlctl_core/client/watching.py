"""The stream of a watch: chunks in, events out, and a watchdog over its silence.

Promises that a frame which was cut off in the middle is never reported, that an ERROR event is
raised as the `ApiError` it describes, and that a connection over which nothing comes for the
read deadline is given up: HTTP/1.1 has no pings, and without a deadline of our own a half-open
connection goes unnoticed for 15 minutes and more (k/k #65012).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlctl_core.client.errors import MalformedResponseError, RequestTimeoutError, api_error
from mlctl_core.client.frames import split_event

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    import aiohttp

    from mlctl_core.client.frames import WatchEvent
    from mlctl_core.clock import Clock, TimerHandle

__all__ = ["READ_DEADLINE_SECONDS", "TIMEOUT_SECONDS", "events"]

# When the server is to end a watch by itself, so that watchers come to be spread over the servers
# behind a load balancer: client-go's shortest.
TIMEOUT_SECONDS = 300

# A server sends a bookmark about once a minute, so silence for longer than that is no peace.
READ_DEADLINE_SECONDS = 75.0

# An object in etcd has 1.5 MB at most (3 MB for what a server takes in). A frame that is longer
# still is not going to end.
MAX_FRAME_BYTES = 32 * 1024 * 1024


async def events(
    content: aiohttp.StreamReader, clock: Clock, read_deadline: float | None
) -> AsyncGenerator[WatchEvent, None]:
    """The events of a watch's body, until it ends.

    Args:
        content: the body.
        clock: what the deadline is measured by.
        read_deadline: seconds without a byte; None for ever.

    Raises:
        ApiError: an ERROR event.
        RequestTimeoutError: silence.
        MalformedResponseError: a frame that is no event, or one without an end.
    """
    watchdog = _Watchdog(content, clock, read_deadline)
    begun: list[bytes] = []
    size = 0
    try:
        async for chunk in content.iter_any():
            watchdog.fed()
            first, *rest = chunk.split(b"\n")
            begun.append(first)
            size += len(first)
            if size > MAX_FRAME_BYTES:
                raise MalformedResponseError(f"a watch event of over {MAX_FRAME_BYTES} bytes")
            if not rest:
                continue
            *whole, last = [b"".join(begun), *rest]
            begun, size = [last], len(last)
            for line in whole:
                if line.strip():
                    yield _event(line)
    finally:
        watchdog.stop()


def _event(line: bytes) -> WatchEvent:
    event = split_event(line)
    if event.type == "ERROR":
        raise api_error(0, event.raw)
    return event


class _Watchdog:
    """Breaks a stream over which nothing came for so long. One timer, however many chunks."""

    def __init__(self, content: aiohttp.StreamReader, clock: Clock, seconds: float | None) -> None:
        self._content = content
        self._clock = clock
        self._seconds = seconds
        self._last = clock.monotonic()
        self._timer: TimerHandle | None = None
        if seconds is not None:
            self._timer = clock.call_later(seconds, self._look)

    def fed(self) -> None:
        self._last = self._clock.monotonic()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        if self._seconds is None:
            return
        left = self._last + self._seconds - self._clock.monotonic()
        if left > 0:
            self._timer = self._clock.call_later(left, self._look)
            return
        silence = RequestTimeoutError(f"nothing came over the watch for {self._seconds:g} s")
        self._content.set_exception(silence)
