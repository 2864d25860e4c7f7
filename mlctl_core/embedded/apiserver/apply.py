"""Server-side apply: merges a manager's configuration into the live object (KEP-555)."""

from __future__ import annotations

import json
from typing import Any, Final

import attrs

from mlctl_core.embedded.apiserver.field_set import FieldSet, Path, of_paths, show_path
from mlctl_core.embedded.apiserver.managed_fields import (
    APPLY,
    BEFORE_FIRST_APPLY,
    UPDATE,
    Entry,
    EntryId,
    Managed,
    empty_object,
    entry_id,
    managed_of,
    record_update,
    set_managed,
    strip,
    take_from_others,
    without_managed,
)
from mlctl_core.embedded.apiserver.patch import PatchError
from mlctl_core.embedded.apiserver.typed_check import check_typed
from mlctl_core.embedded.apiserver.typed_merge import merge, remove
from mlctl_core.embedded.apiserver.typed_values import compare, field_set, with_named_fields
from mlctl_core.objects.json import Json

LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_KUBECTL: Final = "kubectl"

_INTERNAL_ERROR: Final = 500


@attrs.frozen
class Conflict:
    """A field that another manager owns."""

    manager: str
    """As it is shown: `"kubectl" using v1`."""
    path: Path

    def cause(self) -> Json:
        """The entry of a Status object's `details.causes`."""
        return {
            "reason": "FieldManagerConflict",
            "message": f"conflict with {self.manager}",
            "field": show_path(self.path),
        }


class ApplyConflict(Exception):  # noqa: N818 - it says what happened; 409 Conflict is its name
    """Applying would change fields that others own, and was not forced (409)."""

    def __init__(self, conflicts: list[Conflict]) -> None:
        self.conflicts = conflicts
        self.message = _message(conflicts)
        super().__init__(self.message)

    def causes(self) -> list[Json]:
        """The `details.causes` of the Status, one per field."""
        return [conflict.cause() for conflict in self.conflicts]


def apply(
    live: Json | None,
    applied: Json,
    schema: Json,
    *,
    manager: str,
    force: bool,
    api_version: str,
    now: str,
    subresource: str = "",
    reset: FieldSet | None = None,
) -> Json:
    """The live object with the configuration merged in and managedFields set.

    Fields the manager applied before and leaves out now go, unless someone else owns them.
    When nothing changes, the result equals the live object; neither argument is changed.
    `live` is None when the object does not exist. `reset` are the fields that this endpoint
    leaves alone.

    Raises:
        ApplyConflict: Another manager owns a field that would change, and `force` is off.
        PatchError: managedFields are given (400), or the configuration does not fit the
            schema (500, as upstream answers it).
    """
    if (applied.get("metadata") or {}).get("managedFields") is not None:
        raise PatchError("metadata.managedFields must be nil")
    problem = check_typed(applied, schema)
    if problem:
        group_version = api_version if "/" in api_version else f"/{api_version}"
        kind = f"{group_version}, Kind={applied.get('kind')}"
        name = (applied.get("metadata") or {}).get("name", "")
        namespace = (applied.get("metadata") or {}).get("namespace", "")
        text = f"failed to create typed patch object ({namespace}/{name}; {kind}): {problem}"
        raise PatchError(text, _INTERNAL_ERROR)
    attempt = _Attempt(
        live=live,
        applied=applied,
        schema=schema,
        identity=entry_id(manager, APPLY, api_version, subresource),
        api_version=api_version,
        now=now,
        reset=reset or FieldSet(),
    )
    try:
        merged = attempt.run(force=force)
    except ApplyConflict as conflict:
        # An object that kubectl applied on the client's side is taken over silently.
        if manager != _KUBECTL or not _all_last_applied(conflict, live, schema):
            raise
        merged = attempt.run(force=True)
    if manager == _KUBECTL:
        merged = _renew_last_applied(merged, applied)
    return merged


@attrs.frozen
class _Attempt:
    live: Json | None
    applied: Json
    schema: Json
    identity: EntryId
    api_version: str
    now: str
    reset: FieldSet

    def run(self, *, force: bool) -> Json:
        before = self._bare_live()
        managed = self._managed(before)
        last = managed.get(self.identity)
        merged = merge(before, self.applied, self.schema)
        own = field_set(self.applied, self.schema).without(self.reset)
        managed[self.identity] = Entry(own, self.api_version, last.time if last else None)
        if last is not None and last.fields:
            merged = _prune(merged, managed, last.fields, self.schema)
        changes = compare(before, merged, self.schema).without(self.reset)
        changed = changes.modified.union(changes.added)
        if not force:
            conflicts = _conflicts(managed, changed, self.identity)
            if conflicts:
                raise ApplyConflict(conflicts)
        managed = take_from_others(managed, changed.union(changes.removed), self.identity)
        own = strip(own)
        time = self.now if merged != before else managed[self.identity].time
        if own:
            managed[self.identity] = Entry(own, self.api_version, time)
        else:
            del managed[self.identity]
        return set_managed(merged, managed)

    def _bare_live(self) -> Json:
        if self.live is not None:
            return without_managed(self.live)
        return {"apiVersion": self.api_version, "kind": self.applied.get("kind"), "metadata": {}}

    def _managed(self, before: Json) -> Managed:
        managed = managed_of(self.live)
        if self.live is not None and not managed:
            # Whatever was there before anyone applied belongs to nobody in particular.
            identity = entry_id(BEFORE_FIRST_APPLY, UPDATE, self.api_version, "")
            changes = compare(empty_object(before, self.schema), before, self.schema)
            managed = record_update(
                {},
                changes,
                identity,
                api_version=self.api_version,
                now=self.now,
                reset=self.reset,
            )
        return managed


def _prune(merged: Json, managed: Managed, last: FieldSet, schema: Json) -> Json:
    """Remove what the manager applied before and nobody owns now."""
    last = with_named_fields(last, schema)
    owned = FieldSet()
    for entry in managed.values():
        owned = owned.union(entry.fields)
    owned = with_named_fields(owned, schema)
    everything = _fields_of(merged, schema)
    left = _fields_of(remove(merged, last, schema), schema)
    pruned = remove(merged, everything.difference(left.union(owned)), schema)
    # What went beside that, because it stood below, stays unless it was the manager's.
    gone = everything.difference(_fields_of(pruned, schema)).intersection(last)
    kept: Json = remove(merged, gone, schema)
    return kept


def _fields_of(value: Any, schema: Json) -> FieldSet:
    return with_named_fields(field_set(value, schema), schema)


def _conflicts(managed: Managed, changed: FieldSet, own: EntryId) -> list[Conflict]:
    return [
        Conflict(_show(identity), path)
        for identity, entry in sorted(managed.items(), key=lambda item: item[0].manager)
        if identity != own
        for path in entry.fields.intersection(changed)
    ]


def _show(identity: EntryId) -> str:
    text = json.dumps(identity.manager, ensure_ascii=False)
    if identity.subresource:
        text += f" with subresource {json.dumps(identity.subresource)}"
    if identity.operation == UPDATE:
        text += f" using {identity.api_version}"
    return text


def _message(conflicts: list[Conflict]) -> str:
    if len(conflicts) == 1:
        only = conflicts[0]
        return f"Apply failed with 1 conflict: conflict with {only.manager}: {show_path(only.path)}"
    lines: list[str] = []
    for manager in dict.fromkeys(conflict.manager for conflict in conflicts):
        lines.append(f"conflicts with {manager}:")
        lines.extend(f"- {show_path(c.path)}" for c in conflicts if c.manager == manager)
    return f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(lines)


def _annotation(obj: Json) -> str:
    annotations = (obj.get("metadata") or {}).get("annotations") or {}
    return str(annotations.get(LAST_APPLIED) or "")


def _all_last_applied(conflict: ApplyConflict, live: Json | None, schema: Json) -> bool:
    """Whether every conflict is over a field that kubectl applied and nobody changed since."""
    try:
        last = json.loads(_annotation(live or {}))
    except ValueError:
        return False
    if not isinstance(last, dict) or live is None or last.get("apiVersion") != live["apiVersion"]:
        return False
    changes = compare(last, without_managed(live), schema)
    changed = changes.added.union(changes.modified).union(changes.removed)
    allowed = field_set(last, schema).difference(changed)
    return not of_paths(c.path for c in conflict.conflicts).difference(allowed)


def _renew_last_applied(merged: Json, applied: Json) -> Json:
    """Keep the annotation of client-side apply in step, where there is one."""
    if not _annotation(merged):
        return merged
    metadata = dict(applied.get("metadata") or {})
    if LAST_APPLIED in (metadata.get("annotations") or {}):
        metadata["annotations"] = {
            name: value for name, value in metadata["annotations"].items() if name != LAST_APPLIED
        }
    text = json.dumps({**applied, "metadata": metadata}, separators=(",", ":"), sort_keys=True)
    annotations = {**merged["metadata"]["annotations"], LAST_APPLIED: text + "\n"}
    return {**merged, "metadata": {**merged["metadata"], "annotations": annotations}}
