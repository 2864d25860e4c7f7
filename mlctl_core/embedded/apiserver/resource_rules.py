"""Amounts of resources: which names there are, and how requests and limits relate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlctl_core.embedded.apiserver import field_errors as errors
from mlctl_core.embedded.apiserver import names
from mlctl_core.objects.quantities import parse_quantity

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.field_errors import FieldError
    from mlctl_core.objects.json import Json

_STANDARD: Final = frozenset({"cpu", "memory", "ephemeral-storage", "storage"})
_CONTAINER: Final = frozenset({"cpu", "memory", "ephemeral-storage"})
_HUGE_PAGES: Final = "hugepages-"
_NATIVE_DOMAIN: Final = "kubernetes.io/"


def is_native(name: str) -> bool:
    """Whether Kubernetes itself defines the resource; fractions and overcommit are its own."""
    return "/" not in name or _NATIVE_DOMAIN in name


def _overcommits(name: str) -> bool:
    return is_native(name) and not name.startswith(_HUGE_PAGES)


def check_resources(resources: Json, path: str, claims: list[str]) -> list[FieldError]:
    """Requests, limits and claims of a container."""
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    found: list[FieldError] = []
    for name, value in sorted(limits.items()):
        found.extend(_check_amount(name, value, f"{path}.limits[{name}]"))
    for name, value in sorted(requests.items()):
        found.extend(_check_amount(name, value, f"{path}.requests[{name}]"))
        limit = limits.get(name)
        where = f"{path}.requests"
        if limit is None:
            if not _overcommits(name):
                detail = "Limit must be set for non overcommitable resources"
                found.append(errors.required(f"{path}.limits", detail))
        elif not _overcommits(name) and parse_quantity(value) != parse_quantity(limit):
            detail = f"must be equal to {name} limit of {limit}"
            found.append(errors.invalid(where, value, detail))
        elif parse_quantity(value) > parse_quantity(limit):
            detail = f"must be less than or equal to {name} limit of {limit}"
            found.append(errors.invalid(where, value, detail))
    for index, claim in enumerate(resources.get("claims") or ()):
        name = claim.get("name") or ""
        if name not in claims:
            detail = "must be one of the names in pod.spec.resourceClaims"
            detail += "" if claims else " which is empty"
            error = errors.not_found(f"{path}.claims[{index}]", name)
            message = f"{error.message}: {detail}"
            found.append(errors.FieldError(error.path, error.reason, message, name))
    return found


def _check_amount(name: str, value: str, path: str) -> list[FieldError]:
    found = [errors.invalid(path, name, rule) for rule in names.check_qualified_name(name)]
    if "/" not in name and not name.startswith(_HUGE_PAGES):
        if name not in _STANDARD:
            detail = "must be a standard resource type or fully qualified"
            found.append(errors.invalid(path, name, detail))
        if name not in _CONTAINER:
            found.append(errors.invalid(path, name, "must be a standard resource for containers"))
    elif found and "/" in name:
        found.append(errors.invalid(path, name, "doesn't follow extended resource name standard"))
    amount = parse_quantity(value)
    if amount < 0:
        found.append(errors.invalid(path, value, "must be greater than or equal to 0"))
    elif not is_native(name) and amount != amount.to_integral_value():
        found.append(errors.invalid(path, value, "must be an integer"))
    return found
