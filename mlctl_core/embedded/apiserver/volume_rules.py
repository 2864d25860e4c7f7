"""What a pod's volumes must look like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlctl_core.embedded.apiserver import field_errors as errors
from mlctl_core.embedded.apiserver import names
from mlctl_core.embedded.apiserver.container_rules import check_inside
from mlctl_core.objects.quantities import parse_quantity

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.field_errors import FieldError
    from mlctl_core.objects.json import Json

_MAX_MODE: Final = 0o777

_NEEDED: Final = {
    "configMap": "name",
    "hostPath": "path",
    "persistentVolumeClaim": "claimName",
    "secret": "secretName",
}
"""The one field without which a source means nothing."""


def check_volumes(volumes: list[Json], path: str = "spec") -> list[FieldError]:
    """All volumes of a pod's spec, and that no two have the same name."""
    found: list[FieldError] = []
    seen: set[str] = set()
    for index, volume in enumerate(volumes):
        where = f"{path}.volumes[{index}]"
        name = volume.get("name") or ""
        if not name:
            found.append(errors.required(f"{where}.name"))
        else:
            rules = names.check_dns_1123_label(name)
            found.extend(errors.invalid(f"{where}.name", name, rule) for rule in rules)
        if name and name in seen:
            found.append(errors.duplicate(f"{where}.name", name))
        seen.add(name)
        sources = [key for key in volume if key != "name"]
        if not sources:
            found.append(errors.required(where, "must specify a volume type"))
            continue
        found.extend(_check_source(sources[0], volume[sources[0]], f"{where}.{sources[0]}"))
        detail = "may not specify more than 1 volume type"
        found.extend(errors.forbidden(f"{where}.{extra}", detail) for extra in sources[1:])
    return found


def _check_source(kind: str, source: Json, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    needed = _NEEDED.get(kind)
    if needed and not source.get(needed):
        found.append(errors.required(f"{path}.{needed}"))
    mode = source.get("defaultMode")
    if mode is not None and not 0 <= mode <= _MAX_MODE:
        detail = "must be a number between 0 and 0777 (octal), both inclusive"
        found.append(errors.invalid(f"{path}.defaultMode", mode, detail))
    for index, item in enumerate(source.get("items") or ()):
        found.extend(_check_item(kind, item, f"{path}.items[{index}]"))
    if kind == "emptyDir" and parse_quantity(source.get("sizeLimit") or 0) < 0:
        detail = "SizeLimit field must be a valid resource quantity"
        found.append(errors.forbidden(f"{path}.sizeLimit", detail))
    if kind == "projected":
        for index, part in enumerate(source.get("sources") or ()):
            found.extend(_check_projection(part, path, f"{path}.sources[{index}]"))
    return found


def _check_item(kind: str, item: Json, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    if kind != "downwardAPI" and not item.get("key"):
        found.append(errors.required(f"{path}.key"))
    at = item.get("path") or ""
    if not at:
        found.append(errors.required(f"{path}.path"))
    else:
        found.extend(check_inside(at, f"{path}.path"))
    return found


def _check_projection(part: Json, outer: str, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    for kind in ("configMap", "secret"):
        if kind in part:
            if not part[kind].get("name"):
                found.append(errors.required(f"{path}.{kind}.name"))
            for index, item in enumerate(part[kind].get("items") or ()):
                found.extend(_check_item(kind, item, f"{path}.{kind}.items[{index}]"))
    if "serviceAccountToken" in part and not part["serviceAccountToken"].get("path"):
        found.append(errors.required(f"{outer}.path"))
    return found
