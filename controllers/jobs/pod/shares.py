"""How a pod's size is shared out between the program and what runs beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controllers.jobs.job import Refusal
from controllers.jobs.resolve import resources_of
from mlctl_core.objects.quantities import format_quantity, parse_quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from apis.v1alpha1.size import PodSize
    from controllers.jobs.job import Role
    from mlctl_core.objects.json import Json


def left(amounts: Mapping[str, str], sidecars: Iterable[Json]) -> dict[str, str]:
    """What a size leaves to the program beside its sidecars, by resource name."""
    rest = dict(amounts)
    for sidecar in sidecars:
        for name, amount in sidecar.get("resources", {}).get("requests", {}).items():
            if name in rest:
                less = parse_quantity(rest[name]) - parse_quantity(amount)
                rest[name] = format_quantity(less, like=rest[name])
    return rest


def too_small(role: Role, size: PodSize, sidecars: Iterable[Json]) -> Refusal | None:
    """Why a role's pods cannot have that size; None when it leaves something to the program.

    The server would refuse a pod that asks for less than nothing, and say nothing of the size.
    """
    amounts = resources_of(size)
    for name, amount in left(amounts, sidecars).items():
        if parse_quantity(amount) <= 0:
            return Refusal(
                "SizeUnsuitable",
                f"{role.size_field} {role.size} has {amounts[name]} of {name}, which is no more "
                "than what keeps the ticket of spec.identity fresh takes: choose a larger size.",
            )
    return None
