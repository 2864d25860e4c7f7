"""The scale subresource: one number of an object behind a common form (autoscaling/v1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlctl_core.embedded.apiserver import field_errors
from mlctl_core.embedded.apiserver.bodies import media_type, parse_object
from mlctl_core.embedded.apiserver.conversion import from_stored
from mlctl_core.embedded.apiserver.errors import (
    StatusError,
    bad_request,
    internal_error,
    invalid,
    not_found,
    unknown_resource,
    unsupported_patch,
)
from mlctl_core.embedded.apiserver.exchange import Exchange, json_response
from mlctl_core.embedded.apiserver.metadata import SCHEME, check_namespace
from mlctl_core.embedded.apiserver.ownership import track
from mlctl_core.embedded.apiserver.patch import PatchError, json_patch, merge_patch
from mlctl_core.embedded.apiserver.patching import (
    JSON_PATCH,
    MERGE,
    STRATEGIC,
    parse_patch,
    patch_refused,
)
from mlctl_core.embedded.apiserver.records import encode
from mlctl_core.embedded.apiserver.updating import check_uid, commit, require_name

if TYPE_CHECKING:
    from aiohttp import web

    from mlctl_core.embedded.apiserver.options import WriteOptions
    from mlctl_core.embedded.apiserver.records import Record
    from mlctl_core.embedded.apiserver.resources import ScalePaths
    from mlctl_core.objects.json import Json

_VERSION = "autoscaling/v1"
_COPIED = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


async def serve_scale(exchange: Exchange) -> web.StreamResponse:
    """Answer GET, PUT and PATCH of a scale.

    Raises:
        StatusError: 400, 404, 409, 415, 422; 500, the number is not there.
    """
    paths = exchange.resource.scale
    target, resource = exchange.target, exchange.resource
    if paths is None and resource.custom:
        raise not_found(resource.group, resource.plural, target.name)
    if paths is None:
        raise unknown_resource()
    record = exchange.cluster.get(exchange.resource, target.namespace, target.name)
    if exchange.request.method == "GET":
        _require_replicas(exchange, record, paths)
        return json_response(encode(_scale_of(exchange, record, paths)))
    options = exchange.options()
    wanted = await _wanted(exchange, record, paths)
    # While the body was read, somebody else may have written.
    record = exchange.cluster.get(exchange.resource, target.namespace, target.name)
    _check_scale(exchange, wanted, options)
    require_name(wanted, target.name)
    check_namespace(resource, wanted["metadata"], target.namespace)
    check_uid(exchange.resource, record.key, record.uid, wanted, options)
    changed = _set_replicas(exchange, record, paths, wanted, options)
    return json_response(encode(_scale_of(exchange, changed, paths)), warnings=exchange.warnings)


def _require_replicas(exchange: Exchange, record: Record, paths: ScalePaths) -> None:
    """Refuse to read the scale of a custom resource that does not say its number."""
    obj = from_stored(record, exchange.resource)
    if exchange.resource.custom and _at(obj, paths.spec) is None:
        path = ".".join(("", *paths.spec))
        raise internal_error(f'the spec replicas field "{path}" does not exist')


async def _wanted(exchange: Exchange, record: Record, paths: ScalePaths) -> Json:
    """Read the scale a request wants."""
    raw, kind = await exchange.body(), media_type(exchange.request)
    if exchange.request.method == "PUT":
        return parse_object(raw, kind, "Scale")[0]
    patch, scale = parse_patch(raw)[0], _scale_of(exchange, record, paths)
    try:
        if kind == JSON_PATCH and isinstance(patch, list):
            return json_patch(scale, patch)
        built_in = not exchange.resource.custom
        if (kind == MERGE or (kind == STRATEGIC and built_in)) and isinstance(patch, dict):
            merged: Json = merge_patch(scale, patch)
            return merged
    except PatchError as error:
        raise patch_refused(error) from None
    raise unsupported_patch(exchange.resource.custom)


def _check_scale(exchange: Exchange, wanted: Json, options: WriteOptions) -> None:
    """Make sure that what a request wants is a scale and says nothing else.

    Raises:
        StatusError: 400, or 422 when it came out of a patch.
    """
    kind, version = wanted.get("kind", "Scale"), wanted.get("apiVersion", _VERSION)
    if (kind, version) != ("Scale", _VERSION):
        why = f'no kind "{kind}" is registered for version "{version}" in scheme "{SCHEME}"'
        raise bad_request(f'{kind} in version "v1" cannot be handled as a Scale: {why}')
    spec = wanted.get("spec")
    if isinstance(spec, dict):
        replicas = spec.get("replicas", 0)
        if isinstance(replicas, bool) or not isinstance(replicas, int):
            shown = replicas if isinstance(replicas, float) else ""
            what = f"{_json_type(replicas)} {shown}".rstrip()
            where = "Go struct field ScaleSpec.spec.replicas of type int32"
            raise _unreadable(exchange, wanted, f"json: cannot unmarshal {what} into {where}")
        unknown = [f'unknown field "spec.{name}"' for name in spec if name != "replicas"]
        if unknown and options.field_validation == "Strict":
            said = ", ".join(unknown)
            raise _unreadable(exchange, wanted, f"strict decoding error: {said}")
        if unknown and options.field_validation == "Warn":
            exchange.warnings.extend(unknown)


def _unreadable(exchange: Exchange, wanted: Json, why: str) -> StatusError:
    if exchange.request.method == "PATCH":
        error = field_errors.invalid("patch", encode(wanted).decode(), why)
        return invalid("", "", "", [error])
    return bad_request(f'Scale in version "v1" cannot be handled as a Scale: {why}')


def _json_type(value: object) -> str:
    match value:
        case bool():
            return "bool"
        case str():
            return "string"
        case float():
            return "number"
        case list():
            return "array"
    return "object"


def _set_replicas(
    exchange: Exchange, record: Record, paths: ScalePaths, wanted: Json, options: WriteOptions
) -> Record:
    replicas = (wanted.get("spec") or {}).get("replicas", 0)
    if replicas < 0 and not exchange.resource.custom:
        detail = "must be greater than or equal to 0"
        error = field_errors.invalid("spec.replicas", replicas, detail)
        raise invalid("autoscaling", "Scale", exchange.target.name, [error])
    obj = from_stored(record, exchange.resource)
    owner = obj
    for part in paths.spec[:-1]:
        owner = owner.setdefault(part, {})
    owner[paths.spec[-1]] = replicas
    if replicas and not exchange.resource.custom:
        # A scale of 0 says nothing in JSON, so nobody comes to own the number by it; nor does
        # anybody of a custom resource, whose schema upstream asks in vain for what a scale is.
        obj = track(
            exchange.cluster,
            exchange.resource,
            obj,
            from_stored(record, exchange.resource),
            manager=options.field_manager,
            subresource="scale",
        )
    obj["metadata"]["resourceVersion"] = wanted["metadata"].get("resourceVersion", "")
    return commit(exchange.cluster, exchange.resource, record, obj, options, tracked=False)


def _scale_of(exchange: Exchange, record: Record, paths: ScalePaths) -> Json:
    obj = from_stored(record, exchange.resource)
    metadata = obj["metadata"]
    status: Json = {"replicas": _at(obj, paths.status) or 0}
    selector = _selector(obj, paths)
    if selector:
        status["selector"] = selector
    replicas = _at(obj, paths.spec)
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: metadata[name] for name in _COPIED if name in metadata},
        "spec": {"replicas": replicas} if replicas else {},
        "status": status,
    }


def _selector(obj: Json, paths: ScalePaths) -> str:
    """Give the label selector of what is counted, as text."""
    found = _at(obj, paths.selector) if paths.selector else None
    if isinstance(found, str):
        return found
    selector = _at(obj, ("spec", "selector"))
    labels = selector.get("matchLabels") if isinstance(selector, dict) else None
    return ",".join(f"{name}={value}" for name, value in sorted((labels or {}).items()))


def _at(obj: Json, path: tuple[str, ...]) -> Any:
    value: Any = obj
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value
