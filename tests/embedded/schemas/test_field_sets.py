"""Sets of fields and their FieldsV1 form."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlctl_core.embedded.apiserver.field_set import from_fields_v1, of_paths, show_path

STEPS = st.sampled_from(["f:a", "f:b", 'k:{"name":"x"}', 'v:"s"', "i:0"])
PATHS = st.lists(st.lists(STEPS, min_size=1, max_size=4).map(tuple), max_size=12)


@settings(deadline=None)
@given(PATHS)
def test_a_set_survives_its_written_form(paths):
    fields = of_paths(paths)
    assert set(from_fields_v1(fields.to_fields_v1())) == set(paths)


@settings(deadline=None)
@given(PATHS, PATHS)
def test_operations_are_those_of_sets(left, right):
    a, b = of_paths(left), of_paths(right)
    assert set(a.union(b)) == set(left) | set(right)
    assert set(a.intersection(b)) == set(left) & set(right)
    assert set(a.difference(b)) == set(left) - set(right)
    assert bool(a) == bool(left)
    assert all(a.has(path) for path in left)


@settings(deadline=None)
@given(PATHS, PATHS)
def test_without_removes_what_is_below_too(left, right):
    kept = set(of_paths(left).without(of_paths(right)))
    assert kept == {path for path in left if not any(path[: len(gone)] == gone for gone in right)}


def test_a_member_with_members_below_is_marked_by_a_dot():
    fields = of_paths([("f:labels",), ("f:labels", "f:a")])
    assert fields.to_fields_v1() == {"f:labels": {".": {}, "f:a": {}}}


def test_keys_are_compared_by_value_and_not_by_spelling():
    fields = from_fields_v1({'k:{"protocol": "TCP", "port": 1}': {}})
    assert fields.has(('k:{"port":1,"protocol":"TCP"}',))


@pytest.mark.parametrize("fields", [{"a": {}}, {"x:a": {}}, {"k:nope": {}}, {"f:a": 1}])
def test_what_is_no_field_set_is_refused(fields):
    with pytest.raises(ValueError, match=r"\S"):
        from_fields_v1(fields)


def test_paths_are_shown_as_conflicts_name_them():
    path = ("f:spec", 'k:{"containerPort":80,"protocol":"TCP"}', 'v:"a"', "f:image")
    assert show_path(path) == '.spec[containerPort=80,protocol="TCP"][="a"].image'
