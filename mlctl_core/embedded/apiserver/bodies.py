"""Reads request bodies: JSON or YAML, bounded in size and depth, with what is odd about them.

Promise: whatever bytes come, the answer is an object or a 4xx; duplicate fields are found,
because a strict request wants to hear of them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import yaml

from mlctl_core.embedded.apiserver import protobuf
from mlctl_core.embedded.apiserver.errors import (
    StatusError,
    bad_request,
    too_large,
    unsupported_media_type,
)
from mlctl_core.embedded.apiserver.json_errors import shown, syntax_error
from mlctl_core.embedded.apiserver.yaml_values import GoLoader

if TYPE_CHECKING:
    from aiohttp import web

    from mlctl_core.objects.json import Json

MAX_BODY_BYTES = 3 * 1024 * 1024
"""Upstream's limit for a request (CVE-2019-11253)."""

MAX_DEPTH = 200
"""Levels of nesting; the deepest sensible objects (schemas of schemas) have about 80."""

OBJECT_TYPES = ("application/json", "application/yaml", protobuf.MEDIA_TYPE)
_TYPE_META = (
    'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; '
    'Kind string "json:\\"kind,omitempty\\"" }'
)
"""What upstream reads first of any body, as Go prints that type."""


async def read_body(request: web.BaseRequest) -> bytes:
    """Read the whole body.

    Raises:
        StatusError: 413, it is longer than `MAX_BODY_BYTES`.
    """
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise too_large(MAX_BODY_BYTES)
    if not request.can_read_body:
        return b""
    chunks = []
    size = 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise too_large(MAX_BODY_BYTES)
        chunks.append(chunk)
    return b"".join(chunks)


def media_type(request: web.BaseRequest) -> str:
    """Give the content type without parameters; JSON when none is named."""
    header = request.headers.get("Content-Type", "")
    return header.partition(";")[0].strip() or "application/json"


def parse_object(raw: bytes, content_type: str, kind: str) -> tuple[Json, list[str]]:
    """Parse an object of a kind, and say which fields stand in it twice.

    Raises:
        StatusError: 400, these bytes are no object; 415, not a type that is read.
    """
    value: object
    problems: list[str] = []
    what = f"the object provided is unrecognized (must be of type {kind})"
    if content_type == protobuf.MEDIA_TYPE:
        try:
            value = protobuf.decode_object(raw)
        except protobuf.ProtobufError as error:
            raise bad_request(f"{what}: {error}") from None
    elif content_type == "application/yaml":
        value, problems = parse_yaml(raw)
    elif content_type == "application/json":
        value, problems = parse_json(raw, what)
    else:
        raise unsupported_media_type(OBJECT_TYPES)
    if not isinstance(value, dict):
        raise bad_request(
            f"the object provided is unrecognized (must be of type {kind}): couldn't get "
            f"version/kind; json parse error: json: cannot unmarshal {_json_type(value)} into Go "
            f"value of type {_TYPE_META} ({shown(raw)})"
        )
    return value, problems


def parse_json(raw: bytes, what: str) -> tuple[object, list[str]]:
    """Parse JSON of bounded depth, and say which fields stand in it twice.

    Raises:
        StatusError: 400, it is not JSON or nests too deeply.
    """
    doubled: list[tuple[dict[str, object], str]] = []

    def build(pairs: list[tuple[str, object]]) -> dict[str, object]:
        built = dict(pairs)
        if len(built) != len(pairs):
            seen: set[str] = set()
            for name, _ in pairs:
                if name in seen:
                    doubled.append((built, name))
                seen.add(name)
        return built

    try:
        # Decoded here: json's own guess at an encoding takes some bytes for UTF-16.
        value = json.loads(raw.decode(), object_pairs_hook=build, parse_constant=_no_constant)
    except RecursionError:
        raise bad_request(f"{what}: exceeded max depth") from None
    except json.JSONDecodeError as error:
        raise _no_json(what, syntax_error(error.doc, error), raw) from None
    except ValueError as error:
        raise _no_json(what, str(error), raw) from None
    check_depth(value)
    paths = _paths(value, doubled) if doubled else []
    return value, [f'duplicate field "{path}"' for path in paths]


def _no_json(what: str, why: str, raw: bytes) -> StatusError:
    message = f"{what}: couldn't get version/kind; json parse error: {why} ({shown(raw)})"
    return bad_request(message)


YAML_LINE = "line "
"""What begins the words for a field that stands twice in YAML."""


def yaml_problems(lines: list[str]) -> str:
    """Say in one what a parser of YAML had to say."""
    return "\n  ".join(["yaml: unmarshal errors:", *lines])


def parse_yaml(raw: bytes) -> tuple[object, list[str]]:
    """Parse YAML, and say which fields stand in it twice.

    Aliases, which multiply what few bytes say, are refused.

    Raises:
        StatusError: 400, it is not YAML, has aliases or nests too deeply.
    """
    loader = GoLoader(raw)
    try:
        value = loader.get_single_data()
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise bad_request(f"error converting YAML to JSON: {error}") from None
    finally:
        loader.dispose()
    check_depth(value)
    return value, [
        f'{YAML_LINE}{line}: key "{name}" already set in map'
        for line, name in sorted(loader.doubled)
    ]


def check_depth(value: object) -> None:
    """Refuse what nests deeper than `MAX_DEPTH`.

    Raises:
        StatusError: 400.
    """
    level = [value]
    for _ in range(MAX_DEPTH):
        below: list[object] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(child for child in item.values() if isinstance(child, dict | list))
            elif isinstance(item, list):
                below.extend(child for child in item if isinstance(child, dict | list))
        if not below:
            return
        level = below
    raise bad_request("the object nests too deeply: exceeded max depth")


def _no_constant(name: str) -> None:
    raise ValueError(f"invalid character '{name[0]}' looking for beginning of value")


def _json_type(value: object) -> str:
    if isinstance(value, list):
        return "array"
    if isinstance(value, str):
        return "string"
    if isinstance(value, bool):
        return "bool"
    return "number" if value is not None else "null"


def _paths(value: object, doubled: list[tuple[dict[str, object], str]]) -> list[str]:
    """Find where the objects with doubled fields stand."""
    wanted = {id(owner) for owner, _ in doubled}
    found: dict[int, str] = {}
    open_ = [(value, "")]
    while open_:
        item, path = open_.pop()
        if isinstance(item, dict):
            if id(item) in wanted:
                found[id(item)] = path
            open_.extend(
                (child, f"{path}.{name}" if path else name) for name, child in item.items()
            )
        elif isinstance(item, list):
            open_.extend((child, f"{path}[{index}]") for index, child in enumerate(item))
    return [
        f"{found[id(owner)]}.{name}" if found.get(id(owner)) else name
        for owner, name in doubled
        if id(owner) in found
    ]
