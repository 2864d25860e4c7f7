"""What a custom kind's scale asks of its objects."""

from __future__ import annotations

import pytest
from api_caller import MERGE
from scaled_kind import COUNTERS, counter, define


@pytest.fixture
async def counters(api):
    await define(api)
    return api


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        (
            {"spec": []},
            ".spec.replicas",
            (
                "Invalid value: 0: .spec.replicas accessor error: [] is of the type "
                "[]interface {}, expected map[string]interface{}"
            ),
        ),
        (
            {"spec": {"replicas": "x"}},
            ".spec.replicas",
            (
                "Invalid value: 0: .spec.replicas accessor error: x is of the type string, "
                "expected int64"
            ),
        ),
        (
            {"status": {"replicas": -3}},
            ".status.replicas",
            "Invalid value: -3: should be a non-negative integer",
        ),
        (
            {"spec": {"replicas": 2**31}},
            ".spec.replicas",
            "Invalid value: 2147483648: should be less than or equal to 2147483647",
        ),
        (
            {"status": {"selector": {}}},
            ".status.selector",
            (
                'Invalid value: "": .status.selector accessor error: map[] is of the type '
                "map[string]interface {}, expected string"
            ),
        ),
    ],
)
async def test_what_the_scale_shows_must_be_what_it_is(counters, fields, field, message):
    refused = await counters.post(COUNTERS, counter(**fields))
    assert refused.status == 422
    causes = refused.body["details"]["causes"]
    assert [(one["field"], one["message"]) for one in causes] == [(field, message)]


async def test_a_scale_without_its_number_is_not_shown(counters):
    await counters.made(COUNTERS, counter())
    refused = await counters.get(f"{COUNTERS}/c/scale")
    assert (refused.status, refused.reason) == (500, "InternalError")
    assert refused.message == (
        'Internal error occurred: the spec replicas field ".spec.replicas" does not exist'
    )
    scaled = await counters.patch(f"{COUNTERS}/c/scale", {"spec": {"replicas": 2}}, MERGE)
    assert scaled.body["spec"] == {"replicas": 2}
    assert (await counters.get(f"{COUNTERS}/c/scale")).body["spec"] == {"replicas": 2}


async def test_it_is_the_object_that_a_bad_scale_breaks(counters):
    await counters.made(COUNTERS, counter(spec={"replicas": 1}))
    refused = await counters.patch(f"{COUNTERS}/c/scale", {"spec": {"replicas": -1}}, MERGE)
    assert refused.message == (
        'Counter.example.com "c" is invalid: '
        ".spec.replicas: Invalid value: -1: should be a non-negative integer"
    )


async def test_nobody_comes_to_own_a_custom_resources_number_by_scaling(counters):
    made = await counters.made(COUNTERS, counter(spec={"replicas": 1}))
    await counters.patch(f"{COUNTERS}/c/scale", {"spec": {"replicas": 2}}, MERGE, fieldManager="m")
    found = (await counters.get(f"{COUNTERS}/c")).body
    assert found["spec"]["replicas"] == 2
    assert found["metadata"]["managedFields"] == made["metadata"]["managedFields"]
