"""JSON bytes to frozen attrs objects and back.

Decoding goes through msgspec Structs that are derived from the attrs classes with their JSON names
(msgspec decodes attrs classes too, but by their Python names: ``backoffLimit`` would be ignored and
``backoff_limit`` be the default). A decoded object is frozen and its collections are read-only, so
it may be shared; it holds no reference to the bytes.

What may stand in a field: str, int, float, bool, Literal, str Enums, unions of str and numbers,
``tuple[X, ...]``, ``Mapping[str, X]``, attrs classes, msgspec Structs, `Any` for JSON that is kept
as it is, and each of them ``| None``. As in Go, null is the same as an absent field, and fields
that are not declared are ignored.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin

import attrs
import msgspec

from mlctl_core.objects.fields import Field, Shape, fields_of, once_per_class
from mlctl_core.objects.json import DecodeError, Json
from mlctl_core.objects.kinds import kind_of

__all__ = ["DecodeError", "convert", "decode", "encode"]

T = TypeVar("T")

_Step = Callable[[Any], Any]


def decode(cls: type[T], raw: bytes) -> T:
    """The object of `cls` that `raw` holds.

    Raises:
        DecodeError: `raw` is not JSON, is nested deeper than Python reads, misses a required
            field, or a value has another type; the message names the JSON path.
        TypeError: `cls` has a field that cannot be decoded (see the module's docstring).
    """
    decoder, build = _decoder(cls)
    try:
        return cast("T", build(decoder.decode(raw)))
    except (msgspec.MsgspecError, RecursionError) as error:
        raise DecodeError(str(error)) from error


def convert(cls: type[T], value: Json) -> T:
    """The object of `cls` that the JSON object `value` holds; `value` is left alone.

    Raises:
        DecodeError, TypeError: as `decode`.
    """
    try:
        return cast("T", _builder(cls)(msgspec.convert(value, _struct(cls))))
    except msgspec.MsgspecError as error:
        raise DecodeError(str(error)) from error


def encode(value: object) -> Json:
    """The JSON object of an attrs object; of an API class with apiVersion and kind.

    Equal objects give equal JSON, keys in the same order: fields as declared, maps sorted. Left out
    is a field that is None, and one that equals its default where that default is empty (an empty
    string, list or map, or an object that is its class's default). Numbers and booleans are
    written also when they are zero or false: a reader need not know the default.

    Raises:
        TypeError: `value` is no attrs object, or holds something that JSON does not.
    """
    return cast("Json", _encoder(type(value))(value))


# Decoding: bytes → Struct (in C) → attrs.


@once_per_class
def _decoder(cls: type) -> tuple[msgspec.json.Decoder[Any], _Step]:
    return msgspec.json.Decoder(_struct(cls)), _builder(cls)


@once_per_class
def _struct(cls: type) -> type[msgspec.Struct]:
    """A Struct with the fields of `cls`: None is a field with a default that is absent or null."""
    return msgspec.defstruct(
        cls.__name__,
        [_struct_field(field) for field in fields_of(cls)],
        rename={field.attribute: field.json for field in fields_of(cls)},
        gc=False,
        kw_only=True,
        module=cls.__module__,
    )


def _struct_field(field: Field) -> tuple[str, Any] | tuple[str, Any, None]:
    wire = _wire(field.shape)
    if field.required:
        return field.attribute, wire
    return field.attribute, Union[wire, None], None  # noqa: UP007


def _wire(shape: Shape) -> Any:
    """The type that msgspec decodes a value to."""
    if item := shape.item:
        return tuple[_wire(item), ...]  # type: ignore[misc]
    if value := shape.value:
        return dict[str, _wire(value)]  # type: ignore[misc]
    bare = _struct(shape.type) if attrs.has(shape.type) else shape.type
    if not _is_plain(bare):
        raise TypeError(f"{shape.type!r} cannot be decoded from JSON")
    return Union[bare, None] if shape.optional else bare  # noqa: UP007


def _is_plain(bare: Any) -> bool:
    if get_origin(bare) is Literal or bare is Any:
        return True
    if isinstance(bare, type):
        return bare in (str, int, float, bool) or issubclass(bare, msgspec.Struct | enum.Enum)
    return bool(get_args(bare)) and set(get_args(bare)) <= {str, int, float, bool}


@once_per_class
def _builder(cls: type) -> _Step:
    """From the Struct of `cls` to `cls`, which gets its defaults where the Struct has None.

    It is one call with all fields spelled out, compiled once as attrs does for ``__init__``: twice
    as fast as a loop over the fields, and most of what decoding costs.
    """
    names: dict[str, Any] = {"cls": cls}
    arguments = []
    for number, field in enumerate(fields_of(cls)):
        value = f"source.{field.attribute}"
        if not field.required:
            names[f"default{number}"] = field.default
            value = "value"
        if step := _step(field.shape):
            names[f"step{number}"] = step
            value = f"step{number}({value})"
        if not field.required:
            absent = f"(value := source.{field.attribute}) is None"
            value = f"default{number} if {absent} else {value}"
        arguments.append(f"{field.attribute.lstrip('_')}={value}")
    code = f"def build(source): return cls({', '.join(arguments)})"
    exec(code, names)  # noqa: S102 # made of the names of declared fields only
    return cast("_Step", names["build"])


def _step(shape: Shape) -> _Step | None:
    """What is left to do with a value that msgspec decoded; None for nothing."""
    if item := shape.item:
        return _each_item(_step(item))
    if value := shape.value:
        return _each_value(_step(value))
    return _builder(shape.type) if attrs.has(shape.type) else None


def _each_item(step: _Step | None) -> _Step | None:
    if step is None:
        return None
    return lambda items: tuple([step(item) for item in items])


def _each_value(step: _Step | None) -> _Step:
    if step is None:
        return MappingProxyType
    return lambda values: MappingProxyType({key: step(value) for key, value in values.items()})


# Encoding: attrs → JSON.


@once_per_class
def _encoder(cls: type) -> _Step:
    if not attrs.has(cls):
        raise TypeError(f"{cls.__qualname__} is no attrs class")
    try:
        kind = kind_of(cls)
    except LookupError:
        head: Json = {}
    else:
        head = {"apiVersion": kind.api_version, "kind": kind.name}
    plan = tuple(
        (field.attribute, field.json, _left_out(field), _writer(field.shape))
        for field in fields_of(cls)
    )

    def build(source: Any) -> Json:
        found = dict(head)
        for attribute, name, left_out, writer in plan:
            value = getattr(source, attribute)
            if value is None or (left_out and left_out(value)):
                continue
            found[name] = writer(value) if writer else value
        return found

    return build


def _left_out(field: Field) -> Callable[[Any], bool] | None:
    default = field.default
    if attrs.has(type(default)):
        return lambda value: bool(value == default)
    if isinstance(default, str | tuple | Mapping) and not default:
        return lambda value: not value
    return None


def _writer(shape: Shape) -> _Step | None:
    """What turns a value into JSON; None where it is JSON already."""
    if item := shape.item:
        write = _writer(item)
        return (lambda items: [write(item) for item in items]) if write else list
    if value := shape.value:
        return _map_writer(_writer(value))
    if not isinstance(shape.type, type):
        return None
    if attrs.has(shape.type):
        return _encoder(shape.type)
    if issubclass(shape.type, msgspec.Struct):
        return msgspec.to_builtins
    return attrgetter("value") if issubclass(shape.type, enum.Enum) else None


def _map_writer(write: _Step | None) -> _Step:
    if write is None:
        return lambda values: dict(sorted(values.items()))
    return lambda values: {key: write(values[key]) for key in sorted(values)}
