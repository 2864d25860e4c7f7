"""CEL rules run where they stand, on what they may see, with upstream's words."""

from __future__ import annotations

import copy

import pytest
from recorded_answers import custom_object, custom_resource, load, parts

from mlctl_core.embedded.apiserver.cel_rules import compile_rules
from mlctl_core.embedded.apiserver.cel_values import escape
from mlctl_core.embedded.apiserver.field_errors import summary
from mlctl_core.embedded.apiserver.patch import merge_patch
from mlctl_core.embedded.apiserver.strategy import strategy_for

RECORDED = load("rules")
STRATEGY = strategy_for(custom_resource(RECORDED["schema"]))


@pytest.mark.parametrize("case", RECORDED["creates"], ids=lambda case: str(case["spec"]))
def test_a_new_object_is_judged_as_a_real_server_judges_it(case):
    errors = STRATEGY.validate_create(custom_object(spec=case["spec"]))
    assert parts(summary(errors) if errors else None) == parts(case["error"])


@pytest.mark.parametrize("case", RECORDED["updates"], ids=lambda case: str(case["patch"]))
def test_a_change_is_judged_as_a_real_server_judges_it(case):
    old = custom_object(spec=RECORDED["old"])
    new = merge_patch(copy.deepcopy(old), {"spec": case["patch"]})
    errors = STRATEGY.validate_update(new, old)
    assert (summary(errors) if errors else None) == case["error"]


def check(rule, value, schema, *, old=None, **fields):
    spec = {**schema, "x-kubernetes-validations": [{"rule": rule, **fields}]}
    rules = compile_rules({"type": "object", "properties": {"spec": spec}})
    before = None if old is None else {"spec": old}
    return [str(error) for error in rules.check({"spec": value}, before)]


STRING = {"type": "string"}
INTEGER = {"type": "integer"}
LIST = {"type": "array", "items": INTEGER}


@pytest.mark.parametrize(
    ("rule", "value", "schema"),
    [
        ("size(self) == 2 && self.size() == 2", "éa", STRING),
        ("self.matches('^[a-z]+$')", "abc", STRING),
        ("self.startsWith('a') && self.endsWith('c') && self.contains('b')", "abc", STRING),
        ("self.split(',') == ['a', 'b']", "a,b", STRING),
        ("self.lowerAscii() == 'ab' && self.upperAscii() == 'AB'", "Ab", STRING),
        ("self.indexOf('b') == 1 && self.substring(1) == 'bc'", "abc", STRING),
        ("self.trim() == 'a' && self.replace(' ', '') == 'a'", " a ", STRING),
        ("self.find('[0-9]+') == '12' && self.findAll('[0-9]+') == ['12', '3']", "a12b3", STRING),
        ("self.all(x, x > 0) && self.exists(x, x == 2)", [1, 2], LIST),
        ("self.isSorted() && self.sum() == 3 && self.max() == 2", [1, 2], LIST),
        ("self.map(x, x * 2) == [2, 4]", [1, 2], LIST),
        ("math.greatest(self, 3) == 3", 2, INTEGER),
        ("quantity(self).isGreaterThan(quantity('999Mi'))", "1Gi", STRING),
        ("isQuantity(self) && !isQuantity('x')", "100m", STRING),
        ("isIP(self) && ip(self).family() == 4", "10.0.0.1", STRING),
        ("cidr('10.0.0.0/8').containsIP(self)", "10.1.2.3", STRING),
        ("isURL(self) && url(self).getHost() == 'h:1'", "http://h:1/p", STRING),
        ("[self].join('-') == 'a' && self.reverse() == 'a'", "a", STRING),
        ("'size(' != self", "x", STRING),
    ],
)
def test_the_functions_that_rules_need_are_there(rule, value, schema):
    assert check(rule, value, schema) == []


FIELDS = {"type": "object", "properties": {"a": INTEGER, "b": STRING}}


def test_an_absent_field_can_be_asked_for():
    assert check("!has(self.a) || self.a > 1", {}, FIELDS) == []
    assert check("self.?a.orValue(5) == 5", {}, FIELDS) == []


def test_reading_an_absent_field_is_an_error_that_says_so():
    (error,) = check("self.a > 1", {}, FIELDS)
    assert error == 'spec: Invalid value: "object": no such key: a evaluating rule: self.a > 1'


def test_what_did_not_change_is_not_judged_again():
    assert check("self.a > 1", {"a": 0}, FIELDS, old={"a": 0}) == []


def test_only_name_and_generate_name_of_metadata_can_be_seen():
    rules = compile_rules(
        {
            "type": "object",
            "x-kubernetes-validations": [{"rule": "self.metadata.name == 'x'"}],
            "properties": {},
        }
    )
    assert rules.check({"metadata": {"name": "x", "labels": {}}}, None) == []
    assert [str(e) for e in rules.check({"metadata": {"name": "y"}}, None)] == [
        "<nil>: Invalid value: failed rule: self.metadata.name == 'x'"
    ]


def test_a_schema_without_rules_costs_nothing():
    assert not compile_rules({"type": "object", "properties": {"a": FIELDS}})


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("plain", "plain"),
        ("namespace", "__namespace__"),
        ("x-y", "x__dash__y"),
        ("a.b", "a__dot__b"),
        ("a/b", "a__slash__b"),
        ("a__b", "a__underscores__b"),
        ("1a", None),
        ("a b", None),
    ],
)
def test_names_are_escaped_as_rules_write_them(name, written):
    assert escape(name) == written
