"""Merges one value into another and removes fields from one, by their schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlctl_core.embedded.apiserver.field_set import FieldSet, field_step
from mlctl_core.embedded.apiserver.list_types import ABSENT
from mlctl_core.embedded.apiserver.typed_values import (
    entries,
    entry_step,
    field_schema,
    is_granular_list,
    is_granular_map,
    item_schema,
)

if TYPE_CHECKING:
    from mlctl_core.objects.json import Json


def merge(live: Any, applied: Any, schema: Json) -> Any:
    """The live value with the applied one merged in; neither is changed, parts are shared."""
    if applied is ABSENT:
        return live
    if is_granular_map(applied, schema) and isinstance(live, dict) and live:
        merged = dict(live)
        for name, value in applied.items():
            merged[name] = merge(live.get(name, ABSENT), value, field_schema(schema, name))
        return merged
    if is_granular_list(applied, schema) and isinstance(live, list) and live:
        return _merge_entries(live, applied, schema)
    if applied is None and live and _is_granular(live, schema):
        return live  # As if nothing in it were applied.
    return applied


def _is_granular(value: Any, schema: Json) -> bool:
    return is_granular_map(value, schema) or is_granular_list(value, schema)


def _merge_entries(live: list[Any], applied: list[Any], schema: Json) -> list[Any]:
    """Entries of both: the applied ones in their order, the others where they were.

    An entry that only the live list has stays in front of the next entry that both share.
    """
    items = item_schema(schema)
    left, right = entries(live, schema), entries(applied, schema)
    shared = [step for step in right if step in left]
    waiting = list(right)
    out: list[Any] = []

    def take_until(step: str) -> None:
        while waiting:
            taken = waiting.pop(0)
            olds = left.get(taken, [])
            # An entry that came twice is replaced rather than merged.
            old = olds[0] if len(olds) == 1 else ABSENT
            out.append(merge(old, right[taken][0], items))
            if taken in shared:
                shared.remove(taken)
            if taken == step:
                return

    for item in live:
        step = entry_step(item, schema)
        if step not in right:
            out.append(item)
        elif shared and shared[0] == step:
            take_until(step)
    take_until("")
    return out


def remove(value: Any, gone: FieldSet, schema: Json) -> Any:
    """The value without some fields; None when nothing of a map or list is left.

    Atomic values are left alone: they go as a whole, with the field that holds them.
    """
    if is_granular_map(value, schema) and value:
        kept: Json = {}
        for name, inner in value.items():
            step = field_step(name)
            if step in gone.members:
                continue
            below = gone.below.get(step)
            kept[name] = remove(inner, below, field_schema(schema, name)) if below else inner
        return kept or None
    if is_granular_list(value, schema) and value:
        items: list[Any] = []
        for item in value:
            step = entry_step(item, schema)
            if step in gone.members:
                continue
            below = gone.below.get(step)
            items.append(remove(item, below, item_schema(schema)) if below else item)
        return items or None
    return value
