"""Between the version a request speaks and the version objects are stored in.

Custom resources are converted as the strategy `None` does it: only apiVersion changes.
Events are stored as core/v1 has them and served in events.k8s.io/v1 too, under the other
names the fields have there (KEP-383).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlctl_core.embedded.apiserver.records import encode

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.records import Record
    from mlctl_core.embedded.apiserver.resources import Resource
    from mlctl_core.objects.json import Json

EVENTS_GROUP_VERSION = "events.k8s.io/v1"

_EVENT_FIELDS = {
    "message": "note",
    "involvedObject": "regarding",
    "reportingComponent": "reportingController",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
}
"""Fields of a core/v1 Event and their names in events.k8s.io/v1."""

_CORE_FIELDS = {new: old for old, new in _EVENT_FIELDS.items()}


def from_stored(record: Record, resource: Resource) -> Json:
    """Decode a record in the version of a resource; the caller owns the copy."""
    obj = record.to_json()
    return _in_version(obj, resource.api_version)


def stored_bytes(record: Record, resource: Resource) -> bytes:
    """Give a record's bytes in the version of a resource; the stored ones where that fits."""
    if record.api_version == resource.api_version:
        return record.raw
    return encode(from_stored(record, resource))


def to_stored(obj: Json, resource: Resource) -> Json:
    """Convert an object of a request to the version in which it is stored."""
    return _in_version(obj, resource.stored_api_version)


def stored_path(path: tuple[str, ...], resource: Resource) -> tuple[str, ...]:
    """Give the path in a stored object of a field that a resource shows at a path."""
    if resource.api_version == EVENTS_GROUP_VERSION and path[0] in _CORE_FIELDS:
        return (_CORE_FIELDS[path[0]], *path[1:])
    return path


def _in_version(obj: Json, api_version: str) -> Json:
    if obj["apiVersion"] == api_version:
        return obj
    names: dict[str, str] = {}
    if api_version == EVENTS_GROUP_VERSION:
        names = _EVENT_FIELDS
    elif obj["apiVersion"] == EVENTS_GROUP_VERSION:
        names = _CORE_FIELDS
    converted = {names.get(field, field): value for field, value in obj.items()}
    converted["apiVersion"] = api_version
    return converted
