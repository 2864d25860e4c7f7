"""The part of an object that the server keeps itself: metadata on create and update.

Promise: what clients may not choose (uid, creationTimestamp, deletionTimestamp, generation,
resourceVersion) is set here and nowhere else, by the rules of apimachinery's
`ObjectMeta` handling and validation.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from mlctl_core.embedded.apiserver import field_errors
from mlctl_core.embedded.apiserver.builtin import builtin_resources
from mlctl_core.embedded.apiserver.errors import (
    StatusError,
    already_exists,
    bad_request,
    internal,
    invalid,
)

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.cluster import Cluster
    from mlctl_core.embedded.apiserver.field_errors import FieldError
    from mlctl_core.embedded.apiserver.resources import Resource
    from mlctl_core.objects.json import Json

_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""Without vowels and look-alikes, as upstream generates names."""

_SUFFIX_LENGTH = 5
_GENERATED_PREFIX = 63 - _SUFFIX_LENGTH
"""A longer generateName is cut, so that the result is a DNS label."""

_NAME_ATTEMPTS = 8
"""As upstream: so many generated names are tried before giving up (KEP-4420)."""

_OWNED_BY_SERVER = ("creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")


def require_metadata(obj: Json) -> Json:
    """Give the metadata of an object, making it where there is none.

    Raises:
        StatusError: 400, it is not an object.
    """
    metadata = obj.get("metadata")
    if metadata is None:
        metadata = obj["metadata"] = {}
    if not isinstance(metadata, dict):
        raise bad_request("metadata: must be an object")
    return metadata


def identify(resource: Resource, obj: Json) -> None:
    """Make sure that the object is of the resource's kind; absent type fields are filled in.

    Raises:
        StatusError: 400, it is of another kind.
    """
    kind, api_version = obj.get("kind"), obj.get("apiVersion")
    absent = set() if resource.custom else {None, ""}
    if kind in {resource.kind, *absent} and api_version in {resource.api_version, *absent}:
        rest = {name: value for name, value in obj.items() if name not in {"kind", "apiVersion"}}
        obj.clear()
        obj["kind"], obj["apiVersion"] = resource.kind, resource.api_version
        obj.update(rest)
        return
    if resource.custom:
        raise _not_custom(resource, obj)
    group_version = str(api_version or resource.api_version)
    version = group_version.rpartition("/")[2]
    given = str(kind or resource.kind)
    why = unconvertible(resource, given, group_version)
    raise bad_request(
        f'{given} in version "{version}" cannot be handled as a {resource.kind}: {why}'
    )


SCHEME = "pkg/runtime/scheme.go:111"
"""Where upstream keeps its kinds, as refusals name it."""


def unconvertible(resource: Resource, kind: str, api_version: str) -> str:
    """Say why an object of another kind or version is none of a built-in resource's."""
    if kind == resource.kind or (api_version, kind) not in _kinds():
        return f'no kind "{kind}" is registered for version "{api_version}" in scheme "{SCHEME}"'
    version = api_version.rpartition("/")[2]
    internal_group = resource.group.partition(".")[0] or "core"
    return (
        f"converting ({version}.{kind}) to ({internal_group}.{resource.kind}): unknown conversion"
    )


@functools.cache
def _kinds() -> frozenset[tuple[str, str]]:
    return frozenset((one.api_version, one.kind) for one in builtin_resources())


def _not_custom(resource: Resource, obj: Json) -> StatusError:
    """Say that an object is not of a custom kind, as upstream says it of those."""
    kind, api_version = obj.get("kind"), obj.get("apiVersion")
    if not kind:
        return bad_request(
            f"the object provided is unrecognized (must be of type {resource.kind}): "
            "Object 'Kind' is missing"
        )
    if api_version != resource.api_version:
        return bad_request(
            f"the API version in the data ({api_version}) does not match the expected API version "
            f"({resource.api_version})"
        )
    error = field_errors.invalid("kind", kind, f"must be {resource.kind}")
    return invalid(resource.group, str(kind), require_metadata(obj).get("name", ""), [error])


def check_namespace(resource: Resource, metadata: Json, namespace: str) -> None:
    """Make the object's namespace that of the request.

    Raises:
        StatusError: 400, it names another one.
    """
    if not resource.namespaced:
        metadata.pop("namespace", None)
        return
    if metadata.get("namespace") not in {None, "", namespace}:
        message = "the namespace of the provided object does not match the namespace sent on the "
        raise bad_request(message + "request")
    metadata["namespace"] = namespace


def fill_on_create(cluster: Cluster, resource: Resource, obj: Json) -> None:
    """Set what the server sets on a new object.

    Raises:
        StatusError: 500, resourceVersion is given; 409, no generated name was free.
    """
    metadata = obj["metadata"]
    if metadata.pop("resourceVersion", None):
        raise internal("resourceVersion should not be set on objects to be created")
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = _generated_name(cluster, resource, metadata)
    metadata["uid"] = cluster.new_uid()
    metadata["creationTimestamp"] = cluster.now()
    if resource.generation:
        metadata["generation"] = 1


def wipe(metadata: Json) -> None:
    """Drop from a new object's metadata what only the server sets."""
    for field in (*_OWNED_BY_SERVER, "selfLink", "uid"):
        metadata.pop(field, None)


def _generated_name(cluster: Cluster, resource: Resource, metadata: Json) -> str:
    prefix = str(metadata["generateName"])[:_GENERATED_PREFIX]
    taken = cluster.collection(resource)
    for _ in range(_NAME_ATTEMPTS):
        suffix = "".join(cluster.random.choices(_SUFFIX_LETTERS, k=_SUFFIX_LENGTH))
        name = prefix + suffix
        if taken.get(metadata.get("namespace", ""), name) is None:
            return name
    raise already_exists(resource.group, resource.plural, name)


def keep_on_update(new: Json, old: Json) -> list[FieldError]:
    """Carry over what an update may leave out, and list what it tries to change and may not."""
    metadata, before = new["metadata"], old["metadata"]
    metadata.pop("selfLink", None)
    errors: list[FieldError] = []
    if metadata.get("uid") in {None, ""}:
        metadata["uid"] = before["uid"]
    elif metadata["uid"] != before["uid"]:
        errors.append(_immutable("uid", metadata["uid"]))
    # Only a delete changes these; an update that carries older values is not refused.
    errors.extend(
        _immutable(field, metadata[field])
        for field in ("deletionTimestamp", "deletionGracePeriodSeconds")
        if metadata.get(field) is not None and field not in before
    )
    for field in _OWNED_BY_SERVER:
        metadata.pop(field, None)
        if field in before:
            metadata[field] = before[field]
    if "generation" in before:
        metadata["generation"] = before["generation"]
    else:
        metadata.pop("generation", None)
    metadata["resourceVersion"] = before["resourceVersion"]
    return errors + _finalizer_errors(metadata, before)


def _immutable(field: str, value: object) -> FieldError:
    return field_errors.invalid(f"metadata.{field}", value, "field is immutable")


def _finalizer_errors(metadata: Json, before: Json) -> list[FieldError]:
    if not before.get("deletionTimestamp"):
        return []
    known = before.get("finalizers") or []
    added = [name for name in metadata.get("finalizers") or [] if name not in known]
    if not added:
        return []
    shown = ", ".join(f'"{name}"' for name in added)
    message = (
        "no new finalizers can be added if the object is being deleted, "
        f"found new finalizers []string{{{shown}}}"
    )
    return [field_errors.forbidden("metadata.finalizers", message)]


def bump_generation(resource: Resource, new: Json, old: Json) -> None:
    """Count a change of what is wanted.

    For custom resources that is everything but metadata, and but status when it has a
    subresource of its own; for built-in kinds it is spec, for some annotations too.
    """
    if not resource.generation:
        return
    if resource.custom:
        apart = {"metadata", "status"} if "status" in resource.subresources else {"metadata"}
        changed = _without(new, apart) != _without(old, apart)
    else:
        changed = new.get("spec") != old.get("spec")
        if resource.collection in _COUNT_ANNOTATIONS:
            changed = changed or _annotations(new) != _annotations(old)
    if changed:
        new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1


_COUNT_ANNOTATIONS = ("apps/deployments",)
"""Built-in kinds whose annotations are part of what is wanted."""


def _annotations(obj: Json) -> Json:
    return obj["metadata"].get("annotations") or {}


def _without(obj: Json, fields: set[str]) -> Json:
    return {name: value for name, value in obj.items() if name not in fields}


def refuse(resource: Resource, obj: Json, errors: list[FieldError]) -> None:
    """Refuse an object that has errors.

    Raises:
        StatusError: 422.
    """
    if errors:
        name = obj["metadata"].get("name", "")
        raise invalid(resource.group, resource.kind, name, errors)
