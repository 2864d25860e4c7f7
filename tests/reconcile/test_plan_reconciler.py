from __future__ import annotations

import asyncio
import json
from typing import Annotated

import attrs
import pytest
from reconcile_objects import KINDS, entry, obj, stores

from mlctl_core.cache.entries import entry_of
from mlctl_core.client.errors import ConnectionFailedError
from mlctl_core.objects.conditions import Conditions
from mlctl_core.objects.core import ConfigMap
from mlctl_core.objects.json import DecodeError
from mlctl_core.objects.keys import ObjectKey
from mlctl_core.objects.kinds import CONFIG_MAP, POD, SECRET, kind_of
from mlctl_core.objects.metadata import Metadata
from mlctl_core.objects.resource import Schema, resource
from mlctl_core.reconcile.changes import PlanError
from mlctl_core.reconcile.gate import Gate
from mlctl_core.reconcile.plan import (
    Delete,
    EventNote,
    Plan,
    Request,
    TerminalError,
    UnfinishedError,
    WriteFailure,
)
from mlctl_core.reconcile.plan_reconciler import OBSERVE_SECONDS, PlanReconciler
from mlctl_core.reconcile.planner import planner
from mlctl_core.reconcile.rights import UndeclaredUseError, Use
from mlctl_core.reconcile.sink import PartialError, RefusedError, StaleError, Written
from mlctl_core.reconcile.view import UndeclaredKindError
from mlctl_core.telemetry.metrics import Metrics
from mlctl_core.testing.clock import VirtualClock

USES = [Use(CONFIG_MAP, "patch", subresource="status"), Use(POD, "delete")]
KEY = ObjectKey("default", "owner")
ME = obj(CONFIG_MAP, "owner", data={"wish": "a"})
FAILURE = WriteFailure(
    kind=POD,
    name="p",
    namespace="default",
    status=403,
    reason="Forbidden",
    message="over quota",
)
WRITTEN = Written(kind=POD, key=ObjectKey("default", "p"), uid="u", resource_version="9")


class Sink:
    """Takes plans; answers each with what the test says, nothing written by default."""

    def __init__(self):
        self.plans = []
        self.known = []
        self.answers = []

    async def execute(self, owner, plan, failures=()):
        self.plans.append((owner, plan))
        self.known.append(tuple(failures))
        answer = self.answers.pop(0) if self.answers else ()
        if isinstance(answer, BaseException):
            raise answer
        return answer


class Recorder:
    def __init__(self):
        self.notes = []

    def record(self, note):
        self.notes.append((note.type, note.reason, note.message))


class Rig:
    def __init__(self, function, *bodies, cls=ConfigMap, kinds=KINDS, **declared):
        self.clock = VirtualClock()
        self.metrics = Metrics()
        self.stores = stores(*bodies, kinds=kinds)
        self.sink = Sink()
        self.recorder = Recorder()
        self.gate = Gate(self.stores, clock=self.clock, release=lambda key: None)
        self.reconciler = PlanReconciler(
            planner(cls, owns=["v1/Pod"], uses=USES, **declared)(function),
            stores=self.stores,
            sink=self.sink,
            gate=self.gate,
            recorder=self.recorder,
            client="the client",
            clock=self.clock,
            metrics=self.metrics.controller("configmap"),
        )

    async def reconcile(self, received=None):
        return await self.reconciler.reconcile(Request(KEY, (), received))


async def test_the_planner_sees_the_object_and_its_plan_is_carried_out():
    rig = Rig(lambda obj, view: Plan(status={"wish": obj.data["wish"]}), ME)
    await rig.reconcile()
    ((owner, plan),) = rig.sink.plans
    assert plan.status == {"wish": "a"}
    assert (owner.kind, owner.key, owner.metadata.uid) == (CONFIG_MAP, KEY, "uid-owner")


async def test_the_plans_timer_is_handed_on():
    rig = Rig(lambda obj, view: Plan(requeue_after=7), ME)
    assert (await rig.reconcile()).requeue_after == 7


async def test_the_next_look_at_what_was_written_is_none_when_nothing_was():
    rig = Rig(lambda obj, view: Plan(requeue_after=0), ME)
    rig.sink.answers = [[WRITTEN], ()]
    assert (await rig.reconcile()).requeue_after == 0
    assert (await rig.reconcile()).requeue_after is None


async def test_a_failed_write_does_not_lose_the_plans_timer():
    rig = Rig(lambda obj, view: Plan(requeue_after=7), ME)
    rig.sink.answers = [PartialError([], RefusedError(FAILURE))]
    with pytest.raises(UnfinishedError) as raised:
        await rig.reconcile()
    assert raised.value.requeue_after == 7
    assert isinstance(raised.value.cause, RefusedError)


async def test_a_plan_that_does_what_was_not_declared_is_refused_whole_and_told():
    undeclared = Delete(kind=CONFIG_MAP, name="another")
    rig = Rig(lambda obj, view: Plan(status={"wish": "b"}, delete=[undeclared]), ME)
    with pytest.raises(UndeclaredUseError):
        await rig.reconcile()
    assert rig.sink.plans == []
    (note,) = rig.recorder.notes
    assert note[:2] == ("Warning", "ReconcileError")
    assert "Use('v1/ConfigMap', 'delete')" in note[2]


async def test_events_are_recorded_once_everything_is_written():
    note = EventNote("Normal", "Started", "it runs")
    rig = Rig(lambda obj, view: Plan(events=[note]), ME)
    rig.sink.answers = [PartialError([], StaleError("409"))]
    with pytest.raises(StaleError):
        await rig.reconcile()
    assert rig.recorder.notes == []
    await rig.reconcile()
    assert rig.recorder.notes == [("Normal", "Started", "it runs")]


async def test_the_key_waits_for_what_was_written_also_when_a_later_write_failed():
    rig = Rig(lambda obj, view: Plan(), ME)
    rig.sink.answers = [PartialError([WRITTEN], StaleError("409"))]
    with pytest.raises(StaleError):
        await rig.reconcile()
    assert rig.gate.holds(KEY)


async def test_the_time_from_event_to_write_counts_only_when_something_was_written():
    rig = Rig(lambda obj, view: Plan(), ME)
    rig.sink.answers = [(), [WRITTEN]]
    await rig.clock.advance(5)
    await rig.reconcile(received=1.0)
    await rig.reconcile(received=2.0)
    await rig.reconcile()
    sample = rig.metrics.registry.get_sample_value
    labels = {"controller": "configmap"}
    assert sample("mlctl_event_to_write_seconds_count", labels) == 1
    assert sample("mlctl_event_to_write_seconds_sum", labels) == 3


class TestFailures:
    """What the server refused, as the next plan sees it."""

    def rig(self):
        self.seen = []

        def plan(obj, view):
            self.seen.append(view.failures)
            return Plan(events=[EventNote("Warning", "QuotaExceeded", "ask for more")])

        return Rig(plan, ME)

    async def test_a_refused_write_is_in_the_next_view_and_known_to_the_sink(self):
        rig = self.rig()
        rig.sink.answers = [PartialError([], RefusedError(FAILURE))]
        with pytest.raises(RefusedError):
            await rig.reconcile()
        await rig.reconcile()
        assert self.seen == [(), (FAILURE,)]
        assert rig.sink.known == [(), (FAILURE,)]

    async def test_it_is_forgotten_when_everything_was_written(self):
        rig = self.rig()
        rig.sink.answers = [PartialError([], RefusedError(FAILURE))]
        with pytest.raises(RefusedError):
            await rig.reconcile()
        await rig.reconcile()
        await rig.reconcile()
        assert self.seen[-1] == ()

    async def test_it_is_forgotten_when_that_child_was_written_though_another_failed(self):
        rig = self.rig()
        other = WriteFailure(kind=POD, name="q", status=422, reason="Invalid", message="x")
        rig.sink.answers = [
            PartialError([], RefusedError(FAILURE)),
            PartialError([WRITTEN], RefusedError(other)),
        ]
        for _ in range(2):
            with pytest.raises(RefusedError):
                await rig.reconcile()
        await rig.reconcile()
        assert self.seen[-1] == (other,)

    async def test_one_of_that_name_in_another_namespace_is_another(self):
        rig = self.rig()
        elsewhere = attrs.evolve(WRITTEN, key=ObjectKey("elsewhere", "p"))
        twin = attrs.evolve(FAILURE, namespace="elsewhere")
        rig.sink.answers = [
            PartialError([elsewhere], RefusedError(FAILURE)),
            PartialError([elsewhere], RefusedError(FAILURE)),
            PartialError([], RefusedError(twin)),
        ]
        for _ in range(3):
            with pytest.raises(RefusedError):
                await rig.reconcile()
        await rig.reconcile()
        assert self.seen == [(), (FAILURE,), (FAILURE,), (FAILURE, twin)]

    async def test_the_object_says_so_once(self):
        rig = self.rig()
        refused = PartialError([], RefusedError(FAILURE))
        rig.sink.answers = [refused, refused]
        for _ in range(2):
            with pytest.raises(RefusedError):
                await rig.reconcile()
        assert rig.recorder.notes == [("Warning", "Forbidden", "Pod p: over quota")]

    async def test_events_of_a_plan_that_knew_are_recorded(self):
        rig = self.rig()
        rig.sink.answers = [
            PartialError([], RefusedError(FAILURE)),
            PartialError([], RefusedError(FAILURE), told=True),
        ]
        for _ in range(2):
            with pytest.raises(RefusedError):
                await rig.reconcile()
        assert rig.recorder.notes[-1] == ("Warning", "QuotaExceeded", "ask for more")


async def test_an_object_that_does_not_fit_its_class_is_told_where():
    rig = Rig(lambda obj, view: Plan(), obj(CONFIG_MAP, "owner", data={"wish": 7}))
    with pytest.raises(TerminalError):
        await rig.reconcile()
    ((kind, reason, message),) = rig.recorder.notes
    assert (kind, reason) == ("Warning", "InvalidObject")
    assert "data" in message
    assert rig.sink.plans == []  # there are no conditions to tell it by


async def test_another_object_that_does_not_fit_its_class_may_come_to_fit_unseen():
    odd = obj(POD, "p", status={"phase": 7})
    rig = Rig(lambda obj, view: view.get("v1/Pod", "p"), ME, odd)
    with pytest.raises(DecodeError):
        await rig.reconcile()
    assert rig.recorder.notes[0][1] == "InvalidObject"


@attrs.frozen(kw_only=True)
class ThingSpec:
    """What is wished."""

    size: Annotated[int, Schema(minimum=0, maximum=9)] = 0


@attrs.frozen(kw_only=True)
class ThingStatus:
    """What is."""

    conditions: Conditions = ()


@resource(group="example.org", version="v1", plural="things")
@attrs.frozen(kw_only=True)
class Thing:
    """An object with conditions."""

    metadata: Metadata
    spec: ThingSpec = ThingSpec()
    status: ThingStatus = ThingStatus()


class TestConditions:
    """What is said on the object itself when it cannot be planned."""

    THING = kind_of(Thing)
    ODD = obj(THING, "owner", spec={"size": "large"}, status={"phase": "Running"})
    EVEN = obj(THING, "owner", spec={"size": 1}, status={"phase": "Running"})

    def rig(self, body, function=lambda obj, view: Plan()):
        return Rig(function, body, cls=Thing, kinds=(self.THING, POD))

    def told(self, rig):
        owner, plan = rig.sink.plans[-1]
        (condition,) = plan.status["conditions"]
        assert (owner.metadata.uid, owner.metadata.resource_version) == ("uid-owner", "1")
        assert condition["type"] == "Reconciled"
        assert condition["status"] == "False"
        return plan.status["phase"], condition["reason"], condition["message"]

    async def test_an_object_that_does_not_fit_says_where(self):
        rig = self.rig(self.ODD)
        rig.sink.answers = [[WRITTEN]]
        with pytest.raises(TerminalError):
            await rig.reconcile()
        phase, reason, message = self.told(rig)
        assert (phase, reason) == ("Running", "InvalidObject")
        assert "$.spec.size" in message
        assert rig.gate.holds(KEY)

    async def test_an_object_that_cannot_even_be_decoded_says_so(self):
        rig = self.rig(self.EVEN)
        (held,) = rig.stores[self.THING].list()
        deep = b'{"a":' * 4000 + b"1" + b"}" * 4000
        raw = held.raw.replace(b'"spec": {"size": 1}', b'"spec": ' + deep)
        rig.stores[self.THING].put(entry_of(raw))
        with pytest.raises(TerminalError):
            await rig.reconcile()
        assert self.told(rig)[:2] == ("Running", "InvalidObject")
        assert json.loads(rig.sink.plans[-1][0].raw)["status"] == {"phase": "Running"}

    async def test_a_planner_that_raises_is_named_by_place(self):
        def plan(obj, view):
            raise ValueError("password=hunter2")

        rig = self.rig(self.EVEN, plan)
        with pytest.raises(ValueError, match="hunter2"):
            await rig.reconcile()
        _, reason, message = self.told(rig)
        assert reason == "ReconcileError"
        assert "test_plan_reconciler.py" in message
        assert "hunter2" not in message

    async def test_a_mistake_in_a_plan_is_told_in_words(self):
        rig = self.rig(self.EVEN, lambda obj, view: None)
        with pytest.raises(PlanError):
            await rig.reconcile()
        assert "the planner returned None" in self.told(rig)[2]

    async def test_it_is_taken_back_with_the_next_plan(self):
        odd = {"type": "Reconciled", "status": "False"}
        even = {**self.EVEN, "status": {"phase": "Running", "conditions": [odd]}}
        rig = self.rig(even)
        await rig.reconcile()
        ((_, plan),) = rig.sink.plans
        assert plan.status == {"phase": "Running", "conditions": []}

    @pytest.mark.parametrize("error", [StaleError("409"), ConnectionFailedError("reset")])
    async def test_what_could_not_be_said_is_tried_again(self, error):
        rig = self.rig(self.ODD)
        rig.sink.answers = [PartialError([], error)]
        with pytest.raises(type(error)):
            await rig.reconcile()

    async def test_what_the_server_will_not_have_said_is_not(self):
        rig = self.rig(self.ODD)
        rig.sink.answers = [PartialError([], RefusedError(FAILURE))]
        with pytest.raises(TerminalError):
            await rig.reconcile()


async def test_a_planner_that_raises_is_named_by_place_and_not_by_words():
    def plan(obj, view):
        raise ValueError("password=hunter2")

    rig = Rig(plan, ME)
    with pytest.raises(ValueError, match="hunter2"):
        await rig.reconcile()
    ((kind, reason, message),) = rig.recorder.notes
    assert (kind, reason) == ("Warning", "ReconcileError")
    assert message.startswith("ValueError at test_plan_reconciler.py:")
    assert "hunter2" not in message


@pytest.mark.parametrize("error", [PlanError("no name"), UndeclaredKindError(SECRET)])
async def test_a_mistake_in_a_plan_is_told_on_the_object_in_our_own_words(error):
    rig = Rig(lambda obj, view: Plan(), ME)
    rig.sink.answers = [error]
    with pytest.raises(type(error)):
        await rig.reconcile()
    assert rig.recorder.notes == [("Warning", "ReconcileError", str(error))]


@pytest.mark.parametrize("returned", [None, [Plan()], Plan(requeue_after=-1)])
async def test_what_is_no_plan_is_told_on_the_object(returned):
    rig = Rig(lambda obj, view: returned, ME)
    with pytest.raises(PlanError):
        await rig.reconcile()
    ((_, reason, message),) = rig.recorder.notes
    assert reason == "ReconcileError"
    assert "Plan" in message
    assert rig.sink.plans == []


async def test_a_plan_that_cannot_be_compared_is_told_on_the_object():
    rig = Rig(lambda obj, view: Plan(status={"x": object()}), ME)
    rig.sink.answers = [TypeError("cannot encode hunter2")]
    with pytest.raises(TypeError):
        await rig.reconcile()
    ((_, reason, message),) = rig.recorder.notes
    assert reason == "ReconcileError"
    assert message.startswith("TypeError at ")
    assert "hunter2" not in message


async def test_a_kind_that_was_not_declared_is_named_on_the_object():
    rig = Rig(lambda obj, view: view.get("v1/Secret", "s"), ME)
    with pytest.raises(UndeclaredKindError):
        await rig.reconcile()
    ((_, _, message),) = rig.recorder.notes
    assert "v1/Secret is not cached" in message


async def test_an_object_that_is_gone_is_no_work():
    rig = Rig(lambda obj, view: Plan())
    await rig.reconcile()
    assert rig.sink.plans == []


async def test_gone_plans_for_what_was_left_behind():
    leftover = obj(POD, "p", metadata={"labels": {"mlctl.dev/name": "owner"}})

    def gone(key, view):
        pods = view.list("v1/Pod", labels={"mlctl.dev/name": key.name})
        return Plan(status={"pods": len(pods)}, requeue_after=3)

    rig = Rig(lambda obj, view: Plan(), leftover, gone=gone)
    result = await rig.reconcile()
    ((owner, plan),) = rig.sink.plans
    assert plan.status == {"pods": 1}
    assert owner.metadata is None
    assert result.requeue_after == 3


class TestObserve:
    """Facts from outside the caches."""

    async def test_facts_reach_the_plan(self):
        async def observe(obj, view, client):
            return f"{client} saw {obj.metadata.name}"

        seen = []
        rig = Rig(lambda obj, view: seen.append(view.facts) or Plan(), ME, observe=observe)
        await rig.reconcile()
        assert seen == ["the client saw owner"]

    async def test_the_plan_is_made_from_what_is_there_after_observing(self):
        rig = None

        async def observe(obj, view, client):
            newer = obj_with("b")
            rig.stores[CONFIG_MAP].put(entry(newer))

        rig = Rig(lambda obj, view: Plan(status=dict(obj.data)), ME, observe=observe)
        await rig.reconcile()
        ((owner, plan),) = rig.sink.plans
        assert plan.status == {"wish": "b"}
        assert json.loads(owner.raw)["data"] == {"wish": "b"}

    async def test_an_object_that_goes_meanwhile_is_gone(self):
        rig = None

        async def observe(obj, view, client):
            rig.stores[CONFIG_MAP].remove(entry(ME))

        rig = Rig(lambda obj, view: Plan(), ME, observe=observe)
        await rig.reconcile()
        assert rig.sink.plans == []

    async def test_observing_has_an_end_and_the_plan_goes_ahead_without_facts(self):
        async def observe(obj, view, client):
            await asyncio.Event().wait()

        rig = Rig(lambda obj, view: Plan(status={"facts": view.facts}), ME, observe=observe)
        task = asyncio.create_task(rig.reconcile())
        await rig.clock.advance(OBSERVE_SECONDS)
        await task
        ((_, plan),) = rig.sink.plans
        assert plan.status == {"facts": None}

    async def test_a_server_that_cannot_be_asked_does_not_hold_up_the_plan(self):
        async def observe(obj, view, client):
            raise ConnectionFailedError("reset")

        rig = Rig(lambda obj, view: Plan(status={"facts": view.facts}), ME, observe=observe)
        await rig.reconcile()
        ((_, plan),) = rig.sink.plans
        assert plan.status == {"facts": None}
        assert rig.recorder.notes == []

    async def test_a_bug_in_observing_is_named_as_one_in_planning_is(self):
        async def observe(obj, view, client):
            raise KeyError("no such thing")

        rig = Rig(lambda obj, view: Plan(), ME, observe=observe)
        with pytest.raises(KeyError):
            await rig.reconcile()
        ((_, reason, _),) = rig.recorder.notes
        assert reason == "ReconcileError"


def obj_with(wish):
    return obj(CONFIG_MAP, "owner", data={"wish": wish}, metadata={"resourceVersion": "2"})


async def test_views_know_what_time_it_is():
    seen = []
    rig = Rig(lambda obj, view: seen.append(view.now) or Plan(), ME)
    await rig.clock.advance(60)
    await rig.reconcile()
    assert seen == [rig.clock.now()]


async def test_what_has_not_changed_is_decoded_once_for_all_who_look_at_it():
    looked_at = []

    def look(view):
        looked_at.append(view.get("v1/Pod", "p"))

    async def observe(obj, view, client):
        look(view)

    rig = Rig(lambda obj, view: look(view) or Plan(), ME, obj(POD, "p"), observe=observe)
    await rig.reconcile()
    await rig.reconcile()
    assert len(looked_at) == 4
    assert all(pod is looked_at[0] for pod in looked_at)
