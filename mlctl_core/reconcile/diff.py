"""Desired against observed: is anything missing, and what is the smallest patch.

Pure walks over JSON, some ten microseconds each: they run on every reconcile so that a
write that would change nothing is never sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlctl_core.objects.quantities import parse_quantity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlctl_core.objects.json import Json

# Lists that the server merges by key, as the built-in kinds' schemas declare them
# (x-kubernetes-list-map-keys). A list that is not named here is one value: same length,
# item by item. Where a name is a map in one kind and a plain list in another (args, say),
# items that are not objects are compared one by one anyway.
_MERGE_KEYS: Mapping[str, tuple[str, ...]] = {
    "conditions": ("type",),
    "containers": ("name",),
    "env": ("name",),
    "ephemeralContainers": ("name",),
    "hostAliases": ("ip",),
    "imagePullSecrets": ("name",),
    "initContainers": ("name",),
    "ownerReferences": ("uid",),
    "resourceClaims": ("name",),
    "schedulingGates": ("name",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "volumeDevices": ("devicePath",),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
}
_SETS = frozenset({"finalizers"})
# Maps whose values are quantities: "0.5" and "500m" are the same amount, and the server
# answers with the second.
_QUANTITY_MAPS = frozenset({"allocatable", "capacity", "hard", "limits", "requests"})


def covers(desired: Any, observed: Any) -> bool:
    """Whether every field of ``desired`` is present in ``observed`` with an equal value.

    What the server or others have added is no difference; a field that is None, or an empty
    map, is no wish.
    """
    return _covers(desired, observed, "")


def merge_patch(old: Json, new: Json) -> Json | None:
    """The smallest RFC 7386 merge patch from ``old`` to ``new``; None when they are equal.

    A value None in ``new`` is the same as its absence. Lists are replaced as a whole.
    """
    patch: Json = {}
    for key, value in new.items():
        if value is None:
            continue
        before = old.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            inner = merge_patch(before, value)
            if inner is not None:
                patch[key] = inner
        elif not _same(before, value) or key not in old:
            patch[key] = _without_nulls(value)
    for key, before in old.items():
        if before is not None and new.get(key) is None:
            patch[key] = None
    return patch or None


def patch_changes(observed: Json, patch: Json) -> bool:
    """Whether a merge patch would change ``observed``."""
    for key, value in patch.items():
        before = observed.get(key)
        if value is None:
            if key in observed:
                return True
        elif isinstance(value, dict):
            if not isinstance(before, dict) or patch_changes(before, value):
                return True
        elif not _same(before, value):
            return True
    return False


def _covers(desired: Any, observed: Any, field: str) -> bool:
    if isinstance(desired, dict):
        if not desired and observed is None:
            return True
        if not isinstance(observed, dict):
            return False
        if field in _QUANTITY_MAPS:
            return all(_same_quantity(v, observed.get(k)) for k, v in desired.items())
        return all(
            _covers(value, observed.get(key), key)
            for key, value in desired.items()
            if value is not None
        )
    if isinstance(desired, list | tuple):
        if not desired and observed is None:
            return True
        return isinstance(observed, list) and _covers_list(desired, observed, field)
    return _same(desired, observed)


def _covers_list(desired: Sequence[Any], observed: list[Any], field: str) -> bool:
    if field in _SETS:
        return all(item in observed for item in desired)
    keys = _MERGE_KEYS.get(field)
    if keys is None and field == "ports":
        return _covers_ports(desired, observed)
    if keys is not None and all(isinstance(item, dict) for item in (*desired, *observed)):
        by_key = {tuple(item.get(k) for k in keys): item for item in observed}
        return all(_covers(i, by_key.get(tuple(i.get(k) for k in keys)), "") for i in desired)
    return len(desired) == len(observed) and all(
        _covers(wanted, found, "") for wanted, found in zip(desired, observed, strict=True)
    )


def _covers_ports(desired: Sequence[Any], observed: list[Any]) -> bool:
    found = {_port_key(item): item for item in observed}
    return all(_covers(item, found.get(_port_key(item)), "") for item in desired)


def _port_key(port: Any) -> tuple[Any, ...]:
    if not isinstance(port, dict):
        return (port,)
    number = port.get("containerPort", port.get("port"))
    return (number, port.get("protocol") or "TCP")


def _same(one: Any, other: Any) -> bool:
    """Equality of JSON values: True is not 1, though Python says so."""
    if isinstance(one, bool) is not isinstance(other, bool):
        return False
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    return bool(one == other)


def _same_quantity(wanted: Any, found: Any) -> bool:
    if wanted is None or wanted == found:
        return True
    if not isinstance(wanted, str | int) or not isinstance(found, str | int):
        return False
    try:
        return parse_quantity(wanted) == parse_quantity(found)
    except ValueError:
        return False


def _without_nulls(value: Any) -> Any:
    """A merge patch would read a null inside a new map as a removal, and lists keep theirs."""
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    return value
