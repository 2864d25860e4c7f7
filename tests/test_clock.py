import asyncio
from datetime import UTC

from mlctl_core.clock import SystemClock


def test_now_is_in_utc_and_aware():
    assert SystemClock().now().tzinfo is UTC


def test_monotonic_never_goes_back():
    clock = SystemClock()
    readings = [clock.monotonic() for _ in range(100)]
    assert readings == sorted(readings)


async def test_a_timer_is_called_from_the_loop_and_not_before_call_later_returns():
    fired = asyncio.Event()
    SystemClock().call_later(0, fired.set)
    assert not fired.is_set()
    await fired.wait()


async def test_sleep_of_zero_returns():
    await SystemClock().sleep(0)
