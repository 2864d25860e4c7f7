"""Every field of every kind, made wrong in every way that its schema knows of.

The fields and the ways are read off the schemas, so that a new field is among them.
"""

from __future__ import annotations

import copy

import pytest
from complete_objects import COMPLETE, LATER

from hack.manifests import CLASSES
from mlctl_core.objects.crd import crd

NOWHERE = "\x01 \n"
"""A text that no pattern and no rule of ours lets through."""


def schema_of(cls):
    [version] = crd(cls)["spec"]["versions"]
    return version["schema"]["openAPIV3Schema"]["properties"]["spec"]


def objects(cls):
    """The complete ones, and one with what is for later."""
    later = {n: v for n, v in LATER.items() if n in schema_of(cls)["properties"]}
    first = COMPLETE[cls][0]
    extra = [{**first, "spec": {**first["spec"], **later}}] if later else []
    return [*COMPLETE[cls], *extra]


def fields(schema, path="spec"):
    """Every field below, its lists and maps as ``[]`` and ``{}``."""
    yield path
    for name, below in schema.get("properties", {}).items():
        yield from fields(below, f"{path}.{name}")
    if "items" in schema:
        yield from fields(schema["items"], f"{path}[]")
    if "additionalProperties" in schema:
        yield from fields(schema["additionalProperties"], f"{path}{{}}")


def values(value, schema, path="spec", keys=("spec",)):
    """Every value below: the field, the keys that lead to it, and its schema."""
    yield path, keys, schema
    if isinstance(value, dict):
        for name, item in value.items():
            below = schema.get("properties", {}).get(name)
            if below is not None:
                yield from values(item, below, f"{path}.{name}", (*keys, name))
            else:
                extra = schema["additionalProperties"]
                yield from values(item, extra, f"{path}{{}}", (*keys, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from values(item, schema["items"], f"{path}[]", (*keys, index))


def wrong(schema, value):
    """Values that the schema does not allow, by what is wrong with them."""
    kind = schema.get("type", "int or string")
    yield from WRONG_TYPES[kind].items()
    if kind in ("integer", "int or string"):
        yield "too low", schema["minimum"] - 1
        yield "too high", schema["maximum"] + 1
    if kind in ("string", "int or string"):
        yield from wrong_texts(schema)
    if kind in ("array", "object"):
        yield from wrong_collections(schema, value)


WRONG_TYPES = {
    "boolean": {"a word": "yes", "a number": 1},
    "integer": {"a word": "many", "a fraction": 1.5, "a truth": True},
    "string": {"a number": 17, "a truth": True, "a list": ["text"]},
    "int or string": {"a truth": True, "a list": [1]},
    "array": {"a word": "many", "a map": {"a": "b"}},
    "object": {"a word": "many", "a list": ["many"]},
}


def wrong_texts(schema):
    if "maxLength" in schema:
        yield "too long", "a" * (schema["maxLength"] + 1)
    if schema.get("minLength"):
        yield "empty", ""
    if {"pattern", "enum", "x-kubernetes-validations"} & schema.keys():
        yield "no such thing", NOWHERE


def wrong_collections(schema, value):
    if "maxItems" in schema:
        yield "too many", value[:1] * (schema["maxItems"] + 1)
    if "maxProperties" in schema:
        item = next(iter(value.values()))
        yield "too many", {f"k{n}": item for n in range(schema["maxProperties"] + 1)}
    if schema.get("minProperties"):
        yield "none", {}


def written(keys):
    first, *rest = keys
    return first + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in rest)


def got(obj, keys):
    for key in keys:
        obj = obj[key]
    return obj


def changed(obj, keys, value):
    new = copy.deepcopy(obj)
    got(new, keys[:-1])[keys[-1]] = value
    return new


def cases():
    seen = set()
    for cls in CLASSES:
        schema = schema_of(cls)
        for obj in objects(cls):
            for path, keys, below in values(obj["spec"], schema):
                if (cls, path) not in seen and path != "spec":
                    seen.add((cls, path))
                    yield pytest.param(cls, obj, keys, below, id=f"{cls.__name__} {path}")


CASES = list(cases())


@pytest.mark.parametrize("cls", CLASSES)
def test_every_field_is_in_one_of_the_objects(cls):
    schema = schema_of(cls)
    present = {p for obj in objects(cls) for p, _, _ in values(obj["spec"], schema)}
    assert set(fields(schema)) - present == set()


@pytest.mark.parametrize("cls", CLASSES)
def test_the_server_takes_the_objects_as_they_are(refusals, cls):
    for obj in COMPLETE[cls]:
        assert refusals(cls, obj, {}) == []


@pytest.mark.parametrize(("cls", "obj", "keys", "schema"), CASES)
def test_a_wrong_value_is_refused_and_its_field_is_named(refusals, cls, obj, keys, schema):
    where = written(keys)
    for what, value in wrong(schema, got(obj, keys)):
        found = refusals(cls, changed(obj, keys, value), {})
        assert any(error.startswith(f"{where}: ") for error in found), (what, found)


@pytest.mark.parametrize(("cls", "obj", "keys", "schema"), CASES)
def test_what_is_required_is_asked_for_by_its_field(refusals, cls, obj, keys, schema):
    for name in schema.get("required", ()):
        new = copy.deepcopy(obj)
        del got(new, keys)[name]
        found = refusals(cls, new, {})
        assert any(error.startswith(f"{written(keys)}.{name}: Required") for error in found), found


@pytest.mark.parametrize(
    ("cls", "name"),
    [(cls, name) for cls in CLASSES for name in LATER if name in schema_of(cls)["properties"]],
)
def test_what_is_for_later_is_refused_rather_than_ignored(refusals, cls, name):
    found = refusals(cls, COMPLETE[cls][0], {"spec": {name: LATER[name]}})
    assert any(error.startswith(f"spec.{name}: ") and "remove it" in error for error in found)
