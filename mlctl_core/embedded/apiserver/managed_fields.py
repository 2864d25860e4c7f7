"""Who set which field: the managedFields of an object, kept by every write.

Follows `k8s.io/apimachinery/pkg/util/managedfields`: an entry per manager, operation,
version (of updates) and subresource; an update takes fields it changes from all others;
fields that go are nobody's; times move only when an entry does.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

import attrs

from mlctl_core.embedded.apiserver.field_set import FieldSet, from_fields_v1, of_paths
from mlctl_core.embedded.apiserver.typed_values import Comparison, compare

if TYPE_CHECKING:
    from mlctl_core.objects.json import Json

MAX_UPDATE_ENTRIES: Final = 10
"""More entries of updates than this are merged, the oldest first, as upstream."""

ANCIENT: Final = "ancient-changes"
BEFORE_FIRST_APPLY: Final = "before-first-apply"
UPDATE: Final = "Update"
APPLY: Final = "Apply"

_METADATA: Final = (
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "clusterName",
    "generation",
    "managedFields",
    "resourceVersion",
)
_STRIPPED: Final = of_paths(
    [
        ("f:apiVersion",),
        ("f:kind",),
        ("f:metadata",),
        *(("f:metadata", f"f:{name}") for name in _METADATA),
    ]
)
"""Fields that identify the object or are the server's: nobody owns them."""

_ALWAYS_THERE: Final = frozenset(
    {
        "containers",
        "involvedObject",
        "jobTemplate",
        "metadata",
        "names",
        "regarding",
        "roleRef",
        "source",
        "spec",
        "status",
        "strategy",
        "template",
        "updateStrategy",
    }
)
"""Fields of built-in kinds that Go structs hold by value or always write."""
_HELD_BY: Final = {"PersistentVolumeClaimSpec": frozenset({"resources"})}
"""Fields that are held by value in these structs and by pointer in others."""


@attrs.frozen
class EntryId:
    """What tells entries apart. An applier keeps its entry across versions."""

    manager: str
    operation: str
    api_version: str
    subresource: str


@attrs.frozen
class Entry:
    """What one manager owns."""

    fields: FieldSet
    api_version: str
    time: str | None = None


Managed = dict[EntryId, Entry]


def entry_id(manager: str, operation: str, api_version: str, subresource: str) -> EntryId:
    """The identity of a writer's entry."""
    version = "" if operation == APPLY else api_version
    return EntryId(manager or "unknown", operation, version, subresource)


def decode_managed(raw: Any) -> Managed:
    """Read managedFields.

    Raises:
        ValueError: They are not as the server writes them.
    """
    managed: Managed = {}
    for item in raw or ():
        operation, api_version = item.get("operation"), item.get("apiVersion")
        if operation not in {APPLY, UPDATE} or not api_version:
            raise ValueError("operation must be `Apply` or `Update`")
        if item.get("fieldsType") != "FieldsV1":
            raise ValueError("missing or invalid fieldsType")
        fields = from_fields_v1(item.get("fieldsV1") or {})
        subresource = item.get("subresource", "")
        identity = entry_id(item.get("manager", ""), operation, api_version, subresource)
        managed[identity] = Entry(fields, api_version, item.get("time"))
    return managed


def encode_managed(managed: Managed) -> list[Json]:
    """Write managedFields, in upstream's order: operation, time, manager, version."""
    encoded: list[Json] = []
    for identity, entry in managed.items():
        item: Json = {"manager": identity.manager, "operation": identity.operation}
        item["apiVersion"] = entry.api_version
        if entry.time:
            item["time"] = entry.time
        item["fieldsType"] = "FieldsV1"
        item["fieldsV1"] = entry.fields.to_fields_v1()
        if identity.subresource:
            item["subresource"] = identity.subresource
        encoded.append(item)
    encoded.sort(
        key=lambda item: (
            item["operation"],
            item.get("time", ""),
            item["manager"],
            item["apiVersion"],
            item.get("subresource", ""),
        )
    )
    return encoded


def set_managed(obj: Json, managed: Managed) -> Json:
    """The object with these managedFields; shares everything else with it."""
    metadata = dict(obj.get("metadata") or {})
    metadata.pop("managedFields", None)
    if managed:
        metadata["managedFields"] = encode_managed(managed)
    return {**obj, "metadata": metadata}


def without_managed(obj: Json) -> Json:
    """The object without managedFields; shares everything else with it."""
    metadata = obj.get("metadata") or {}
    if "managedFields" not in metadata:
        return obj
    return {**obj, "metadata": {k: v for k, v in metadata.items() if k != "managedFields"}}


def managed_of(obj: Json | None) -> Managed:
    """An object's entries; none where they cannot be read."""
    if obj is None:
        return {}
    try:
        return decode_managed((obj.get("metadata") or {}).get("managedFields"))
    except (ValueError, AttributeError, TypeError):
        return {}


def track_update(
    old: Json | None,
    new: Json,
    schema: Json,
    *,
    manager: str,
    api_version: str,
    now: str,
    subresource: str = "",
    reset: FieldSet | None = None,
) -> Json:
    """The new object with managedFields that record a create, update or patch.

    `old` is None on create. managedFields that come with the new object count when they
    can be read (they are how clients migrate entries); `[]` and `[{}]` ask to track no
    more. Through a subresource they are ignored. `reset` are the fields this endpoint
    leaves alone.
    """
    managed = _starting_point(old, new, from_request=not subresource)
    if old is not None and not managed:
        return set_managed(new, {})
    identity = entry_id(manager, UPDATE, api_version, subresource)
    before = empty_object(new, schema) if old is None else without_managed(old)
    changes = compare(before, without_managed(new), schema)
    managed = record_update(
        managed, changes, identity, api_version=api_version, now=now, reset=reset
    )
    return set_managed(new, cap_updates(managed))


def empty_object(like: Json, schema: Json) -> Json:
    """The object that everything is added to on create.

    Built-in kinds are Go structs, in which parts such as spec are always there: nobody
    adds them, so nobody owns them.
    """
    empty: Json = {"metadata": {}}
    if "title" in schema:
        empty = _skeleton(schema)
    return {**empty, "apiVersion": like.get("apiVersion"), "kind": like.get("kind")}


def _skeleton(schema: Json) -> Json:
    held = _ALWAYS_THERE | _HELD_BY.get(schema.get("title", ""), frozenset())
    return {
        name: _skeleton(below) if below.get("type") == "object" else None
        for name, below in schema["properties"].items()
        if name in held and (below.get("type") != "object" or "properties" in below)
    }


def _starting_point(old: Json | None, new: Json, *, from_request: bool) -> Managed:
    if from_request:
        given = (new.get("metadata") or {}).get("managedFields")
        if given is not None and given in ([], [{}]):
            return {}
        managed = managed_of(new)
        if managed:
            return managed
    return managed_of(old)


def record_update(
    managed: Managed,
    changes: Comparison,
    identity: EntryId,
    *,
    api_version: str,
    now: str,
    reset: FieldSet | None,
) -> Managed:
    """The entries after a change by a manager: it owns what it changed, alone."""
    changes = changes.without(reset) if reset else changes
    taken = changes.modified.union(changes.added)
    kept = take_from_others(managed, taken.union(changes.removed))
    own = taken.difference(_STRIPPED)
    if own:
        before = kept.get(identity)
        fields = own.union(before.fields) if before else own
        kept[identity] = Entry(fields, api_version, now)
    return kept


def take_from_others(managed: Managed, taken: FieldSet, spared: EntryId | None = None) -> Managed:
    """The entries without these fields; an entry with nothing left is dropped."""
    kept: Managed = {}
    for identity, entry in managed.items():
        if identity == spared:
            kept[identity] = entry
            continue
        fields = entry.fields.difference(taken)
        if fields:
            kept[identity] = attrs.evolve(entry, fields=fields)
    return kept


def strip(fields: FieldSet) -> FieldSet:
    """The set without the fields nobody owns."""
    return fields.difference(_STRIPPED)


def cap_updates(managed: Managed) -> Managed:
    """Merge the oldest updates of a version into one entry while there are too many."""
    updates = [identity for identity in managed if identity.operation == UPDATE]
    surplus = len(updates) - MAX_UPDATE_ENTRIES
    if surplus <= 0:
        return managed
    updates.sort(key=lambda identity: (managed[identity].time or "", identity.manager))
    capped = copy.copy(managed)
    first: dict[str, EntryId] = {}
    for identity in updates:
        if surplus <= 0:
            break
        entry = capped[identity]
        if entry.api_version not in first:
            first[entry.api_version] = identity
            continue
        bucket = entry_id(ANCIENT, UPDATE, entry.api_version, "")
        if bucket not in capped:
            capped[bucket] = capped.pop(first[entry.api_version])
        fields = entry.fields.union(capped[bucket].fields)
        del capped[identity]
        capped[bucket] = Entry(fields, entry.api_version, entry.time)
        surplus -= 1
    return capped
