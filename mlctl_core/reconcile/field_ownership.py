"""Turns what a field manager got by creating an object into what it would have by applying it.

An object is created with POST (an apply would merge into a stranger's object of that name),
and the server then lists the fields under operation Update. A later apply by the same manager
is a second owner next to the first, so a field that it drops would stay for ever. Moving the
fields from the one entry to the other before the first apply is what client-go's csaupgrade
does for kubectl (KEP-555).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mlctl_core.client.client import PatchType
from mlctl_core.reconcile.no_ops import Memory
from mlctl_core.reconcile.sink import StaleError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlctl_core.client.client import Client
    from mlctl_core.objects.json import Json
    from mlctl_core.reconcile.changes import Apply


class FieldOwnership:
    """Sees to it that what is applied is owned by applying.

    Args:
        client: The way to the server.
        manager: Whose fields.
    """

    def __init__(self, client: Client, manager: str) -> None:
        self._client = client
        self._manager = manager
        # By object the UID of the one that has been seen to.
        self._done: Memory[str] = Memory()

    async def take_over(self, apply: Apply) -> None:
        """Take over, once per object, the fields that creating it put under Update.

        Raises:
            StaleError: it is another object by now.
            ConflictError: somebody wrote to it at the same time.
            ClientError: the server could not be asked.
        """
        uid: str = apply.body["metadata"]["uid"]
        place = (apply.kind, apply.key, "")
        if self._done.get(place) == uid:
            return
        live: Json = msgspec.json.decode(
            await self._client.get(apply.kind, apply.key.name, apply.key.namespace)
        )
        metadata = live["metadata"]
        if metadata.get("uid") != uid:
            raise StaleError(f"{apply.kind} {apply.key} was made anew")
        entries = migrated(metadata.get("managedFields") or (), self._manager)
        if entries is not None:
            patch: list[Json] = [
                {"op": "replace", "path": "/metadata/managedFields", "value": entries},
                # Refused as a conflict when anybody has written in between.
                {
                    "op": "replace",
                    "path": "/metadata/resourceVersion",
                    "value": metadata["resourceVersion"],
                },
            ]
            await self._client.patch(
                apply.kind,
                apply.key.name,
                patch,
                apply.key.namespace,
                patch_type=PatchType.JSON,
                field_manager=self._manager,
            )
        self._done.put(place, uid)


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
