"""Conditions: what is true about an object, each with the time it last flipped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import attrs

from mlctl_core.objects.resource import Schema

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Condition", "Conditions", "find_condition", "is_true", "set_condition"]


@attrs.frozen(kw_only=True)
class Condition:
    """One aspect of an object's state (metav1.Condition)."""

    type: Annotated[
        str,
        Schema(
            max_length=316,
            pattern=r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
            r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$",
        ),
    ]
    """What the condition is about, in CamelCase: Running, Succeeded."""
    status: Literal["True", "False", "Unknown"]
    """Whether it holds."""
    reason: Annotated[
        str, Schema(max_length=1024, pattern=r"^([A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?)?$")
    ] = ""
    """Why, as one CamelCase word that programs may compare."""
    message: Annotated[str, Schema(max_length=32768)] = ""
    """Why, in words for a person."""
    last_transition_time: Annotated[str, Schema(format="date-time", max_length=64)] = ""
    """When the status last changed from one value to another."""
    observed_generation: Annotated[int | None, Schema(format="int64", minimum=0, maximum=2**53)] = (
        None
    )
    """The metadata.generation that the condition was computed from."""


Conditions = Annotated[
    tuple[Condition, ...], Schema(max_items=32, list_type="map", list_map_keys=("type",))
]
"""The type of a ``conditions`` field in a status."""


def find_condition(conditions: Sequence[Condition], type_: str) -> Condition | None:
    """The condition of that type, or None."""
    return next((condition for condition in conditions if condition.type == type_), None)


def is_true(conditions: Sequence[Condition], type_: str) -> bool:
    """Whether there is a condition of that type and its status is True."""
    found = find_condition(conditions, type_)
    return found is not None and found.status == "True"


def set_condition(conditions: Sequence[Condition], new: Condition) -> tuple[Condition, ...]:
    """`conditions` with `new` in the place of the one of its type, or at the end.

    While the status stays the same, so does lastTransitionTime, whatever `new` says: a planner may
    pass the present time always and yet write nothing when nothing changed.
    """
    old = find_condition(conditions, new.type)
    if old is None:
        return (*conditions, new)
    if old.status == new.status:
        new = attrs.evolve(new, last_transition_time=old.last_transition_time)
    return tuple(new if condition is old else condition for condition in conditions)
