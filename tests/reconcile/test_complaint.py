from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated

import attrs
import pytest

from mlctl_core.objects.conditions import Conditions
from mlctl_core.objects.core import Deployment
from mlctl_core.objects.metadata import Metadata
from mlctl_core.objects.resource import Schema, resource
from mlctl_core.reconcile.complaint import (
    CONDITION,
    MAX_MESSAGE,
    complaining,
    has_conditions,
    status_of,
    withdrawn,
)

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
RUNNING = {"type": "Running", "status": "True", "odd": ["kept"]}


def complain(status, reason="InvalidObject", message="$.spec: odd", now=NOW, generation=3):
    return complaining(status, Metadata(name="a", generation=generation), reason, message, now)


def raw(status):
    return json.dumps({"metadata": {"name": "a"}, "status": status}).encode()


def test_it_is_a_condition_beside_the_others():
    status = complain({"phase": "Running", "conditions": [RUNNING]})
    assert status == {
        "phase": "Running",
        "conditions": [
            RUNNING,
            {
                "type": CONDITION,
                "status": "False",
                "reason": "InvalidObject",
                "message": "$.spec: odd",
                "lastTransitionTime": "2026-01-01T12:00:00Z",
                "observedGeneration": 3,
            },
        ],
    }


def test_said_again_later_it_is_the_same():
    once = complain({"conditions": [RUNNING]})
    assert complain(once, now=NOW + timedelta(hours=1)) == once


def test_other_words_take_the_place_of_the_old_ones_and_keep_the_time():
    status = complain(complain({"conditions": []}), message="other", now=NOW + timedelta(hours=1))
    (condition,) = status["conditions"]
    assert condition["message"] == "other"
    assert condition["lastTransitionTime"] == "2026-01-01T12:00:00Z"


def test_somebody_elses_true_becomes_false_now():
    (condition,) = complain({"conditions": [{"type": CONDITION, "status": "True"}]})["conditions"]
    assert condition["status"] == "False"
    assert condition["lastTransitionTime"] == "2026-01-01T12:00:00Z"


@pytest.mark.parametrize("conditions", [None, "odd", {"type": "x"}, ["odd"]])
def test_conditions_that_are_none_are_replaced(conditions):
    assert len(complain({"conditions": conditions})["conditions"]) == 1


def test_a_long_message_is_cut():
    (condition,) = complain({}, message="x" * 10_000)["conditions"]
    assert len(condition["message"]) == MAX_MESSAGE


class TestWithdrawal:
    def test_without_it_the_planners_status_is_untouched(self):
        wanted = {"phase": "Running"}
        assert withdrawn(raw({"conditions": [RUNNING]}), wanted) is wanted
        assert withdrawn(raw({}), None) is None

    def test_it_goes_from_what_the_planner_carried_over(self):
        told = complain({"conditions": [RUNNING]})
        wanted = {"phase": "Failed", "conditions": [{"type": "Failed"}, *told["conditions"]]}
        assert withdrawn(raw(told), wanted) == {
            "phase": "Failed",
            "conditions": [{"type": "Failed"}, RUNNING],
        }

    def test_it_goes_when_the_planner_wants_no_status(self):
        told = complain({"phase": "Running", "conditions": [RUNNING]})
        assert withdrawn(raw(told), None) == {"phase": "Running", "conditions": [RUNNING]}

    def test_the_word_alone_is_not_the_condition(self):
        assert withdrawn(raw({"message": CONDITION}), None) is None


class TestStatusOf:
    def test_it_is_read_without_the_rest(self):
        deep = '{"a":' * (sys.getrecursionlimit() * 4)
        body = '{"spec":' + deep + "1" + "}" * deep.count("{") + ',"status":{"phase":"x"}}'
        assert status_of(body.encode()) == {"phase": "x"}

    @pytest.mark.parametrize("body", [b"{}", b'{"status":null}', b'{"status":7}'])
    def test_none_is_empty(self, body):
        assert status_of(body) == {}

    @pytest.mark.parametrize("body", [b"[]", b"", b'{"status":{x}}'])
    def test_what_cannot_be_read_is_none(self, body):
        assert status_of(body) is None


@attrs.frozen(kw_only=True)
class Spec:
    """Nothing much."""


@attrs.frozen(kw_only=True)
class WithConditions:
    """A status."""

    conditions: Conditions = ()


@attrs.frozen(kw_only=True)
class WithoutConditions:
    """A status."""

    phase: Annotated[str, Schema(max_length=8)] = ""


@resource(group="example.org", version="v1", plural="goods")
@attrs.frozen(kw_only=True)
class Good:
    """With conditions."""

    metadata: Metadata
    spec: Spec = Spec()
    status: WithConditions = WithConditions()


@resource(group="example.org", version="v1", plural="bads")
@attrs.frozen(kw_only=True)
class Bad:
    """Without."""

    metadata: Metadata
    spec: Spec = Spec()
    status: WithoutConditions = WithoutConditions()


@resource(group="example.org", version="v1", plural="uglies")
@attrs.frozen(kw_only=True)
class Ugly:
    """Without a status."""

    metadata: Metadata
    spec: Spec = Spec()


@pytest.mark.parametrize(("cls", "has"), [(Good, True), (Bad, False), (Ugly, False)])
def test_only_objects_with_conditions_are_told_by_one(cls, has):
    assert has_conditions(cls) is has


def test_conditions_of_built_in_kinds_are_others():
    assert not has_conditions(Deployment)
