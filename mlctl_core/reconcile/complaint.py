"""The condition on an object that cannot be planned, put there and taken away as raw JSON.

Promises that the other conditions stay as they are, and that saying the same once more changes
nothing. Reads nothing but the status, so that it works on objects that do not fit their class and
on those nested too deeply to decode. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mlctl_core.client import scanner
from mlctl_core.objects.core import TYPED
from mlctl_core.objects.fields import fields_of
from mlctl_core.objects.kinds import kind_of
from mlctl_core.objects.times import format_time

if TYPE_CHECKING:
    from datetime import datetime

    from mlctl_core.objects.json import Json
    from mlctl_core.objects.metadata import Metadata

CONDITION = "Reconciled"
"""False while an object cannot be planned; gone once it can."""

# A few lines for a person. What a condition can hold is 32 times as much.
MAX_MESSAGE = 1_024

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError)


def has_conditions(cls: type) -> bool:
    """Whether the status of these objects has conditions, and is ours to write."""
    if kind_of(cls) in TYPED:
        return False
    status = next((f.shape.type for f in fields_of(cls) if f.attribute == "status"), None)
    return status is not None and any(f.attribute == "conditions" for f in fields_of(status))


def status_of(raw: bytes) -> Json | None:
    """The status in an object's bytes, empty if there is none; None if it cannot be read."""
    try:
        status = msgspec.json.decode(scanner.members(raw).get(b"status", b"{}"))
    except _UNREADABLE:
        return None
    return status if isinstance(status, dict) else {}


def complaining(status: Json, metadata: Metadata, reason: str, message: str, now: datetime) -> Json:
    """``status`` with the condition."""
    conditions = _conditions(status)
    places = [n for n, condition in enumerate(conditions) if condition.get("type") == CONDITION]
    place = places[0] if places else len(conditions)
    old: Json = conditions[place] if places else {}
    flipped = old.get("status") != "False"
    new = {
        "type": CONDITION,
        "status": "False",
        "reason": reason,
        "message": message[:MAX_MESSAGE],
        "lastTransitionTime": format_time(now) if flipped else old.get("lastTransitionTime"),
        "observedGeneration": metadata.generation,
    }
    return {**status, "conditions": [*conditions[:place], new, *conditions[place + 1 :]]}


def withdrawn(raw: bytes, status: Json | None) -> Json | None:
    """The status to write, without the condition, of an object that could be planned.

    Args:
        raw: the object.
        status: what its planner wants written; None for nothing.
    """
    # Nearly always so, and cheaper than decoding.
    if CONDITION.encode() not in raw:
        return status
    observed = status_of(raw) or {}
    if not any(condition.get("type") == CONDITION for condition in _conditions(observed)):
        return status
    wanted = observed if status is None else status
    kept = [c for c in _conditions(wanted) if c.get("type") != CONDITION]
    return {**wanted, "conditions": kept}


def _conditions(status: Json) -> list[Any]:
    conditions = status.get("conditions")
    items = conditions if isinstance(conditions, list | tuple) else ()
    return [condition for condition in items if isinstance(condition, dict)]
