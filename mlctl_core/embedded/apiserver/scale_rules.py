"""What the numbers and the selector behind a custom kind's scale must be.

Upstream asks this beside the schema, of every object of a kind with a scale, in words of its
own for the type of what stands there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mlctl_core.embedded.apiserver import field_errors as errors

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.field_errors import FieldError
    from mlctl_core.embedded.apiserver.resources import ScalePaths
    from mlctl_core.objects.json import Json

_MOST: Final = 2**31 - 1
_GO_TYPES: Final = {
    bool: "bool",
    dict: "map[string]interface {}",
    float: "float64",
    int: "int64",
    list: "[]interface {}",
    str: "string",
    type(None): "<nil>",
}
_WANTED: Final = {dict: "map[string]interface{}", int: "int64", str: "string"}


def check_scale(obj: Json, paths: ScalePaths) -> list[FieldError]:
    """What is wrong with the values that the scale of an object would show."""
    found = [error for path in (paths.spec, paths.status) for error in _check_number(obj, path)]
    if paths.selector:
        value, problem = _look(obj, paths.selector, str)
        if problem:
            found.append(errors.invalid(_shown(paths.selector), value or "", problem))
    return found


def _check_number(obj: Json, path: tuple[str, ...]) -> list[FieldError]:
    value, problem = _look(obj, path, int)
    number = value or 0
    if not problem and number < 0:
        problem = "should be a non-negative integer"
    if not problem and number > _MOST:
        problem = f"should be less than or equal to {_MOST}"
    return [errors.invalid(_shown(path), number, problem)] if problem else []


def _look(obj: Json, path: tuple[str, ...], wanted: type) -> tuple[Any, str]:
    """Give what stands at a path, or what is wrong on the way there."""
    value: Any = obj
    for depth, name in enumerate(path):
        if value is None:
            return None, ""
        if not isinstance(value, dict):
            return None, _accessor_error(path[: depth + 1], value, dict)
        if name not in value:
            return None, ""
        value = value[name]
    if type(value) is not wanted:
        return None, _accessor_error(path, value, wanted)
    return value, ""


def _accessor_error(path: tuple[str, ...], value: Any, wanted: type) -> str:
    is_of = f"is of the type {_GO_TYPES[type(value)]}, expected {_WANTED[wanted]}"
    return f"{_shown(path)} accessor error: {errors.go_text(value)} {is_of}"


def _shown(path: tuple[str, ...]) -> str:
    return ".".join(("", *path))
