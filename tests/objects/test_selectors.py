from __future__ import annotations

import pytest

from mlctl_core.objects.selectors import (
    LabelSelector,
    parse_field_selector,
    parse_label_selector,
)

LABELS = {"app": "web", "tier": "front", "example.org/index": "3", "empty": ""}


@pytest.mark.parametrize(
    "selector",
    [
        "",
        " ",
        "app=web",
        "app==web",
        "app = web , tier = front",
        "app!=db",
        "absent!=anything",
        "app in (web,db)",
        "app in ( web , db )",
        "app notin (db)",
        "absent notin (a)",
        "app",
        "!absent",
        "empty=",
        "example.org/index=3",
        "example.org/index>2",
        "example.org/index<4",
        "in=x,in!=y,notin",
    ],
)
def test_what_a_selector_matches(selector):
    labels = {**LABELS, "in": "x", "notin": "y"} if "in=x" in selector else LABELS
    assert parse_label_selector(selector).matches(labels)


@pytest.mark.parametrize(
    "selector",
    [
        "app=db",
        "absent=",
        "app!=web",
        "app in (db)",
        "app notin (web,db)",
        "absent",
        "!app",
        "app=web,tier=back",
        "example.org/index>3",
        "app>1",
        "absent<5",
    ],
)
def test_what_a_selector_does_not_match(selector):
    assert not parse_label_selector(selector).matches(LABELS)


@pytest.mark.parametrize(
    "selector",
    [
        "=",
        ",",
        "a=b,",
        "a b",
        "a in",
        "a in ()x",
        "a in (b",
        "!",
        "!a=b",
        "a=b=c",
        "a>b",
        "-a=b",
        "a=-b",
        "UPPER.org/../x=y",
        "x" * 64,
        "a=" + "x" * 64,
    ],
)
def test_a_malformed_selector_is_refused(selector):
    with pytest.raises(ValueError, match=r"selector|label"):
        parse_label_selector(selector)


@pytest.mark.parametrize(
    ("selector", "canonical"),
    [
        ("tier=front, app == web", "app=web,tier=front"),
        ("a notin (y, x, y)", "a notin (x,y)"),
        ("a in (x)", "a=x"),
        ("a!=x", "a!=x"),
        ("!b , a", "a,!b"),
        ("a>1", "a>1"),
    ],
)
def test_equal_selectors_read_the_same(selector, canonical):
    assert str(parse_label_selector(selector)) == canonical
    assert parse_label_selector(canonical) == parse_label_selector(selector)


def test_the_json_of_a_spec_means_the_same_as_the_string():
    from_json = LabelSelector.from_dict(
        {
            "matchLabels": {"app": "web"},
            "matchExpressions": [
                {"key": "tier", "operator": "NotIn", "values": ["back"]},
                {"key": "gone", "operator": "DoesNotExist"},
                {"key": "empty", "operator": "Exists"},
            ],
        }
    )
    assert from_json == parse_label_selector("app=web,empty,!gone,tier!=back")
    assert from_json.matches(LABELS)


def test_an_empty_selector_matches_everything():
    assert LabelSelector.from_dict({}).matches({})


@pytest.mark.parametrize(
    "expression",
    [
        {"key": "a", "operator": "Like", "values": ["b"]},
        {"key": "a", "operator": "In"},
        {"key": "a", "operator": "Exists", "values": ["b"]},
    ],
)
def test_an_expression_that_means_nothing_is_refused(expression):
    with pytest.raises(ValueError, match="'a'"):
        LabelSelector.from_dict({"matchExpressions": [expression]})


@pytest.mark.parametrize(
    ("selector", "requirements"),
    [
        ("", ()),
        ("metadata.name=a", (("metadata.name", "=", "a"),)),
        ("a==b,c!=d", (("a", "=", "b"), ("c", "!=", "d"))),
        ("spec.nodeName=", (("spec.nodeName", "=", ""),)),
        (r"a=x\,y\=z\\", (("a", "=", r"x,y=z\ "[:-1]),)),
    ],
)
def test_a_field_selector_is_taken_apart(selector, requirements):
    assert parse_field_selector(selector) == requirements


@pytest.mark.parametrize("selector", ["a", "=b", r"a=b\n", "a=b=c", "a=b\\"])
def test_a_malformed_field_selector_is_refused(selector):
    with pytest.raises(ValueError, match="field selector"):
        parse_field_selector(selector)
