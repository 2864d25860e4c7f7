"""Reads request bodies in Kubernetes' protobuf form as the JSON they mean.

Go clients, `kubectl create` among them, send built-in kinds this way whatever the server says
it accepts. Promise: what comes out is what the same client would have sent as JSON, zero
values left out where Go would leave them out. Responses are never protobuf; those clients take
JSON as well. Custom resources have no protobuf form.
"""

from __future__ import annotations

import base64
import functools
import json
from datetime import UTC, datetime
from importlib import resources
from typing import TYPE_CHECKING, Any

import attrs

from mlctl_core.objects.times import format_micro_time, format_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlctl_core.objects.json import Json

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
MAGIC = b"k8s\0"

MAX_NESTING = 100
"""Levels of messages; the deepest built-in kind has about fifteen."""

_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5
_SIGN = 1 << 63
_MODULUS = 1 << 64
_LONGEST_VARINT = 70
"""Bits of shift: ten bytes of seven."""


class ProtobufError(ValueError):
    """The bytes are not a message, or not one of a kind that is known."""


@attrs.frozen
class _Field:
    name: str
    type: str
    repeated: bool
    mapped: bool
    inline: bool
    keeps_zero: bool


def decode_object(raw: bytes) -> Json:
    """Decode an object with its kind and apiVersion.

    Raises:
        ProtobufError: the bytes make no sense.
    """
    if not raw.startswith(MAGIC):
        raise ProtobufError("provided data does not appear to be a protobuf message")
    envelope = dict(_wire(raw[len(MAGIC) :]))
    type_meta = {number: _text(value) for number, value in _wire(_as_bytes(envelope.get(1, b"")))}
    api_version, kind = type_meta.get(1, ""), type_meta.get(2, "")
    group, _, version = api_version.rpartition("/")
    name = f"{_package(group)}.{version}.{kind}"
    if kind == "DeleteOptions":
        name = "meta.v1.DeleteOptions"
    if name not in _messages():
        raise ProtobufError(f'no kind "{kind}" is registered for version "{api_version}"')
    obj = _message(name, _as_bytes(envelope.get(2, b"")), 0)
    return {"kind": kind, "apiVersion": api_version, **obj}


def _package(group: str) -> str:
    """`core` for the core group, `rbac` for rbac.authorization.k8s.io."""
    return group.partition(".")[0] or "core"


@functools.cache
def _messages() -> Mapping[str, str]:
    file = resources.files(__package__).joinpath("protobuf_fields.json")
    table: Mapping[str, str] = json.loads(file.read_text(encoding="utf-8"))
    return table


@functools.cache
def _fields(message: str) -> Mapping[int, _Field]:
    fields = {}
    for text in _messages()[message].split():
        number, name, type_ = text.split(":")
        marks = type_[len(type_.rstrip("*%^?")) :]
        fields[int(number)] = _Field(
            name=name,
            type=type_.rstrip("*%^?"),
            repeated="*" in marks,
            mapped="%" in marks,
            inline="^" in marks,
            keeps_zero="?" in marks,
        )
    return fields


def optional_fields() -> Iterator[tuple[str, frozenset[str]]]:
    """Each message's name, and which of its fields tell zero from absent."""
    for message in _messages():
        yield message, frozenset(f.name for f in _fields(message).values() if f.keeps_zero)


def _message(name: str, data: bytes, depth: int) -> Json:
    if depth > MAX_NESTING:
        raise ProtobufError("the message nests too deeply")
    known = _fields(name)
    obj: Json = {}
    for number, value in _wire(data):
        field = known.get(number)
        if field is None:
            continue  # A newer client's field: as unknown to upstream's decoder.
        if field.mapped:
            key, item = _entry(field, value, depth)
            obj.setdefault(field.name, {})[key] = item
            continue
        decoded = _value(field.type, value, depth)
        if field.repeated:
            obj.setdefault(field.name, []).append(decoded)
        elif field.inline:
            obj.update(decoded)
        elif decoded not in _ZEROS or (field.keeps_zero and decoded is not None):
            obj[field.name] = decoded
    return obj


_ZEROS: tuple[Any, ...] = ("", 0, False, None, {}, [])


def _entry(field: _Field, value: int | bytes, depth: int) -> tuple[str, Any]:
    parts = dict(_wire(_as_bytes(value)))
    return _text(parts.get(1, b"")), _value(field.type, parts.get(2, b""), depth)


def _value(type_: str, value: int | bytes, depth: int) -> Any:
    scalar = _SCALARS.get(type_)
    if scalar is not None:
        return scalar(value)
    special = _SPECIAL.get(type_)
    if special is not None:
        return special(_message(type_, _as_bytes(value), depth + 1))
    return _message(type_, _as_bytes(value), depth + 1)


def _wire(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Go through the fields of a message: number and undecoded value."""
    position, end = 0, len(data)
    while position < end:
        tag, position = _varint(data, position)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, position = _varint(data, position)
            yield number, value
            continue
        if kind == _BYTES:
            length, position = _varint(data, position)
        elif kind in {_FIXED_32, _FIXED_64}:
            length = 4 if kind == _FIXED_32 else 8
        else:
            raise ProtobufError(f"illegal wire type {kind}")
        if position + length > end:
            raise ProtobufError("unexpected EOF")
        yield number, data[position : position + length]
        position += length


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if position >= len(data) or shift >= _LONGEST_VARINT:
            raise ProtobufError("unexpected EOF")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 (the bit that says more follows)
            return value, position
        shift += 7


def _as_bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        if value == 0:
            return b""
        raise ProtobufError("a number where a message was expected")
    return value


def _text(value: int | bytes) -> str:
    try:
        return _as_bytes(value).decode()
    except UnicodeDecodeError:
        raise ProtobufError("a string is not UTF-8") from None


def _integer(value: int | bytes) -> int:
    if isinstance(value, bytes):
        raise ProtobufError("a message where a number was expected")
    value %= _MODULUS
    return value - _MODULUS if value >= _SIGN else value


def _base64(value: int | bytes) -> str:
    return base64.b64encode(_as_bytes(value)).decode()


_SCALARS: dict[str, Callable[[int | bytes], Any]] = {
    "string": _text,
    "bytes": _base64,
    "bool": lambda value: _integer(value) != 0,
    "int32": _integer,
    "int64": _integer,
    "uint32": _integer,
    "uint64": _integer,
}


def _time(message: Json) -> str | None:
    return None if not message else format_time(_moment(message))


def _micro_time(message: Json) -> str | None:
    return None if not message else format_micro_time(_moment(message))


def _moment(message: Json) -> datetime:
    try:
        moment = datetime.fromtimestamp(message.get("seconds", 0), UTC)
    except (ValueError, OverflowError, OSError):
        raise ProtobufError("a time is out of range") from None
    return moment.replace(microsecond=message.get("nanos", 0) // 1000 % 1_000_000)


def _int_or_string(message: Json) -> int | str:
    if message.get("type", 0) == 1:
        return str(message.get("strVal", ""))
    return int(message.get("intVal", 0))


def _raw_json(name: str) -> Callable[[Json], Any]:
    def read(message: Json) -> Any:
        try:
            return json.loads(base64.b64decode(message.get(name, ""))) if message else None
        except ValueError:
            raise ProtobufError("embedded JSON makes no sense") from None

    return read


_SPECIAL: dict[str, Callable[[Json], Any]] = {
    "meta.v1.Time": _time,
    "meta.v1.MicroTime": _micro_time,
    "meta.v1.FieldsV1": _raw_json("Raw"),
    "runtime.RawExtension": _raw_json("raw"),
    "api.resource.Quantity": lambda message: message.get("string", ""),
    "util.intstr.IntOrString": _int_or_string,
    "authentication.v1.ExtraValue": lambda message: message.get("items", []),
    "authorization.v1.ExtraValue": lambda message: message.get("items", []),
}
