import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from mlctl_core.clock import deadline
from mlctl_core.testing.clock import VirtualClock


async def test_timers_fire_in_the_order_of_their_times_each_at_its_time():
    clock = VirtualClock()
    fired = []
    for seconds in (3, 1, 2):
        clock.call_later(seconds, lambda s=seconds: fired.append((s, clock.monotonic())))
    await clock.advance(2)
    assert fired == [(1, 1), (2, 2)]
    await clock.advance(1)
    assert fired[-1] == (3, 3)


async def test_timers_of_the_same_moment_fire_in_the_order_they_were_made():
    clock = VirtualClock()
    fired = []
    for name in "abc":
        clock.call_later(1, lambda n=name: fired.append(n))
    await clock.advance(1)
    assert fired == ["a", "b", "c"]


async def test_a_cancelled_timer_never_fires_and_is_not_waited_for():
    clock = VirtualClock()
    timer = clock.call_later(1, lambda: pytest.fail("fired"))
    timer.cancel()
    assert clock.next_timer() is None
    await clock.advance(2)


async def test_a_timer_made_by_a_timer_fires_within_the_same_advance_if_due():
    clock = VirtualClock()
    fired = []
    clock.call_later(
        1, lambda: clock.call_later(1, lambda: fired.append(clock.monotonic())) and None
    )
    await clock.advance(5)
    assert fired == [2]


async def test_sleepers_wake_in_order_and_see_the_time_they_asked_for():
    clock = VirtualClock()
    woken = []

    async def sleeper(seconds):
        await clock.sleep(seconds)
        woken.append((seconds, clock.monotonic(), clock.now()))

    start = clock.now()
    async with asyncio.TaskGroup() as group:
        for seconds in (3600, 60):
            group.create_task(sleeper(seconds))
        await clock.advance(86_400)
    assert woken == [
        (60, 60, start + timedelta(seconds=60)),
        (3600, 3600, start + timedelta(hours=1)),
    ]


async def test_a_sleep_of_zero_lets_others_have_a_turn_and_needs_no_advance():
    turns = []
    task = asyncio.create_task(_note(turns))
    await VirtualClock().sleep(0)
    assert turns == ["ran"]
    await task


async def _note(turns):
    turns.append("ran")


async def test_a_cancelled_sleeper_leaves_no_timer_behind():
    clock = VirtualClock()
    task = asyncio.create_task(clock.sleep(10))
    await clock.settle()
    assert clock.sleepers == 1
    task.cancel()
    await clock.settle()
    assert clock.next_timer() is None
    assert clock.sleepers == 0


async def test_stepping_the_wall_clock_moves_no_timer():
    clock = VirtualClock(datetime(2026, 5, 1, tzinfo=UTC))
    clock.call_later(1, lambda: pytest.fail("fired"))
    clock.step_wall(-3600)
    await clock.settle()
    assert clock.now() == datetime(2026, 4, 30, 23, tzinfo=UTC)
    assert clock.monotonic() == 0


async def test_tasks_that_never_rest_fail_the_test_instead_of_hanging_it(monkeypatch):
    monkeypatch.setattr("mlctl_core.testing.clock.SETTLE_TURNS", 50)

    async def spin():
        while True:
            await asyncio.sleep(0)

    task = asyncio.create_task(spin())
    with pytest.raises(RuntimeError, match="still busy"):
        await VirtualClock().settle()
    task.cancel()


async def test_a_deadline_that_passes_raises_timeout_in_the_block():
    clock = VirtualClock()

    async def work():
        async with deadline(clock, 5):
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await clock.advance(4.9)
    assert not task.done()
    await clock.advance(0.1)
    with pytest.raises(TimeoutError, match="5 s"):
        await task
    assert not task.cancelled()


async def test_a_deadline_that_is_kept_leaves_no_timer_behind():
    clock = VirtualClock()
    async with deadline(clock, 5):
        pass
    assert clock.next_timer() is None


async def test_a_deadline_lets_a_cancellation_from_elsewhere_through():
    clock = VirtualClock()

    async def work():
        async with deadline(clock, 5):
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await clock.settle()
    task.cancel()
    await clock.settle()
    assert task.cancelled()


async def test_a_cancellation_in_the_very_moment_of_the_deadline_wins():
    clock = VirtualClock()

    async def work():
        async with deadline(clock, 5):
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    clock.call_later(5, lambda: task.cancel() and None)
    await clock.settle()
    await clock.advance(5)
    assert task.cancelled()


async def test_no_deadline_waits_for_ever():
    clock = VirtualClock()
    async with deadline(clock, None):
        await asyncio.sleep(0)
    assert clock.next_timer() is None
