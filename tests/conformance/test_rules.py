"""Validation rules in CEL, as definitions of custom resources carry them."""

from __future__ import annotations

import pytest
from specimens import widget, widget_definition, widget_version

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

SPEC = {
    "type": "object",
    "x-kubernetes-validations": [
        {"rule": "self.min <= self.max", "message": "min may not be above max"},
        {
            "rule": "self.max - self.min <= 100",
            "messageExpression": "self.max > 150 ? 'far too wide' : 'too wide'",
        },
        {
            "rule": "!has(self.items) || self.items.all(i, i.startsWith('x'))",
            "message": "items begin with x",
            "fieldPath": ".items",
            "reason": "FieldValueForbidden",
        },
        {"rule": "self.fixed == oldSelf.fixed", "message": "fixed may not change"},
        {
            "rule": "!oldSelf.hasValue() || self.grow >= oldSelf.value().grow",
            "message": "grow may only grow",
            "optionalOldSelf": True,
        },
    ],
    "properties": {
        "min": {"type": "integer", "default": 0},
        "max": {"type": "integer", "default": 10},
        "grow": {"type": "integer", "default": 0},
        "fixed": {"type": "string", "default": "a", "maxLength": 9},
        "items": {"type": "array", "maxItems": 5, "items": {"type": "string", "maxLength": 9}},
        "name": {
            "type": "string",
            "maxLength": 20,
            "x-kubernetes-validations": [{"rule": "self != 'bad'"}],
        },
        "until": {
            "type": "string",
            "format": "date-time",
            "x-kubernetes-validations": [
                {"rule": "self > timestamp('2020-01-01T00:00:00Z')", "message": "too early"}
            ],
        },
        "memory": {
            "x-kubernetes-int-or-string": True,
            "maxLength": 20,
            "x-kubernetes-validations": [
                {
                    "rule": "quantity(string(self)).isGreaterThan(quantity('1Gi'))",
                    "message": "little",
                }
            ],
        },
        "parts": {
            "type": "array",
            "maxItems": 4,
            "items": {
                "type": "object",
                "properties": {"n": {"type": "integer"}},
                "x-kubernetes-validations": [{"rule": "self.n % 2 == 0", "message": "n is even"}],
            },
        },
        "table": {
            "type": "object",
            "maxProperties": 4,
            "additionalProperties": {
                "type": "integer",
                "x-kubernetes-validations": [{"rule": "self > 0", "message": "positive"}],
            },
        },
    },
}


@pytest.fixture(scope="module")
def group():
    """One definition of these rules for all tests of a server."""
    return "rules.conformance.example.com"


@pytest.fixture
async def ruled(define_shared, namespace, group):
    """The path of Widgets that obey the rules."""
    await define_shared(group, spec=SPEC)
    return f"/apis/{group}/v1/namespaces/{namespace}/widgets"


@pytest.fixture
def made_of(group):
    return lambda spec, name="a": widget(name, spec, group=group)


async def test_what_obeys_is_let_in(server, ruled, made_of):
    await server.made(ruled, made_of({"items": ["x1"], "name": "good", "parts": [{"n": 2}]}))


def broken(server, field, words, shown="", kind="object"):
    """The cause of a refusal: the oldest version shows for the value what type it is of."""
    value = server.told(shown, oldest=f'"{kind}"')
    return "FieldValueInvalid", field, ": ".join(filter(None, ("Invalid value", value, words)))


@pytest.mark.parametrize(
    ("spec", "cause"),
    [
        ({"min": 20}, ("spec", "min may not be above max")),
        ({"max": 200}, ("spec", "far too wide")),
        ({"name": "bad"}, ("spec.name", "failed rule: self != 'bad'", '"bad"', "string")),
        (
            {"until": "2019-01-01T00:00:00Z"},
            ("spec.until", "too early", '"2019-01-01T00:00:00Z"', "string"),
        ),
        ({"memory": "512Mi"}, ("spec.memory", "little", '"512Mi"', "")),
        ({"parts": [{"n": 2}, {"n": 3}]}, ("spec.parts[1]", "n is even")),
        ({"table": {"a": 1, "b": -1}}, ("spec.table[b]", "positive", "-1", "integer")),
    ],
    ids=[
        "message", "message expression", "no message", "time", "quantity", "of an item",
        "of a value",
    ],
)  # fmt: skip
async def test_what_breaks_a_rule_is_refused_in_its_words(server, ruled, made_of, spec, cause):
    answer = await server.post(ruled, made_of(spec))
    assert (answer.status, answer.reason) == (422, "Invalid")
    assert answer.causes == [broken(server, *cause)]


async def test_a_rule_may_name_the_field_and_the_reason(server, ruled, made_of):
    answer = await server.post(ruled, made_of({"items": ["y"]}))
    cause = ("FieldValueForbidden", "spec.items", "Forbidden: items begin with x")
    assert answer.causes == [cause]


async def test_the_refusal_is_worded_whole(server, ruled, made_of, group):
    answer = await server.post(ruled, made_of({"min": 20}))
    _, field, words = broken(server, "spec", "min may not be above max")
    message = f'Widget.{group} "a" is invalid: {field}: {words}'
    assert answer.refusal == (422, "Invalid", message)


async def test_all_broken_rules_are_told(server, ruled, made_of):
    answer = await server.post(ruled, made_of({"min": 300, "max": 250, "name": "bad"}))
    assert answer.fields == [("FieldValueInvalid", "spec"), ("FieldValueInvalid", "spec.name")]


async def test_rules_about_changes_are_not_asked_of_what_is_new(server, ruled, made_of):
    await server.made(ruled, made_of({"fixed": "b"}))


async def test_a_change_that_a_rule_forbids_is_refused(server, ruled, made_of):
    await server.made(ruled, made_of({}))
    answer = await server.patch(f"{ruled}/a", {"spec": {"fixed": "b"}})
    assert answer.causes == [broken(server, "spec", "fixed may not change")]


async def test_a_rule_that_knows_of_no_former_value_is_asked_of_what_is_new(server, ruled, made_of):
    await server.made(ruled, made_of({"grow": 3}))
    answer = await server.patch(f"{ruled}/a", {"spec": {"grow": 2}})
    assert answer.causes == [broken(server, "spec", "grow may only grow")]
    assert (await server.patch(f"{ruled}/a", {"spec": {"grow": 4}})).status == 200


async def test_rules_are_asked_after_the_schema(server, ruled, made_of):
    answer = await server.post(ruled, made_of({"min": "x", "name": "bad"}))
    assert [cause[2] for cause in answer.causes] == [
        'Invalid value: "string": spec.min in body must be of type integer: "string"',
        (
            "Invalid value: null: some validation rules were not checked because the object was "
            "invalid; correct the existing errors to complete validation"
        ),
    ]


async def test_rules_hold_for_an_apply(server, ruled, made_of):
    answer = await server.apply(f"{ruled}/a", made_of({"min": 20}))
    assert answer.fields == [("FieldValueInvalid", "spec")]


async def test_rules_see_defaults(server, ruled, made_of):
    answer = await server.post(ruled, made_of({"max": -1}))
    assert answer.fields == [("FieldValueInvalid", "spec")]


async def test_a_rule_of_the_root_sees_name_and_status(server, define, namespace, unique):
    version = widget_version()
    schema = version["schema"]["openAPIV3Schema"]
    schema["x-kubernetes-validations"] = [
        {"rule": "self.metadata.name.size() <= 3", "message": "a short name"},
        {
            "rule": "!has(self.status) || self.status.phase != 'Done' || self.spec == oldSelf.spec",
            "message": "what is done stays",
        },
    ]
    group = f"{unique}.example.com"
    await define(**{key: version[key] for key in ("schema",)})
    path = f"/apis/{group}/v1/namespaces/{namespace}/widgets"
    answer = await server.post(path, widget("long", group=group))
    assert answer.causes == [broken(server, "<nil>", "a short name")]
    await server.made(path, widget("a", {"size": 5}, group=group))
    assert (await server.patch(f"{path}/a", {"spec": {"size": 6}})).status == 200
    await server.patch(f"{path}/a/status", {"status": {"phase": "Done"}})
    answer = await server.patch(f"{path}/a", {"spec": {"size": 7}})
    assert answer.causes == [broken(server, "<nil>", "what is done stays")]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"rule": "self.nothing == 1"}, "undefined field 'nothing'"),
        ({"rule": "self.min"}, "must evaluate to a bool"),
        ({"rule": "self.min ="}, "Syntax error"),
        ({"rule": "self.min > 0", "reason": "Because"}, "Unsupported value"),
        ({"rule": "self.min > 0", "fieldPath": ".none"}, "fieldPath"),
        ({"rule": "self.min > 0", "messageExpression": "1"}, "messageExpression"),
    ],
    ids=["field", "type", "syntax", "reason", "path", "message"],
)
async def test_a_rule_that_makes_no_sense_is_refused(server, unique, rule, words):
    spec = {
        "type": "object",
        "properties": {"min": {"type": "integer"}},
        "x-kubernetes-validations": [rule],
    }
    answer = await server.post(DEFINITIONS, widget_definition(f"{unique}.example.com", spec=spec))
    assert (answer.status, answer.reason) == (422, "Invalid")
    assert words in answer.message
    where = "spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[0]"
    assert all(field.startswith(where) for _, field in answer.fields)
