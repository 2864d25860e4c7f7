from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from random import Random

import pytest
import structlog
from reconcile_objects import change, obj
from structlog.testing import capture_logs

from mlctl_core.client.errors import ConnectionFailedError, LeaseLostError
from mlctl_core.objects.json import DecodeError
from mlctl_core.objects.keys import ObjectKey
from mlctl_core.objects.kinds import POD
from mlctl_core.queue.workqueue import WorkQueue
from mlctl_core.reconcile.controller import Controller
from mlctl_core.reconcile.plan import Result, TerminalError, UnfinishedError, WriteFailure
from mlctl_core.reconcile.sink import RefusedError, StaleError
from mlctl_core.telemetry.metrics import Metrics
from mlctl_core.testing.clock import VirtualClock

A, B = ObjectKey("default", "a"), ObjectKey("default", "b")

REFUSED = RefusedError(
    WriteFailure(kind=POD, name="p", status=403, reason="Forbidden", message="quota")
)


class Script:
    """A reconciler that does as told: per call an exception, a result, or an event to await."""

    def __init__(self, clock):
        self.clock = clock
        self.steps = {}
        self.calls = []

    async def reconcile(self, request):
        self.calls.append((self.clock.monotonic(), request))
        steps = self.steps.get(request.key, [])
        step = steps.pop(0) if steps else Result()
        if isinstance(step, asyncio.Event):
            await step.wait()
            return Result()
        if isinstance(step, BaseException):
            raise step
        return step

    def times(self, key):
        return [at for at, request in self.calls if request.key == key]


class Rig:
    def __init__(self, gate=None, concurrency=2):
        self.clock = VirtualClock()
        self.metrics = Metrics()
        self.script = Script(self.clock)
        self.queue = WorkQueue(clock=self.clock, metrics=self.metrics.work_queue("pods"))
        self.controller = Controller(
            "pods",
            self.script,
            queue=self.queue,
            clock=self.clock,
            random=Random(1),
            metrics=self.metrics.controller("pods"),
            gate=gate,
            concurrency=concurrency,
        )

    def count(self, name, **labels):
        return self.metrics.registry.get_sample_value(name, {"controller": "pods", **labels})

    @asynccontextmanager
    async def running(self):
        task = asyncio.create_task(self.controller.run())
        await self.clock.settle()
        try:
            yield self
        finally:
            self.queue.shut_down(drain=False)
            await task


async def test_an_event_leads_to_a_reconcile_that_knows_why():
    rig = Rig()
    async with rig.running():
        rig.controller.enqueue(A, "Pod p changed")
        rig.controller.enqueue(A, "Pod q changed")
        await rig.clock.settle()
        ((_, request),) = rig.script.calls
        assert request.key == A
        assert request.reasons == ("Pod p changed", "Pod q changed")


async def test_a_key_is_with_one_worker_at_a_time_and_others_go_on():
    rig = Rig()
    blocked = asyncio.Event()
    rig.script.steps[A] = [blocked]
    async with rig.running():
        rig.controller.enqueue(A, "")
        await rig.clock.settle()
        rig.controller.enqueue(A, "again")
        rig.controller.enqueue(B, "")
        await rig.clock.settle()
        assert [r.key for _, r in rig.script.calls] == [A, B]
        blocked.set()
        await rig.clock.settle()
        assert [r.key for _, r in rig.script.calls] == [A, B, A]


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("bug"),
        REFUSED,
        ConnectionFailedError("reset"),
        TimeoutError(),
        DecodeError("$.spec"),
        StaleError("conflict"),
        LeaseLostError("gone"),
    ],
)
async def test_whatever_fails_is_tried_again_with_growing_delay(error):
    rig = Rig()
    rig.script.steps[A] = [error] * 3
    async with rig.running():
        rig.controller.enqueue(A, "")
        await rig.clock.advance(10)
        waits = [b - a for a, b in zip(rig.script.times(A), rig.script.times(A)[1:], strict=False)]
        assert waits == pytest.approx([0.005, 0.01, 0.02])


async def test_what_no_retry_can_cure_waits_for_the_object_to_change_in_whatever_way():
    rig = Rig()
    rig.script.steps[A] = [TerminalError("$.spec")] * 2
    same = obj(POD, "a")
    status_only = change(POD, same, {**same, "status": {"phase": "x"}})
    assert list(rig.controller.reconsider(status_only)) == []
    async with rig.running():
        rig.controller.enqueue(A, "")
        await rig.clock.advance(3600)
        assert rig.script.times(A) == [0]
        assert rig.count("controller_runtime_terminal_reconcile_errors_total") == 1
        for _ in range(2):
            for key, reason in rig.controller.reconsider(status_only):
                rig.controller.enqueue(key, reason)
            await rig.clock.settle()
        assert len(rig.script.calls) == 3
        assert list(rig.controller.reconsider(status_only)) == []


async def test_a_deadline_is_kept_while_a_write_is_refused():
    rig = Rig()
    rig.script.steps[A] = [UnfinishedError(REFUSED, 60)] * 12 + [UnfinishedError(REFUSED, 2.5)]
    async with rig.running():
        rig.controller.enqueue(A, "")
        await rig.clock.advance(200)
        times = rig.script.times(A)
        assert times[1:4] == pytest.approx([0.005, 0.015, 0.035])
        assert times[13] - times[12] == pytest.approx(2.5)
        assert rig.script.calls[13][1].reasons == ("timer", "retry")


async def test_success_lets_the_next_failure_be_the_first_again():
    rig = Rig()
    rig.script.steps[A] = [RuntimeError(), RuntimeError(), Result(), RuntimeError()]
    async with rig.running():
        rig.controller.enqueue(A, "")
        await rig.clock.advance(10)
        rig.controller.enqueue(A, "")
        await rig.clock.advance(10)
        assert rig.script.times(A) == pytest.approx([0, 0.005, 0.015, 10, 10.005])


async def test_one_bad_object_stops_nothing():
    rig = Rig(concurrency=1)
    rig.script.steps[A] = [RuntimeError()] * 100
    async with rig.running():
        rig.controller.enqueue(A, "")
        rig.controller.enqueue(B, "")
        await rig.clock.advance(1)
        assert rig.script.times(B) == [0]


async def test_requeue_after_is_a_timer():
    rig = Rig()
    rig.script.steps[A] = [Result(requeue_after=30)]
    async with rig.running():
        rig.controller.enqueue(A, "")
        await rig.clock.advance(29.9)
        assert len(rig.script.calls) == 1
        await rig.clock.advance(0.2)
        assert rig.script.times(A) == [0, 30]
        assert rig.script.calls[1][1].reasons == ("timer",)
        assert rig.script.calls[1][1].received is None


async def test_requeue_after_zero_is_at_once():
    rig = Rig()
    rig.script.steps[A] = [Result(requeue_after=0)]
    async with rig.running():
        rig.controller.enqueue(A, "")
        await rig.clock.settle()
        assert rig.script.times(A) == [0, 0]


@pytest.mark.parametrize("seconds", [0, -1])
async def test_many_requeues_at_once_in_a_row_are_slowed_down(seconds):
    rig = Rig()
    rig.script.steps[A] = [Result(requeue_after=seconds)] * 1000
    async with rig.running():
        rig.controller.enqueue(A, "")
        await rig.clock.advance(60)
        assert len(rig.script.calls) < 20


async def test_steps_at_once_do_not_inherit_the_delay_of_failures_before_them():
    rig = Rig()
    failures = [ConnectionFailedError("down")] * 12
    rig.script.steps[A] = [*failures, Result(requeue_after=0), Result(requeue_after=0), Result()]
    async with rig.running():
        rig.controller.enqueue(A, "")
        await rig.clock.advance(60)
        *_, first, _, last = rig.script.times(A)
        assert last - first < 0.1


class ClosedFor:
    """A gate that holds some keys."""

    def __init__(self, *keys):
        self.keys = set(keys)
        self.asked = []

    def holds(self, owner):
        self.asked.append(owner)
        return owner in self.keys


async def test_a_key_that_is_held_back_takes_no_worker():
    gate = ClosedFor(A)
    rig = Rig(gate, concurrency=1)
    async with rig.running():
        rig.controller.enqueue(A, "first")
        rig.controller.enqueue(B, "")
        await rig.clock.settle()
        assert [r.key for _, r in rig.script.calls] == [B]
        gate.keys.clear()
        await rig.clock.advance(3)
        rig.queue.add(A, "own writes seen")
        await rig.clock.settle()
        assert [r.key for _, r in rig.script.calls] == [B, A]
        assert rig.script.calls[1][1].received == 0


async def test_results_and_errors_are_counted_under_controller_runtimes_names():
    rig = Rig()
    rig.script.steps[A] = [RuntimeError(), StaleError(), DecodeError(), Result(requeue_after=1)]
    async with rig.running():
        rig.controller.enqueue(A, "")
        await rig.clock.advance(0.9)
        counted = {
            result: rig.count("controller_runtime_reconcile_total", result=result)
            for result in ("success", "error", "requeue", "requeue_after")
        }
        assert counted == {"success": 0, "error": 2, "requeue": 1, "requeue_after": 1}
        assert rig.count("controller_runtime_reconcile_errors_total") == 2
        assert rig.count("controller_runtime_reconcile_panics_total") == 1
        assert rig.count("controller_runtime_max_concurrent_reconciles") == 2
        assert rig.count("controller_runtime_active_workers") == 0
        assert rig.count("controller_runtime_reconcile_time_seconds_count") == 4
        assert rig.count("mlctl_event_to_reconcile_seconds_count") == 1


async def test_the_time_from_event_to_reconcile_is_measured_from_the_first_event():
    rig = Rig(concurrency=1)
    blocked = asyncio.Event()
    rig.script.steps[A] = [blocked]
    async with rig.running():
        rig.controller.enqueue(A, "")
        await rig.clock.settle()
        rig.controller.enqueue(B, "")
        await rig.clock.advance(2)
        rig.controller.enqueue(B, "")
        blocked.set()
        await rig.clock.settle()
        assert rig.count("mlctl_event_to_reconcile_seconds_sum") == 2


async def test_what_came_in_before_the_workers_started_is_no_latency():
    rig = Rig()
    rig.controller.enqueue(A, "Pod added")
    await rig.clock.advance(3600)
    async with rig.running():
        await rig.clock.settle()
        assert [r.key for _, r in rig.script.calls] == [A]
        assert rig.count("mlctl_event_to_reconcile_seconds_count") == 0


@pytest.fixture
def lines():
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as captured:
        yield captured


async def test_every_line_says_which_controller_key_and_reconcile(lines):
    rig = Rig()
    rig.script.steps[A] = [RuntimeError("bug")]
    async with rig.running():
        rig.controller.enqueue(A, "Pod p changed")
        await rig.clock.advance(1)
    assert len(lines) == 3
    assert {line["controller"] for line in lines} == {"pods"}
    assert {line["key"] for line in lines} == {"default/a"}
    assert len({line["reconcile_id"] for line in lines}) == 2


async def test_a_conflict_is_no_error_in_the_log(lines):
    rig = Rig()
    rig.script.steps[A] = [StaleError("409")]
    async with rig.running():
        rig.controller.enqueue(A, "")
        await rig.clock.advance(1)
    assert {line["log_level"] for line in lines} == {"debug"}


async def test_stopping_waits_for_what_is_being_worked_on_and_takes_nothing_more():
    rig = Rig(concurrency=1)
    blocked = asyncio.Event()
    rig.script.steps[A] = [blocked]
    task = asyncio.create_task(rig.controller.run())
    rig.controller.enqueue(A, "")
    rig.controller.enqueue(B, "")
    await rig.clock.settle()
    rig.queue.shut_down(drain=False)
    await rig.clock.settle()
    assert not task.done()
    blocked.set()
    await task
    assert [r.key for _, r in rig.script.calls] == [A]


async def test_the_key_of_a_cancelled_worker_is_given_back():
    rig = Rig(concurrency=1)
    rig.script.steps[A] = [asyncio.Event()]
    task = asyncio.create_task(rig.controller.run())
    rig.controller.enqueue(A, "")
    await rig.clock.settle()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (
        rig.metrics.registry.get_sample_value(
            "workqueue_unfinished_work_seconds", {"name": "pods", "controller": "pods"}
        )
        == 0
    )
    assert rig.count("controller_runtime_active_workers") == 0
