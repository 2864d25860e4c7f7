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
    return applied


def _merge_entries(live: list[Any], applied: list[Any], schema: Json) -> list[Any]:
    """Entries of both: the applied ones in their order, the others where they were.

    An entry of the live list only stays in front of the next entry that both share.
    """
    left_steps = [entry_step(item, schema) for item in live]
    right = {step: items[0] for step, items in entries(applied, schema).items()}
    left = entries(live, schema)
    items = item_schema(schema)
    shared = [step for step in right if step in left]
    out: list[Any] = []
    taken: set[str] = set()
    rights = list(right)
    left_at = right_at = 0

    def take_right(step: str) -> None:
        taken.add(step)
        olds = left.get(step, [])
        # An entry that came twice is replaced rather than merged.
        out.append(merge(olds[0] if len(olds) == 1 else ABSENT, right[step], items))
        if shared and shared[0] == step:
            shared.pop(0)

    while left_at < len(left_steps) or right_at < len(rights):
        if left_at < len(left_steps) and right_at < len(rights):
            step = left_steps[left_at]
            if step == rights[right_at]:
                take_right(step)
                left_at += 1
                right_at += 1
                continue
            if step in right and shared and shared[0] != step:
                left_at += 1  # shared, but its turn comes in the applied order
                continue
        if left_at < len(left_steps):
            step = left_steps[left_at]
            if step not in right:
                out.append(live[left_at])
                left_at += 1
                continue
            if step in taken:
                left_at += 1
        if right_at < len(rights):
            take_right(rights[right_at])
            right_at += 1
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
