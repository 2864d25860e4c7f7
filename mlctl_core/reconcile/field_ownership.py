"""Turns what a field manager got by creating an object into what it would have by applying it.

An object is created with POST (an apply would merge into a stranger's object of that name),
and the server then lists the fields under operation Update. A later apply by the same manager
is a second owner next to the first, so a field that it drops would stay for ever. Moving the
fields from the one entry to the other before the first apply is what client-go's csaupgrade
does for kubectl (KEP-555).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlctl_core.objects.json import Json


def migrated(managed_fields: Sequence[Json], manager: str) -> list[Json] | None:
    """The managedFields with the manager's Update entry merged into its Apply entry.

    Entries of subresources and of other managers stay as they are. None when there is nothing
    to do.
    """
    updates = [e for e in managed_fields if _is(e, manager, "Update")]
    if not updates:
        return None
    applied = next((e for e in managed_fields if _is(e, manager, "Apply")), None)
    entry: Json = {**(applied or updates[0]), "operation": "Apply"}
    for update in updates:
        entry["fieldsV1"] = _union(entry.get("fieldsV1") or {}, update.get("fieldsV1") or {})
    rest = [e for e in managed_fields if e is not applied and e not in updates]
    return [entry, *rest]


def _is(entry: Json, manager: str, operation: str) -> bool:
    return (
        entry.get("manager") == manager
        and entry.get("operation") == operation
        and not entry.get("subresource")
    )


def _union(one: Json, other: Json) -> Json:
    """Both sets of fields; a set is a tree whose leaves are empty maps."""
    union = dict(one)
    for field, below in other.items():
        union[field] = _union(union.get(field) or {}, below or {})
    return union
