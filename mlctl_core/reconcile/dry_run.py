"""Prints what plans would write, and writes nothing.

One JSON object a line: which object was planned for, what would be done, to what, with which
body. Events and the status count as well. A no-op prints nothing, as it would write nothing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TextIO

import attrs

from mlctl_core.reconcile.changes import Apply, Change, Create, Merge, Owner, Remove, changes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlctl_core.cache.store import Store
    from mlctl_core.objects.json import Json
    from mlctl_core.objects.kinds import Kind
    from mlctl_core.reconcile.plan import Plan, WriteFailure
    from mlctl_core.reconcile.sink import Written


class Printer:
    """A `PlanSink` that prints.

    Args:
        stores: The caches that plans are compared with.
        stream: Where lines go.
    """

    def __init__(self, stores: Mapping[Kind, Store], stream: TextIO) -> None:
        self._stores = stores
        self._kinds = {str(kind): kind for kind in stores}
        self._stream = stream

    async def execute(
        self, owner: Owner, plan: Plan, failures: Sequence[WriteFailure] = ()
    ) -> Sequence[Written]:
        """Print what ``plan`` changes; nothing was written, so nothing is returned."""
        del failures
        lines: list[Json] = [
            _described(change) for change in changes(owner, plan, self._stores, self._kinds)
        ]
        lines += [{"do": "event", **attrs.asdict(event)} for event in plan.events]
        for line in lines:
            planned = {"for": f"{owner.kind.name} {owner.key}", **line}
            self._stream.write(json.dumps(planned) + "\n")
        if lines:
            self._stream.flush()
        return ()


def _described(change: Change) -> Json:
    line: dict[str, Any] = {"do": "refuse", "kind": str(change.kind), "object": str(change.key)}
    if isinstance(change, Remove):
        uid, grace = change.uid, change.grace_period_seconds
        return line | {"do": "delete", "uid": uid, "gracePeriodSeconds": grace}
    if isinstance(change, Create):
        return line | {"do": "create", "body": change.body}
    if isinstance(change, Apply):
        return line | {"do": "apply", "body": change.body}
    if isinstance(change, Merge):
        return line | {"do": "patch", "subresource": change.subresource, "body": change.body}
    return line | {"message": change.failure.message}
