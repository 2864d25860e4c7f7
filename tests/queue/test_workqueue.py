import asyncio
from collections import Counter
from random import Random

import pytest

from mlctl_core.objects.keys import ObjectKey
from mlctl_core.queue import delays as delays_module
from mlctl_core.queue.rate_limit import CAP_SECONDS, ExponentialBackoff
from mlctl_core.queue.workqueue import MAX_REASONS, QueueShutDownError, WorkQueue
from mlctl_core.telemetry.metrics import Metrics
from mlctl_core.testing.clock import VirtualClock

A, B, C = (ObjectKey("n", name) for name in "abc")


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def queue(clock):
    return WorkQueue(clock=clock)


async def take(queue):
    """The next key, which has to be there."""
    assert queue.depth
    key, _ = await queue.get()
    return key


async def run(queue):
    """Take the next key and be done with it."""
    key = await take(queue)
    queue.done(key)
    return key


async def assert_empty(queue):
    getting = asyncio.create_task(queue.get())
    for _ in range(3):
        await asyncio.sleep(0)
    assert not getting.done()
    getting.cancel()


class TestOnce:
    async def test_keys_come_out_in_the_order_they_went_in(self, queue):
        for key in (A, B, C):
            queue.add(key)
        assert [await run(queue) for _ in range(3)] == [A, B, C]

    async def test_a_key_that_waits_is_one_entry(self, queue):
        for _ in range(5):
            queue.add(A)
        assert queue.depth == 1
        assert await run(queue) == A
        await assert_empty(queue)

    async def test_a_key_added_while_processing_runs_once_more_after_done(self, queue):
        queue.add(A)
        await take(queue)
        for _ in range(1000):
            queue.add(A)
        assert queue.depth == 0
        await assert_empty(queue)
        queue.done(A)
        assert await run(queue) == A
        await assert_empty(queue)

    async def test_a_key_that_was_not_added_again_does_not_run_again(self, queue):
        queue.add(A)
        await run(queue)
        await assert_empty(queue)

    async def test_done_for_a_key_nobody_works_on_changes_nothing(self, queue):
        queue.add(A)
        queue.done(A)
        queue.done(B)
        assert await take(queue) == A

    async def test_a_key_is_never_with_two_workers(self, clock):
        queue = WorkQueue(clock=clock)
        working = Counter()
        random = Random(7)

        async def work():
            while True:
                try:
                    key, _ = await queue.get()
                except QueueShutDownError:
                    return
                working[key] += 1
                assert working[key] == 1
                for _ in range(random.randrange(3)):
                    await asyncio.sleep(0)
                working[key] -= 1
                queue.done(key)

        async with asyncio.TaskGroup() as group:
            for _ in range(32):
                group.create_task(work())
            for _ in range(2000):
                queue.add(ObjectKey("n", str(random.randrange(10))))
                if random.random() < 0.3:
                    await asyncio.sleep(0)
            queue.shut_down()
        assert queue.depth == 0


class TestReasons:
    async def test_they_are_kept_in_order_without_repetition(self, queue):
        for reason in ("Pod p added", "timer", "Pod p added", ""):
            queue.add(A, reason)
        assert await queue.get() == (A, ("Pod p added", "timer"))

    async def test_they_are_forgotten_once_handed_out(self, queue):
        queue.add(A, "one")
        await take(queue)
        queue.add(A, "two")
        queue.done(A)
        assert await queue.get() == (A, ("two",))

    async def test_they_are_bounded(self, queue):
        for i in range(1000):
            queue.add(A, str(i))
        _, reasons = await queue.get()
        assert reasons == tuple(str(i) for i in range(MAX_REASONS))

    async def test_a_delayed_add_brings_its_own(self, queue, clock):
        queue.add_after(A, 5, "timer")
        queue.add_after(A, 3, "retry")
        await clock.advance(3)
        assert await queue.get() == (A, ("timer", "retry"))

    async def test_an_add_takes_those_of_the_delayed_one(self, queue):
        queue.add_after(A, 5, "timer")
        queue.add(A, "Pod p changed")
        assert await queue.get() == (A, ("timer", "Pod p changed"))


class TestDelays:
    async def test_a_delayed_key_comes_when_it_is_due_and_not_before(self, queue, clock):
        queue.add_after(A, 5)
        assert (queue.depth, queue.delayed) == (0, 1)
        await clock.advance(4.999)
        await assert_empty(queue)
        await clock.advance(0.001)
        assert await run(queue) == A
        assert queue.delayed == 0

    @pytest.mark.parametrize("seconds", [0, -1])
    async def test_no_delay_is_an_add(self, queue, seconds):
        queue.add_after(A, seconds)
        assert await take(queue) == A

    @pytest.mark.parametrize("order", [(3, 7), (7, 3)])
    async def test_the_earlier_of_two_counts_and_only_it(self, queue, clock, order):
        for seconds in order:
            queue.add_after(A, seconds)
        await clock.advance(3)
        assert await run(queue) == A
        await clock.advance(100)
        await assert_empty(queue)

    async def test_an_immediate_add_takes_the_delayed_one_with_it(self, queue, clock):
        queue.add_after(A, 5)
        queue.add(A)
        assert await run(queue) == A
        await clock.advance(100)
        await assert_empty(queue)

    async def test_a_delay_for_a_key_that_is_ready_is_no_second_run(self, queue, clock):
        queue.add(A)
        queue.add_after(A, 5)
        await run(queue)
        await clock.advance(100)
        await assert_empty(queue)

    async def test_a_key_may_be_delayed_while_it_is_worked_on(self, queue, clock):
        queue.add(A)
        await take(queue)
        queue.add_after(A, 5)
        queue.done(A)
        await assert_empty(queue)
        await clock.advance(5)
        assert await take(queue) == A

    async def test_a_delay_that_ends_while_the_key_is_worked_on_runs_it_after_done(
        self, queue, clock
    ):
        queue.add(A)
        await take(queue)
        queue.add_after(A, 5)
        await clock.advance(5)
        await assert_empty(queue)
        queue.done(A)
        assert await take(queue) == A

    async def test_many_keys_come_in_the_order_of_their_times(self, queue, clock):
        times = Random(3).sample(range(1, 1000), 100)
        for seconds in times:
            queue.add_after(ObjectKey("n", str(seconds)), seconds)
        await clock.advance(1000)
        came = [int((await run(queue)).name) for _ in times]
        assert came == sorted(times)

    async def test_there_is_one_timer_for_all_of_them(self, queue, clock):
        for seconds in range(100, 0, -1):
            queue.add_after(ObjectKey("n", str(seconds)), seconds)
        alive = [timer for _, _, timer in clock._timers if not timer.cancelled]
        assert len(alive) == 1

    async def test_a_key_woken_again_and_again_leaves_nothing_behind(
        self, queue, clock, monkeypatch
    ):
        monkeypatch.setattr(delays_module, "MAX_DEAD_ENTRIES", 10)
        queue.add_after(B, 7200)
        for _ in range(1000):
            queue.add_after(A, 3600)
            queue.add(A)
            await run(queue)
        assert len(queue._delays._heap) <= 12
        await clock.advance(7200)
        assert await run(queue) == B
        await assert_empty(queue)


class TestBackoff:
    async def test_failures_double_the_wait(self, queue, clock):
        waits = []
        for _ in range(5):
            queue.add_rate_limited(A)
            waits.append(clock.next_timer() - clock.monotonic())
            await clock.advance(waits[-1])
            await run(queue)
        assert waits == pytest.approx([0.005, 0.01, 0.02, 0.04, 0.08])

    async def test_a_success_that_is_forgotten_starts_over(self, queue, clock):
        for _ in range(5):
            queue.add_rate_limited(A)
            await clock.advance(1)
            await run(queue)
        queue.forget(A)
        queue.add_rate_limited(A)
        assert clock.next_timer() - clock.monotonic() == pytest.approx(0.005)

    def test_the_cap_holds_for_any_number_of_failures(self):
        backoff = ExponentialBackoff()
        waits = [backoff.failed(A) for _ in range(10_000)]
        assert max(waits) == waits[-1] == CAP_SECONDS

    def test_keys_do_not_influence_each_other(self):
        backoff = ExponentialBackoff()
        for _ in range(10):
            backoff.failed(A)
        assert backoff.failed(B) == pytest.approx(0.005)

    def test_nothing_is_kept_of_keys_that_were_forgotten(self):
        backoff = ExponentialBackoff()
        for key in (A, B):
            backoff.failed(key)
            backoff.forget(key)
        backoff.forget(C)
        assert len(backoff) == 0

    def test_the_cap_lets_everything_recover_within_half_a_minute(self):
        assert CAP_SECONDS <= 30


class TestWaiting:
    async def test_a_worker_is_woken_by_an_add(self, queue, clock):
        worker = asyncio.create_task(queue.get())
        await clock.settle()
        queue.add(A)
        assert (await worker)[0] == A

    async def test_a_worker_that_is_cancelled_while_it_waits_takes_nothing(self, queue, clock):
        worker = asyncio.create_task(queue.get())
        await clock.settle()
        worker.cancel()
        await clock.settle()
        queue.add(A)
        assert await take(queue) == A

    async def test_a_wake_up_is_not_lost_with_the_worker_it_was_for(self, queue, clock):
        first, second = (asyncio.create_task(queue.get()) for _ in range(2))
        await clock.settle()
        queue.add(A)
        first.cancel()
        async with asyncio.timeout(5):
            assert (await second)[0] == A
        assert first.cancelled()

    async def test_workers_that_wait_for_nothing_leave_turns_to_others(self, queue):
        for number in range(1000):
            queue.add(ObjectKey("n", str(number)))
        turns = []

        async def other():
            while True:
                turns.append(queue.depth)
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        for _ in range(1000):
            key, _ = await queue.get()
            queue.done(key)
        task.cancel()
        assert len(turns) > 50

    async def test_no_wake_up_is_lost_however_workers_come_and_go(self, clock):
        queue, random, done = WorkQueue(clock=clock), Random(5), Counter()
        wanted = 5000

        async def work():
            try:
                while True:
                    key, _ = await queue.get()
                    await asyncio.sleep(0)
                    done[key] += 1
                    queue.done(key)
            except QueueShutDownError:
                return

        workers = [asyncio.create_task(work()) for _ in range(20)]
        idle = []
        for number in range(wanted):
            queue.add(ObjectKey("n", str(number)))
            if random.random() < 0.2:
                waiter = asyncio.create_task(queue.get())
                await asyncio.sleep(0)
                if not waiter.done():
                    waiter.cancel()
                idle.append(waiter)
        for waiter in await asyncio.gather(*idle, return_exceptions=True):
            if isinstance(waiter, tuple):
                done[waiter[0]] += 1
                queue.done(waiter[0])
        queue.shut_down()
        async with asyncio.timeout(10):
            await asyncio.gather(*workers)
        assert len(done) == sum(done.values()) == wanted


class TestShutDown:
    async def test_what_is_ready_is_still_handed_out(self, queue):
        for key in (A, B):
            queue.add(key)
        queue.shut_down()
        assert [await run(queue), await run(queue)] == [A, B]
        with pytest.raises(QueueShutDownError):
            await queue.get()

    async def test_unless_it_is_not_to_drain(self, queue):
        queue.add(A)
        queue.shut_down(drain=False)
        with pytest.raises(QueueShutDownError):
            await queue.get()
        assert queue.depth == 0

    async def test_nothing_is_taken_in_any_more(self, queue, clock):
        queue.shut_down()
        queue.add(A)
        queue.add_after(A, 1)
        queue.add_rate_limited(A)
        await clock.advance(100)
        assert (queue.depth, queue.delayed) == (0, 0)

    async def test_what_waits_for_its_time_is_dropped(self, queue, clock):
        queue.add_after(A, 5)
        queue.shut_down()
        assert clock.next_timer() is None

    async def test_workers_that_wait_are_sent_home(self, queue, clock):
        workers = [asyncio.create_task(queue.get()) for _ in range(5)]
        await clock.settle()
        queue.shut_down()
        results = await asyncio.gather(*workers, return_exceptions=True)
        assert all(isinstance(result, QueueShutDownError) for result in results)

    async def test_what_was_added_again_while_it_was_worked_on_is_drained_too(self, queue):
        queue.add(A)
        await take(queue)
        queue.add(A)
        queue.shut_down()
        queue.done(A)
        assert await run(queue) == A

    async def test_it_may_be_called_again_to_stop_draining(self, queue):
        queue.add(A)
        queue.shut_down()
        queue.shut_down(drain=False)
        queue.shut_down()
        with pytest.raises(QueueShutDownError):
            await queue.get()

    async def test_done_after_dropping_everything_brings_nothing_back(self, queue):
        queue.add(A)
        await take(queue)
        queue.add(A)
        queue.shut_down(drain=False)
        queue.done(A)
        assert queue.depth == 0


class TestMetrics:
    @pytest.fixture
    def metrics(self):
        return Metrics()

    @pytest.fixture
    def queue(self, clock, metrics):
        return WorkQueue(clock=clock, metrics=metrics.work_queue("job"))

    @pytest.fixture
    def sample(self, metrics):
        def sample(name, **labels):
            labels = {"name": "job", "controller": "job", **labels}
            return metrics.registry.get_sample_value(f"workqueue_{name}", labels)

        return sample

    async def test_depth_counts_what_is_ready_only(self, queue, sample):
        queue.add(A)
        queue.add(B)
        queue.add_after(C, 5)
        assert sample("depth", priority="0") == 2
        await take(queue)
        queue.add(A)
        assert sample("depth", priority="0") == 1
        queue.done(A)
        assert sample("depth", priority="0") == 2

    async def test_adds_that_collapse_are_one(self, queue, sample):
        for _ in range(3):
            queue.add(A)
        queue.add(B)
        assert sample("adds_total") == 2

    async def test_the_wait_is_measured_from_the_first_add(self, queue, clock, sample):
        queue.add(A)
        await clock.advance(3)
        queue.add(A)
        await clock.advance(4)
        await take(queue)
        assert sample("queue_duration_seconds_sum") == 7

    async def test_work_shows_while_it_goes_on_and_when_it_is_done(self, queue, clock, sample):
        queue.add(A)
        queue.add(B)
        await take(queue)
        await clock.advance(3)
        await take(queue)
        await clock.advance(4)
        assert sample("unfinished_work_seconds") == 11
        assert sample("longest_running_processor_seconds") == 7
        queue.done(A)
        queue.done(B)
        assert sample("unfinished_work_seconds") == 0
        assert sample("longest_running_processor_seconds") == 0
        assert sample("work_duration_seconds_sum") == 11

    async def test_retries_are_counted(self, queue, sample):
        queue.add_rate_limited(A)
        queue.add_rate_limited(A)
        assert sample("retries_total") == 2

    async def test_dropping_everything_shows(self, queue, sample):
        queue.add(A)
        queue.shut_down(drain=False)
        assert sample("depth", priority="0") == 0
