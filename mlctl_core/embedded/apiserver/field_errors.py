"""Field errors in the words and reasons of a Kubernetes API server.

Promises that `str(error)` and `error.cause()` read as `k8s.io/apimachinery`'s
`field.Error` does, because clients show and sometimes match these texts.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlctl_core.objects.json import Json

_TITLES: Final = {
    "FieldValueNotFound": "Not found",
    "FieldValueRequired": "Required value",
    "FieldValueDuplicate": "Duplicate value",
    "FieldValueInvalid": "Invalid value",
    "FieldValueNotSupported": "Unsupported value",
    "FieldValueForbidden": "Forbidden",
    "FieldValueTooLong": "Too long",
    "FieldValueTooMany": "Too many",
    "FieldValueTypeInvalid": "Invalid value",
    "InternalError": "Internal error",
}

_VALUELESS: Final = frozenset(
    {"FieldValueRequired", "FieldValueForbidden", "FieldValueTooLong", "InternalError"}
)


@attrs.frozen
class FieldError:
    """One thing wrong with one field."""

    path: str
    """`spec.containers[0].name`; `<nil>` stands for the object itself."""
    reason: str
    """Machine-readable type, such as `FieldValueRequired`."""
    message: str
    """What is wrong, without the path."""
    bad_value: Any = None

    def __str__(self) -> str:
        return f"{self.path or '<nil>'}: {self.message}"

    def cause(self) -> Json:
        """The entry of a Status object's `details.causes`."""
        return {
            "reason": self.reason,
            "message": self.message,
            "field": self.path or "<nil>",
        }


def quote(text: str) -> str:
    """The text in double quotes, escaped as Go's `%q` would."""
    return json.dumps(text, ensure_ascii=False)


def show(value: object) -> str:
    """A value as an error prints it: quoted string, plain scalar, else compact JSON."""
    if isinstance(value, str):
        return quote(value)
    return go_json(value)


def go_json(value: object) -> str:
    """Compact JSON with sorted keys and integral floats written as integers."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def go_text(value: object) -> str:
    """A value as Go's `%v` prints it: `map[a:1 b:[x y]]`."""
    match value:
        case dict():
            inner = " ".join(f"{name}:{go_text(value[name])}" for name in sorted(value))
            return f"map[{inner}]"
        case list():
            return f"[{' '.join(go_text(item) for item in value)}]"
        case None:
            return "<nil>"
        case str():
            return value
        case _:
            return go_json(value)


def _error(path: str, reason: str, value: object, detail: str) -> FieldError:
    message = _TITLES[reason]
    if reason not in _VALUELESS:
        message = f"{message}: {show(value)}"
    if detail:
        message = f"{message}: {detail}"
    return FieldError(path, reason, message, value)


def required(path: str, detail: str = "") -> FieldError:
    """A value that must be there is not."""
    return _error(path, "FieldValueRequired", "", detail)


def invalid(path: str, value: object, detail: str) -> FieldError:
    """The value breaks a rule, which `detail` says."""
    return _error(path, "FieldValueInvalid", value, detail)


def type_invalid(path: str, value: object, detail: str) -> FieldError:
    """The value has the wrong JSON type."""
    return _error(path, "FieldValueTypeInvalid", value, detail)


def not_supported(path: str, value: object, supported: Iterable[str]) -> FieldError:
    """The value is none of those that are known, named in the order given."""
    names = ", ".join(quote(name) for name in supported)
    detail = f"supported values: {names}" if names else ""
    return _error(path, "FieldValueNotSupported", value, detail)


def duplicate(path: str, value: object) -> FieldError:
    """The value must be unique and is not."""
    return _error(path, "FieldValueDuplicate", value, "")


def not_found(path: str, value: object) -> FieldError:
    """The value refers to something that does not exist."""
    return _error(path, "FieldValueNotFound", value, "")


def forbidden(path: str, detail: str) -> FieldError:
    """The value may be right elsewhere, but not here and now."""
    return _error(path, "FieldValueForbidden", "", detail)


def too_long(path: str, most: int, unit: str = "byte") -> FieldError:
    """More than `most` bytes; the value itself is left out of the message."""
    detail = f"may not be more than {most} {unit}{'' if most == 1 else 's'}"
    return _error(path, "FieldValueTooLong", "", detail)


def too_many(path: str, count: int, most: int) -> FieldError:
    """A list or map with `count` entries where `most` are allowed."""
    detail = f"must have at most {most} item{'' if most == 1 else 's'}"
    return _error(path, "FieldValueTooMany", count, detail)


def status_causes(errors: Sequence[FieldError]) -> list[Json]:
    """The `details.causes` of a 422 Status, one per error."""
    return [error.cause() for error in errors]


def summary(errors: Sequence[FieldError]) -> str:
    """The errors as one text: alone as it is, several in brackets, repetitions once."""
    texts = list(dict.fromkeys(str(error) for error in errors))
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
