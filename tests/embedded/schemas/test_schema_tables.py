"""Tables have the columns and cells that `kubectl get` shows of a real cluster."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest
from recorded_answers import BUILTIN, custom_resource, load

from mlctl_core.embedded.apiserver.durations import human_duration, since
from mlctl_core.embedded.apiserver.table import to_table
from mlctl_core.objects.times import parse_time

TABLES = load("tables")
NOW = datetime(2026, 11, 23, 21, 38, tzinfo=UTC)


@pytest.mark.parametrize("case", TABLES, ids=lambda case: f"{case['apiVersion']} {case['kind']}")
def test_a_table_is_that_of_a_real_server(case):
    resource = BUILTIN[case["apiVersion"], case["kind"]]
    objects = [row["object"] for row in case["rows"]]
    table = to_table(resource, objects, parse_time(case["now"]))
    columns = [
        [column["name"], column["type"], column["format"], column["priority"]]
        for column in table["columnDefinitions"]
    ]
    assert columns == case["columns"]
    assert [row["cells"] for row in table["rows"]] == [row["cells"] for row in case["rows"]]


COLUMNS = (
    {"name": "S", "type": "string", "jsonPath": ".spec.s"},
    {"name": "I", "type": "integer", "jsonPath": ".spec.i"},
    {"name": "N", "type": "number", "jsonPath": ".spec.n"},
    {"name": "B", "type": "boolean", "jsonPath": ".spec.b"},
    {"name": "D", "type": "date", "jsonPath": ".spec.d"},
    {"name": "R", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'},
    {"name": "L", "type": "string", "jsonPath": ".spec.l", "priority": 1},
    {"name": "L0", "type": "string", "jsonPath": ".spec.l[0]"},
    {"name": "M", "type": "string", "jsonPath": ".spec.m"},
    {"name": "K", "type": "string", "jsonPath": r".metadata.labels.app\.kubernetes\.io/name"},
    {"name": "IS", "type": "string", "jsonPath": ".spec.i"},
    {"name": "SI", "type": "integer", "jsonPath": ".spec.s"},
)


def cells(obj):
    resource = attrs.evolve(custom_resource({"type": "object"}), columns=COLUMNS)
    (row,) = to_table(resource, [obj], NOW)["rows"]
    return dict(zip((column["name"] for column in COLUMNS), row["cells"][1:], strict=True))


def test_custom_columns_show_what_they_point_at():
    obj = {
        "metadata": {"name": "a", "labels": {"app.kubernetes.io/name": "zz"}},
        "spec": {
            "s": "x",
            "i": 3,
            "n": 1.5,
            "b": True,
            "d": "2026-11-23T20:00:00Z",
            "l": ["p", "q"],
            "m": {"b": [1, "x"], "a": None},
        },
        "status": {"conditions": [{"type": "Foo"}, {"type": "Ready", "status": "True"}]},
    }
    assert cells(obj) == {
        "S": "x",
        "I": 3,
        "N": 1.5,
        "B": True,
        "D": "98m",
        "R": "True",
        "L": '["p","q"]',
        "L0": "p",
        "M": '{"a":null,"b":[1,"x"]}',
        "K": "zz",
        "IS": "3",
        "SI": None,
    }


def test_custom_columns_are_empty_where_the_type_does_not_fit():
    obj = {"metadata": {"name": "b"}, "spec": {"s": None, "i": "3", "d": "zz", "n": 7, "l": []}}
    found = cells(obj)
    assert found["S"] == "<no value>"
    assert found["D"] == "<invalid>"
    assert found["I"] is found["B"] is found["R"] is found["L0"] is None
    assert (found["N"], found["L"], found["IS"]) == (7, "[]", "3")


def test_a_definition_without_columns_shows_the_age():
    created = "2026-11-23T21:37:00Z"
    obj = {"metadata": {"name": "a", "creationTimestamp": created}}
    table = to_table(custom_resource({"type": "object"}), [obj], NOW)
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Age"]
    assert table["rows"] == [{"cells": ["a", "60s"]}]


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (-5, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (121, "2m1s"),
        (599, "9m59s"),
        (600, "10m"),
        (3 * 3600 - 1, "179m"),
        (3 * 3600, "3h"),
        (3 * 3600 + 60, "3h1m"),
        (8 * 3600, "8h"),
        (47 * 3600, "47h"),
        (48 * 3600, "2d"),
        (49 * 3600, "2d1h"),
        (8 * 86400, "8d"),
        (729 * 86400, "729d"),
        (730 * 86400, "2y"),
        (731 * 86400, "2y1d"),
        (9 * 365 * 86400, "9y"),
    ],
)
def test_spans_are_shown_with_two_digits_of_interest(span, text):
    assert human_duration(span) == text


def test_a_time_that_is_not_there_is_unknown():
    assert since(None, NOW) == "<unknown>"
    assert since("nonsense", NOW) == "<invalid>"
    then = (NOW - timedelta(seconds=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert since(then, NOW) == "5s"
