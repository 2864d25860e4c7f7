"""Events, in the two forms that the API has for them."""

from __future__ import annotations

import pytest
from raw_client import STRATEGIC

MOMENT = "2020-01-01T00:00:00.000000Z"


@pytest.fixture
def core(namespace):
    return f"/api/v1/namespaces/{namespace}/events"


@pytest.fixture
def events(namespace):
    return f"/apis/events.k8s.io/v1/namespaces/{namespace}/events"


@pytest.fixture
def event(namespace):
    """Makes an event of events.k8s.io/v1."""

    def event(name="a", **more):
        return {
            "metadata": {"name": name},
            "eventTime": MOMENT,
            "reportingController": "example.com/c",
            "reportingInstance": "c-1",
            "action": "Do",
            "reason": "Why",
            "type": "Normal",
            "note": "said",
            "regarding": {"kind": "Pod", "name": "p", "namespace": namespace, "apiVersion": "v1"},
            **more,
        }

    return event


@pytest.fixture
def old_event(namespace):
    """Makes an event of v1."""

    def old_event(name="a", **more):
        return {
            "metadata": {"name": name},
            "involvedObject": {"kind": "Pod", "name": "p", "namespace": namespace},
            "reason": "Why",
            "message": "said",
            "type": "Normal",
            "source": {"component": "c"},
            "count": 1,
            "firstTimestamp": "2020-01-01T00:00:00Z",
            "lastTimestamp": "2020-01-01T00:00:00Z",
            **more,
        }

    return old_event


@pytest.fixture
async def both(server, core, events, event, old_event):
    """The path of events of both forms."""
    await server.made(events, event("new"))
    await server.made(core, old_event("old"))
    return core


async def test_an_event_is_seen_by_both_doors(server, core, events, event):
    await server.made(events, event())
    found = await server.found(f"{core}/a")
    assert (found["kind"], found["apiVersion"]) == ("Event", "v1")
    assert found["message"] == "said"
    assert found["involvedObject"]["name"] == "p"
    assert found["reportingComponent"] == "example.com/c"
    assert found["eventTime"] == MOMENT


async def test_an_event_of_old_is_seen_by_both_doors(server, core, events, old_event):
    await server.made(core, old_event())
    found = await server.found(f"{events}/a")
    assert found["apiVersion"] == "events.k8s.io/v1"
    assert found["note"] == "said"
    assert found["regarding"]["name"] == "p"
    assert found["deprecatedSource"] == {"component": "c"}
    assert found["deprecatedCount"] == 1
    assert found.get("eventTime") is None


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"eventTime": None}, ("FieldValueRequired", "eventTime")),
        ({"action": ""}, ("FieldValueRequired", "action")),
        ({"reason": ""}, ("FieldValueRequired", "reason")),
        ({"reportingInstance": ""}, ("FieldValueRequired", "reportingInstance")),
        ({"reportingController": "no name"}, ("FieldValueInvalid", "reportingController")),
        ({"type": "Odd"}, ("FieldValueInvalid", "type")),
        ({"note": "x" * 1025}, ("FieldValueInvalid", "message")),
        ({"reason": "x" * 129}, ("FieldValueInvalid", "reason")),
        ({"action": "x" * 129}, ("FieldValueInvalid", "action")),
        ({"reportingInstance": "x" * 129}, ("FieldValueInvalid", "reportingInstance")),
        ({"regarding": {"kind": "Node", "name": "n"}},
         ("FieldValueInvalid", "involvedObject.namespace")),
        ({"series": {"count": 1, "lastObservedTime": MOMENT}},
         ("FieldValueInvalid", "series.count")),
        ({"series": {"count": 2, "lastObservedTime": None}},
         ("FieldValueRequired", "series.lastObservedTime")),
    ],
    ids=[
        "time", "action", "reason", "instance", "controller", "type", "long note", "long reason",
        "long action", "long instance", "namespace", "series of one", "series without time",
    ],
)  # fmt: skip
async def test_what_an_event_must_say(server, events, event, change, cause):
    answer = await server.post(events, event(**change))
    assert answer.refusal[:2] == (422, "Invalid")
    assert answer.fields == [cause]


async def test_a_time_has_six_digits(server, events, event):
    answer = await server.post(events, event(eventTime="2020-01-01T00:00:00Z"))
    assert answer.refusal[:2] == (400, "BadRequest")
    assert answer.message.endswith('cannot parse "Z" as ".000000"')


async def test_an_event_becomes_a_series(server, events, event):
    await server.made(events, event())
    series = {"count": 2, "lastObservedTime": MOMENT}
    answer = await server.patch(f"{events}/a", {"series": series})
    assert answer.ok()["series"] == series


async def test_nothing_else_of_an_event_changes(server, events, event):
    await server.made(events, event())
    answer = await server.patch(f"{events}/a", {"note": "other", "reason": "Other"})
    assert answer.refusal[:2] == (422, "Invalid")
    # The oldest version says it twice.
    assert set(answer.causes) == {
        ("FieldValueInvalid", "reason", 'Invalid value: "Other": field is immutable'),
        ("FieldValueInvalid", "message", 'Invalid value: "other": field is immutable'),
    }


async def test_an_event_of_old_is_counted_up(server, core, old_event):
    await server.made(core, old_event())
    patch = {"count": 2, "message": "again"}
    found = (await server.patch(f"{core}/a", patch, STRATEGIC)).ok()
    assert (found["count"], found["message"]) == (2, "again")


async def test_an_event_of_old_is_where_its_object_is(server, core, old_event):
    elsewhere = {"kind": "Pod", "name": "p", "namespace": "elsewhere"}
    answer = await server.post(core, old_event(involvedObject=elsewhere))
    words = 'Invalid value: "elsewhere": does not match event.namespace'
    assert answer.causes == [("FieldValueInvalid", "involvedObject.namespace", words)]


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("involvedObject.name=p", ["new", "old"]),
        ("involvedObject.kind=Pod,type=Normal", ["new", "old"]),
        ("involvedObject.uid=", ["new", "old"]),
        ("reason=Why", ["new", "old"]),
        ("reason=Other", []),
        ("source=c", ["old"]),
        ("reportingComponent=example.com/c", ["new"]),
    ],
)
async def test_events_are_selected_by_what_they_say(server, both, selector, names):
    assert (await server.get(both, fieldSelector=selector)).names == names


@pytest.mark.parametrize(
    ("selector", "names"),
    [("regarding.name=p", ["new"]), ("reason=Why", ["new"]), ("type=Warning", [])],
)
async def test_events_are_selected_by_their_new_names(server, events, event, selector, names):
    await server.made(events, event("new"))
    assert (await server.get(events, fieldSelector=selector)).names == names


async def test_each_door_has_its_own_names(server, core, events):
    for path, field in ((core, "regarding.name"), (events, "involvedObject.name")):
        answer = await server.get(path, fieldSelector=f"{field}=p")
        assert answer.refusal == (400, "BadRequest", f"field label not supported: {field}")
