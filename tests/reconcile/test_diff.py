from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlctl_core.reconcile.diff import covers, merge_patch, patch_changes

SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b"])
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from("abcd"), JSON, max_size=4)


def patched(target, patch):
    """RFC 7386, as its section 2 spells it."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = patched(result.get(name), value)
    return result


def without_nulls(value):
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    return value


def same(one, other):
    """Equality that tells True from 1."""
    return repr(sort(one)) == repr(sort(other))


def sort(value):
    if isinstance(value, dict):
        return {k: sort(value[k]) for k in sorted(value)}
    return [sort(v) for v in value] if isinstance(value, list) else value


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_leads_from_old_to_new(old, new):
    patch = merge_patch(old, new)
    assert same(without_nulls(patched(old, patch or {})), without_nulls(new))


@given(OBJECTS)
def test_there_is_no_patch_to_what_is_already_so(obj):
    assert merge_patch(obj, copy.deepcopy(obj)) is None


@given(OBJECTS, OBJECTS)
def test_a_patch_changes_something_exactly_when_it_does(observed, patch):
    assert patch_changes(observed, patch) is not same(patched(observed, patch), observed)


@given(OBJECTS)
def test_everything_covers_itself(obj):
    assert covers(obj, copy.deepcopy(obj))


def test_a_merge_patch_holds_only_what_differs():
    old = {"phase": "Running", "counts": {"failed": 0, "running": 2}, "reason": "x"}
    new = {"phase": "Running", "counts": {"failed": 1, "running": 2}}
    assert merge_patch(old, new) == {"counts": {"failed": 1}, "reason": None}


def test_lists_are_replaced_as_a_whole():
    assert merge_patch({"a": [1, 2]}, {"a": [1, 3]}) == {"a": [1, 3]}


def test_none_in_the_new_state_means_absent():
    assert merge_patch({}, {"a": None}) is None
    assert merge_patch({"a": 1}, {"a": None}) == {"a": None}
    assert merge_patch({}, {"a": {"b": None, "c": 1}}) == {"a": {"c": 1}}


@pytest.mark.parametrize(
    ("desired", "observed"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": None}, {}),
        ({"a": {}}, {}),
        ({"a": []}, {}),
        ({"a": {"b": "x"}}, {"a": {"b": "x", "defaulted": True}}),
        ({"args": ["x", "y"]}, {"args": ["x", "y"]}),
        ({"finalizers": ["a"]}, {"finalizers": ["b", "a"]}),
        (
            {"containers": [{"name": "main", "image": "i"}]},
            {"containers": [{"name": "sidecar"}, {"name": "main", "image": "i", "x": 1}]},
        ),
        (
            {"ports": [{"port": 80}, {"port": 53, "protocol": "UDP"}]},
            {
                "ports": [
                    {"port": 53, "protocol": "UDP", "targetPort": 53},
                    {"port": 80, "protocol": "TCP", "targetPort": 80},
                ]
            },
        ),
        (
            {"tolerations": [{"key": "gpu"}]},
            {"tolerations": [{"key": "gpu", "operator": "Equal"}]},
        ),
        ({"limits": {"cpu": "0.5"}}, {"limits": {"cpu": "500m", "memory": "1Gi"}}),
        ({"requests": {"memory": "1024Mi"}}, {"requests": {"memory": "1Gi"}}),
        ({"requests": {"cpu": 1}}, {"requests": {"cpu": "1"}}),
    ],
)
def test_what_the_server_or_others_add_is_no_difference(desired, observed):
    assert covers(desired, observed)


@pytest.mark.parametrize(
    ("desired", "observed"),
    [
        ({"a": 1}, {}),
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {"a": True}),
        ({"a": 0}, {"a": False}),
        ({"a": {"b": 1}}, {"a": "b"}),
        ({"args": ["x", "y"]}, {"args": ["y", "x"]}),
        ({"args": ["x"]}, {"args": ["x", "y"]}),
        ({"finalizers": ["a"]}, {"finalizers": ["b"]}),
        ({"containers": [{"name": "main"}]}, {"containers": [{"name": "other"}]}),
        (
            {"ports": [{"port": 80, "protocol": "UDP"}]},
            {"ports": [{"port": 80, "protocol": "TCP"}]},
        ),
        ({"tolerations": [{"key": "a"}]}, {"tolerations": [{"key": "a"}, {"key": "b"}]}),
        ({"limits": {"cpu": "1"}}, {"limits": {"cpu": "2"}}),
        ({"limits": {"cpu": "1"}}, {"limits": {"cpu": "what"}}),
        ({"limits": {"cpu": "1"}}, {"limits": {}}),
    ],
)
def test_what_we_set_and_do_not_find_is_a_difference(desired, observed):
    assert not covers(desired, observed)
