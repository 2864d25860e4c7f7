import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlctl_core.client.errors import MalformedResponseError
from mlctl_core.client.frames import cut_managed_fields, split_event, split_page
from mlctl_core.client.scanner import elements, members

FIELDS = [{"manager": "kubectl", "fieldsV1": {'k:{"name":"a]}"}': {".": {}}}}]


def raw(obj, **options):
    return json.dumps(obj, **options).encode()


def nested(depth):
    return b'{"a":' * depth + b"1" + b"}" * depth


DEEP = nested(sys.getrecursionlimit() * 4)


def test_only_the_object_s_own_managed_fields_are_cut():
    obj = {
        "kind": "Pod",
        "data": {"managedFields": [1], "metadata": {"managedFields": [2]}},
        "metadata": {"name": "a", "managedFields": FIELDS, "annotations": {"managedFields": "[]"}},
        "managedFields": [3],
    }
    cut = json.loads(cut_managed_fields(raw(obj)))
    del obj["metadata"]["managedFields"]
    assert cut == obj


@pytest.mark.parametrize("place", ["first", "middle", "last", "alone"])
@pytest.mark.parametrize("spaces", [None, 2])
def test_managed_fields_are_cut_wherever_they_stand(place, spaces):
    others = {"name": "a", "labels": {"x": "}],{"}}
    metadata = {
        "first": {"managedFields": FIELDS, **others},
        "middle": {"name": "a", "managedFields": FIELDS, "labels": others["labels"]},
        "last": {**others, "managedFields": FIELDS},
        "alone": {"managedFields": FIELDS},
    }[place]
    cut = json.loads(cut_managed_fields(raw({"metadata": metadata, "spec": {}}, indent=spaces)))
    assert cut == {"metadata": {} if place == "alone" else others, "spec": {}}


def test_what_is_left_is_byte_for_byte_what_came():
    spec = b'{"n":1.50,"e":1E5, "s":"\xc3\xa4"}'
    cut = cut_managed_fields(b'{"metadata":{"managedFields":[],"name":"\\u00e4"},"spec":%b}' % spec)
    assert cut == b'{"metadata":{"name":"\\u00e4"},"spec":%b}' % spec


@pytest.mark.parametrize("odd", [b"{}", b"[]", b'"x"', b'{"metadata":3}', b"{broken", b""])
def test_what_is_no_object_is_copied_as_it_is(odd):
    assert cut_managed_fields(odd) == odd


def test_the_bytes_of_an_item_do_not_pin_the_page():
    page = split_page(raw({"metadata": {}, "items": [{"a": 1}, {"metadata": {"name": "b"}}]}))
    assert all(type(item) is bytes for item in page.items)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"items":[]}', b'{"metadata":{},"items":{}}', b"<h>"]
)
def test_what_is_no_list_is_malformed(body):
    with pytest.raises(MalformedResponseError):
        split_page(body)


def test_an_object_nested_too_deeply_does_not_spoil_its_page():
    deep = b'{"metadata":{"name":"deep","managedFields":[]},"spec":' + DEEP + b"}"
    page = split_page(
        b'{"kind":"L","metadata":{"resourceVersion":"9","continue":"t"},"items":['
        + deep
        + b', {"metadata":{"name":"b","managedFields":[]}}]}'
    )
    assert (page.resource_version, page.continue_token) == ("9", "t")
    assert page.items == [
        b'{"metadata":{"name":"deep"},"spec":' + DEEP + b"}",
        b'{"metadata":{"name":"b"}}',
    ]


def test_an_object_nested_too_deeply_does_not_spoil_its_stream():
    event = split_event(b'{"type":"ADDED","object":{"metadata":{"name":"d"},"spec":' + DEEP + b"}}")
    assert event.type == "ADDED"
    assert event.raw.startswith(b'{"metadata":{"name":"d"}')


@pytest.mark.parametrize("wrong", [b'{"type":"ADDED","object":', b'{"object":{},"x":'])
def test_deep_bytes_that_are_not_whole_are_malformed(wrong):
    with pytest.raises(MalformedResponseError):
        split_event(wrong + DEEP)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
objects = st.dictionaries(
    st.text() | st.sampled_from(["metadata", "managedFields"]),
    json_values | st.dictionaries(st.sampled_from(["managedFields", "name"]), json_values),
)


@given(objects, st.booleans())
def test_cutting_removes_that_field_and_nothing_else(obj, ascii_only):
    cut = json.loads(cut_managed_fields(raw(obj, ensure_ascii=ascii_only)))
    if isinstance(obj.get("metadata"), dict):
        obj["metadata"].pop("managedFields", None)
    assert cut == obj


@given(objects)
def test_the_scanner_takes_objects_apart_as_a_decoder_does(obj):
    text = raw(obj)
    assert {
        json.loads(b'"%b"' % key): json.loads(value) for key, value in members(text).items()
    } == obj


@given(st.lists(json_values), st.sampled_from([None, 1]))
def test_the_scanner_takes_arrays_apart_as_a_decoder_does(values, spaces):
    assert [json.loads(element) for element in elements(raw(values, indent=spaces))] == values


@pytest.mark.parametrize("wrong", [b"", b"{", b"[1", b"{}{}", b"{1}", b'{"a"}', b"[]", b"3"])
def test_the_scanner_refuses_what_is_no_object(wrong):
    with pytest.raises(ValueError, match=r"between|match|end|key"):
        members(wrong)


def test_an_absent_list_has_no_elements():
    assert elements(b"null") == []
