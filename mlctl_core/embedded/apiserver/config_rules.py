"""Defaults and rules of ConfigMaps and Secrets."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Final

from mlctl_core.embedded.apiserver import field_errors as errors
from mlctl_core.embedded.apiserver.names import check_config_key

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.field_errors import FieldError
    from mlctl_core.objects.json import Json

MAX_BYTES: Final = 1024 * 1024
"""Of all values together."""

_TYPE_KEYS: Final = {
    "kubernetes.io/basic-auth": ("username", "password"),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}
_ANY_KEY_SUFFICES: Final = frozenset({"kubernetes.io/basic-auth"})
_JSON_KEYS: Final = frozenset({".dockercfg", ".dockerconfigjson"})
_SERVICE_ACCOUNT: Final = "kubernetes.io/service-account.name"


def default_secret(secret: Json) -> None:
    """Fold stringData into data, and say that a secret without a type is opaque."""
    given = secret.pop("stringData", None)
    if given:
        data = secret.setdefault("data", {})
        for key, text in given.items():
            data[key] = base64.b64encode(text.encode()).decode()
    secret.setdefault("type", "Opaque")


def check_config_map(new: Json, old: Json | None, subresource: str) -> list[FieldError]:
    """Keys, size, and immutability."""
    del subresource
    data, binary = new.get("data") or {}, new.get("binaryData") or {}
    found: list[FieldError] = []
    size = 0
    for field, entries in (("data", data), ("binaryData", binary)):
        for key, value in sorted(entries.items()):
            path = f"{field}[{key}]"
            found.extend(errors.invalid(path, key, rule) for rule in check_config_key(key))
            if field == "data" and key in binary:
                found.append(errors.invalid(path, key, "duplicate of key present in binaryData"))
            size += len(value.encode()) if field == "data" else len(base64.b64decode(value))
    if size > MAX_BYTES:
        found.append(errors.too_long("[]", MAX_BYTES))
    found.extend(_check_immutable(new, old, ("data", "binaryData")))
    return found


def check_secret(new: Json, old: Json | None, subresource: str) -> list[FieldError]:
    """Keys, size, what the type asks for, and immutability."""
    del subresource
    data = new.get("data") or {}
    found: list[FieldError] = []
    if old is not None and old.get("type") != new.get("type"):
        found.append(errors.invalid("type", new.get("type", ""), "field is immutable"))
    for key in sorted(data):
        rules = check_config_key(key)
        found.extend(errors.invalid(f"data[{key}]", key, rule) for rule in rules)
    if sum(len(base64.b64decode(value)) for value in data.values()) > MAX_BYTES:
        found.append(errors.too_long("data", MAX_BYTES))
    found.extend(_check_secret_type(new, data))
    found.extend(_check_immutable(new, old, ("data",)))
    return found


def _check_secret_type(secret: Json, data: Json) -> list[FieldError]:
    kind = secret.get("type", "")
    if kind == "kubernetes.io/service-account-token":
        account = (secret["metadata"].get("annotations") or {}).get(_SERVICE_ACCOUNT)
        path = f"metadata.annotations[{_SERVICE_ACCOUNT}]"
        return [] if account else [errors.required(path)]
    keys = _TYPE_KEYS.get(kind, ())
    if kind in _ANY_KEY_SUFFICES and any(key in data for key in keys):
        return []
    found = [errors.required(f"data[{key}]") for key in keys if key not in data]
    for key in _JSON_KEYS.intersection(keys, data):
        raw = base64.b64decode(data[key])
        try:
            json.loads(raw)
        except ValueError:
            shown = raw[:1].decode(errors="replace")
            detail = f"invalid character '{shown}' looking for beginning of value"
            found.append(errors.invalid(f"data[{key}]", "<secret contents redacted>", detail))
    return found


def _check_immutable(new: Json, old: Json | None, fields: tuple[str, ...]) -> list[FieldError]:
    if old is None or not old.get("immutable"):
        return []
    detail = "field is immutable when `immutable` is set"
    found = [] if new.get("immutable") else [errors.forbidden("immutable", detail)]
    found.extend(
        errors.forbidden(field, detail)
        for field in fields
        if (new.get(field) or {}) != (old.get(field) or {})
    )
    return found
