"""Custom objects are pruned, defaulted and judged as a real kube-apiserver does."""

from __future__ import annotations

import pytest
from recorded_answers import custom_object, custom_resource, load, parts

from mlctl_core.embedded.apiserver.defaulting import apply_defaults
from mlctl_core.embedded.apiserver.field_errors import status_causes, summary
from mlctl_core.embedded.apiserver.pruning import prune
from mlctl_core.embedded.apiserver.strategy import strategy_for
from mlctl_core.embedded.apiserver.validation import validate

OBJECTS = load("custom_objects")
STRATEGY = strategy_for(custom_resource(OBJECTS["schema"]))


@pytest.mark.parametrize("case", OBJECTS["cases"], ids=lambda case: str(case["object"])[:60])
def test_an_object_is_stored_or_refused_as_a_real_server_does(case):
    obj = custom_object(**case["object"])
    problems = STRATEGY.decode(obj)
    if problems:
        assert f"strict decoding error: {', '.join(problems)}" == case.get("error")
        return
    STRATEGY.default(obj)
    errors = STRATEGY.validate_create(obj)
    assert parts(summary(errors) if errors else None) == parts(case.get("error"))
    if "stored" in case:
        spec = {k: v for k, v in obj.items() if k not in {"apiVersion", "kind", "metadata"}}
        assert spec == case["stored"]


def test_metadata_is_known_without_being_declared():
    obj = custom_object(spec={"need": "a"})
    obj["metadata"] |= {"labels": {"a": "b"}, "foo": 1}
    assert STRATEGY.decode(obj) == ['unknown field "metadata.foo"']
    assert obj["metadata"]["labels"] == {"a": "b"}


def test_problems_of_metadata_come_first():
    obj = custom_object(spec={"need": "a", "foo": 1, "bar": {}}, baz=1)
    obj["metadata"]["foo"] = 1
    assert STRATEGY.decode(obj) == [
        f'unknown field "{path}"' for path in ("metadata.foo", "baz", "spec.bar", "spec.foo")
    ]


def test_causes_carry_reason_message_and_field():
    errors = STRATEGY.validate_create(custom_object(spec={"need": 1, "en": "c"}))
    assert {
        "reason": "FieldValueNotSupported",
        "message": 'Unsupported value: "c": supported values: "a", "b"',
        "field": "spec.en",
    } in status_causes(errors)


def test_a_stricter_schema_does_not_freeze_what_was_stored_before():
    old = custom_object(spec={"need": "n", "s": "much too long", "en": "a"})
    new = custom_object(spec={"need": "n", "s": "much too long", "en": "b"})
    assert STRATEGY.validate_update(new, old) == []
    new["spec"]["s"] = "still too long"
    assert [error.path for error in STRATEGY.validate_update(new, old)] == ["spec.s"]


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        (True, {"type": "integer"}),
        (1, {"type": "boolean"}),
        (True, {"type": "integer", "enum": [1]}),
    ],
)
def test_true_is_no_number(value, schema):
    assert validate(value, schema, "x")


def test_unknown_fields_stay_where_the_schema_says_so():
    schema = {
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
        "properties": {"known": {"type": "object", "properties": {"a": {"type": "string"}}}},
    }
    obj = {"free": {"x": 1}, "known": {"a": "1", "b": "2"}}
    assert prune(obj, schema) == ["known.b"]
    assert obj == {"free": {"x": 1}, "known": {"a": "1"}}


def test_defaults_reach_into_lists_and_maps_and_into_defaults():
    leaf = {"type": "object", "properties": {"n": {"type": "integer", "default": 1}}}
    schema = {
        "type": "object",
        "properties": {
            "list": {"type": "array", "items": leaf},
            "map": {"type": "object", "additionalProperties": leaf},
            "made": {**leaf, "default": {}},
        },
    }
    obj = {"list": [{}, {"n": 2}], "map": {"k": {}}}
    apply_defaults(obj, schema)
    assert obj == {"list": [{"n": 1}, {"n": 2}], "map": {"k": {"n": 1}}, "made": {"n": 1}}


def test_a_default_is_not_shared_between_objects():
    schema = {"type": "object", "properties": {"a": {"type": "object", "default": {}}}}
    first, second = {}, {}
    apply_defaults(first, schema)
    first["a"]["x"] = 1
    apply_defaults(second, schema)
    assert second == {"a": {}}
