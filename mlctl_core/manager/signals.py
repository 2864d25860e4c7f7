"""SIGTERM and SIGINT as a request to stop: once politely, the second time at once.

A process with id 1 in its container ignores SIGTERM unless it handles it.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SIGNALS = (signal.SIGTERM, signal.SIGINT)

_log = structlog.get_logger()


@contextmanager
def on_stop_signal(stop: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` at the first signal while the block runs; end the process at the second."""
    loop = asyncio.get_running_loop()
    asked = False

    def handle(number: signal.Signals) -> None:
        nonlocal asked
        if asked:
            _log.warning("second signal, ending at once", signal=number.name)
            # No cleanup: that is what was asked for. The lease runs out by itself.
            os._exit(1)
        asked = True
        _log.info("stopping", signal=number.name)
        stop()

    for number in _SIGNALS:
        loop.add_signal_handler(number, handle, number)
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
