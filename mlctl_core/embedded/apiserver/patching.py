"""PATCH: merge, JSON and strategic merge patches, and server-side apply.

Promise: the patch is applied to the object as it is at that moment, and what comes out goes
the way of an update. An apply of an object that is not there creates it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlctl_core.embedded.apiserver import field_errors
from mlctl_core.embedded.apiserver.apply import ApplyConflict, apply
from mlctl_core.embedded.apiserver.bodies import (
    media_type,
    parse_json,
    parse_yaml,
    yaml_problems,
)
from mlctl_core.embedded.apiserver.conversion import from_stored
from mlctl_core.embedded.apiserver.creating import create
from mlctl_core.embedded.apiserver.decoding import NOT_BASE64, DecodeError
from mlctl_core.embedded.apiserver.errors import (
    StatusError,
    bad_request,
    conflict,
    internal,
    invalid,
    invalid_options,
    not_found,
    unsupported_patch,
)
from mlctl_core.embedded.apiserver.field_errors import go_text
from mlctl_core.embedded.apiserver.metadata import check_namespace, require_metadata, unconvertible
from mlctl_core.embedded.apiserver.patch import PatchError, json_patch, merge_patch
from mlctl_core.embedded.apiserver.records import encode
from mlctl_core.embedded.apiserver.strategic_merge import strategic_merge_patch
from mlctl_core.embedded.apiserver.updating import commit, require_name

if TYPE_CHECKING:
    from aiohttp import web

    from mlctl_core.embedded.apiserver.exchange import Exchange
    from mlctl_core.embedded.apiserver.options import WriteOptions
    from mlctl_core.embedded.apiserver.records import Record
    from mlctl_core.embedded.apiserver.resources import Resource
    from mlctl_core.objects.json import Json

MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"

_UNPROCESSABLE = 422
_REASONS = {400: "BadRequest", 413: "RequestEntityTooLarge", 422: "Invalid"}


async def serve_patch(exchange: Exchange, subresource: str = "") -> web.StreamResponse:
    """Answer a PATCH of an object or of its status.

    Raises:
        StatusError: 400, 404, 409, 413, 415, 422.
    """
    options = exchange.options()
    kind = media_type(exchange.request)
    raw = await exchange.body()
    if kind == APPLY:
        return _apply(exchange, raw, options, subresource)
    if options.force:
        error = field_errors.forbidden("force", "may not be specified for non-apply patch")
        raise invalid_options("PatchOptions", error)
    _check_type(exchange, kind)
    target = exchange.target
    patch, problems = parse_patch(raw)
    record = exchange.cluster.get(exchange.resource, target.namespace, target.name)
    patched = patched_object(exchange, record, kind, raw)
    _check_identity(exchange.resource, patched)
    shown = go_text(patch) if kind == STRATEGIC else ""
    exchange.decode(patched, options, [] if kind == JSON_PATCH else problems, shown)
    require_name(patched, target.name)
    check_namespace(exchange.resource, patched["metadata"], target.namespace)
    committed = commit(
        exchange.cluster, exchange.resource, record, patched, options, subresource=subresource
    )
    return exchange.answer(committed)


def _check_identity(resource: Resource, patched: Json) -> None:
    """Make sure that a patch has left the object what it is.

    Raises:
        StatusError: 422.
    """
    kind, api_version = patched.get("kind"), patched.get("apiVersion")
    if (kind, api_version) == (resource.kind, resource.api_version):
        return
    whole = encode(patched).decode()
    if not isinstance(kind, str) or not isinstance(api_version, str) or not kind:
        why = f"Object 'Kind' is missing in '{whole}'"
        raise invalid("", "", "", [field_errors.invalid("patch", whole, why)])
    if not resource.custom:
        why = unconvertible(resource, kind, api_version)
        raise invalid("", "", "", [field_errors.invalid("patch", whole, why)])
    errors = []
    if kind != resource.kind:
        errors.append(field_errors.invalid("kind", kind, f"must be {resource.kind}"))
    if api_version != resource.api_version:
        why = f"must be {resource.api_version}"
        errors.append(field_errors.invalid("apiVersion", api_version, why))
    group = api_version.rpartition("/")[0]
    raise invalid(group, kind, require_metadata(patched).get("name", ""), errors)


def _check_type(exchange: Exchange, kind: str) -> None:
    custom = exchange.resource.custom
    if kind not in {JSON_PATCH, MERGE} and (custom or kind != STRATEGIC):
        raise unsupported_patch(custom)


def patched_object(exchange: Exchange, record: Record, kind: str, raw: bytes) -> Json:
    """Apply a patch of a content type to an object's present state.

    Raises:
        StatusError: 400 or 422.
    """
    resource = exchange.resource
    patch, _ = parse_patch(raw)
    obj = from_stored(record, resource)
    try:
        if kind == JSON_PATCH:
            return json_patch(obj, _operations(patch))
        if not isinstance(patch, dict):
            raise bad_request(
                "error decoding patch: json: cannot unmarshal into Go value of type "
                "map[string]interface {}"
            )
        if kind == MERGE:
            merged: Json = merge_patch(obj, patch)
            return merged
        return strategic_merge_patch(obj, patch, exchange.cluster.strategy(resource).schema)
    except PatchError as error:
        raise patch_refused(error) from None


def parse_patch(raw: bytes) -> tuple[object, list[str]]:
    """Parse the JSON of a patch, and say which fields stand in it twice.

    Raises:
        StatusError: 400.
    """
    try:
        return parse_json(raw, "")
    except StatusError:
        raise bad_request("invalid JSON patch") from None


def _operations(patch: object) -> list[Json]:
    if not isinstance(patch, list) or not all(isinstance(one, dict) for one in patch):
        raise bad_request(
            "error decoding patch: json: cannot unmarshal object into Go value of type "
            "[]handlers.jsonPatchOp"
        )
    return patch


def patch_refused(error: PatchError) -> StatusError:
    """Give the Status of a patch that does not fit."""
    details: Json | None = {} if error.code == _UNPROCESSABLE else None
    return StatusError(error.code, _REASONS.get(error.code, ""), error.message, details=details)


def _apply(
    exchange: Exchange, raw: bytes, options: WriteOptions, subresource: str
) -> web.StreamResponse:
    cluster, resource, target = exchange.cluster, exchange.resource, exchange.target
    if not exchange.query.get("fieldManager"):
        error = field_errors.required("fieldManager", "is required for apply patch")
        raise invalid_options("PatchOptions", error)
    applied = _applied_object(exchange, raw, options)
    record = cluster.collection(resource).get(target.namespace, target.name)
    if record is None and subresource:
        raise not_found(resource.group, resource.plural, target.name)
    live = None if record is None else from_stored(record, resource)
    strategy = cluster.strategy(resource)
    try:
        merged = apply(
            live,
            applied,
            strategy.schema,
            manager=options.field_manager,
            force=options.force,
            api_version=resource.api_version,
            now=cluster.now(),
            subresource=subresource,
            reset=strategy.reset_fields(subresource),
        )
    except ApplyConflict as error:
        details: Json = {"causes": error.causes()}
        raise StatusError(409, "Conflict", error.message, details=details) from None
    except PatchError as error:
        raise patch_refused(error) from None
    try:
        strategy.read_applied(merged)
    except DecodeError as error:
        raise _unconverted(applied, error) from None
    given_uid = applied["metadata"].get("uid")
    if record is None and given_uid:
        why = (
            f"uid mismatch: the provided object specified uid {given_uid}, "
            "and no existing object was found"
        )
        raise conflict(resource.group, resource.plural, target.name, why)
    require_name(merged, target.name)
    if record is None:
        created = create(cluster, resource, merged, target.namespace, options, tracked=False)
        return exchange.answer(created, code=201)
    check_namespace(resource, merged["metadata"], target.namespace)
    committed = commit(
        cluster, resource, record, merged, options, subresource=subresource, tracked=False
    )
    return exchange.answer(committed)


def _unconverted(applied: Json, error: DecodeError) -> StatusError:
    """Say that what an apply makes cannot be read as what its kind is."""
    api_version, metadata = applied["apiVersion"], applied["metadata"]
    kind = f"{api_version if '/' in api_version else f'/{api_version}'}, Kind={applied['kind']}"
    name = f"{metadata.get('namespace', '')}/{metadata.get('name', '')}"
    why = str(error)
    if why.startswith(NOT_BASE64):
        why = f"error decoding from json: {why}"
    return internal(
        f"failed to convert new object ({name}; {kind}) to proper version: "
        f"unable to convert unstructured object to {kind}: {why}"
    )


def _applied_object(exchange: Exchange, raw: bytes, options: WriteOptions) -> Json:
    """Parse the configuration to be applied, without unknown fields where they are let pass."""
    try:
        applied, problems = parse_yaml(raw)
    except StatusError as error:
        raise bad_request(f"error encoding patch: {error.message}") from None
    if problems and options.field_validation == "Strict":
        why = yaml_problems(problems)
        raise bad_request(f"error strict decoding patch: error converting YAML to JSON: {why}")
    if problems and options.field_validation == "Warn":
        exchange.warnings.extend(problems)
    if not isinstance(applied, dict):
        raise bad_request("error decoding YAML: not an object")
    resource = exchange.resource
    kind, api_version = applied.get("kind", ""), applied.get("apiVersion", "")
    if (api_version, kind) != (resource.api_version, resource.kind):
        shown = api_version if "/" in str(api_version) else f"/{api_version}"
        raise bad_request(f"invalid object type: {shown}, Kind={kind}")
    require_metadata(applied)
    return applied
