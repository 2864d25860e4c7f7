"""JSON merge patch (RFC 7386) and JSON patch (RFC 6902)."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

import jsonpatch
import jsonpointer

if TYPE_CHECKING:
    from mlctl_core.objects.json import Json

MAX_OPERATIONS: Final = 10_000
"""Most operations of one JSON patch, as upstream: a copy loop could otherwise grow forever."""

_REFUSED: Final = "the server rejected our request due to an error in our request"

_BAD_REQUEST: Final = 400
_TOO_LARGE: Final = 413
_UNPROCESSABLE: Final = 422


class PatchError(Exception):
    """A patch that cannot be applied.

    `code` is 400 for a malformed patch and 422 for one that does not fit the object.
    """

    def __init__(self, message: str, code: int = _BAD_REQUEST) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


def merge_patch(target: Any, patch: Any) -> Any:
    """The target with the patch merged in; neither is changed.

    Null removes a field, an object is merged, anything else replaces.
    """
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def json_patch(target: Json, operations: list[Json]) -> Json:
    """The target with the operations applied in order; the target is not changed.

    As upstream's library, `replace` of an absent field adds it, `test` of one succeeds for
    null, and `copy` of one copies null.

    Raises:
        PatchError: An operation does not fit the object (422), or there are too many (413).
    """
    if len(operations) > MAX_OPERATIONS:
        message = (
            "Request entity too large: The allowed maximum operations in a JSON patch is "
            f"{MAX_OPERATIONS}, got {len(operations)}"
        )
        raise PatchError(message, _TOO_LARGE)
    patched: Any = copy.deepcopy(target)
    for operation in operations:
        patched = _apply_operation(patched, operation)
    if not isinstance(patched, dict):
        raise PatchError(_REFUSED, _UNPROCESSABLE)
    return patched


def _apply_operation(target: Any, operation: Json) -> Any:
    try:
        return jsonpatch.apply_patch(target, [operation], in_place=True)
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException) as failure:
        match operation:
            case {"op": "replace", "path": path, "value": _} if _is_absent(target, path):
                return _apply_operation(target, {**operation, "op": "add"})
            case {"op": "test", "path": path} if operation.get("value") is None and _is_absent(
                target, path
            ):
                return target
            case {"op": "copy", "from": source, "path": path} if _is_absent(target, source):
                return _apply_operation(target, {"op": "add", "path": path, "value": None})
        raise PatchError(_REFUSED, _UNPROCESSABLE) from failure
    except (TypeError, KeyError, AttributeError) as failure:
        raise PatchError(_REFUSED, _UNPROCESSABLE) from failure


def _is_absent(target: Any, path: Any) -> bool:
    """Whether the parent is an object without that field."""
    parent, _, name = str(path).rpartition("/")
    found = jsonpointer.resolve_pointer(target, parent, None)
    return isinstance(found, dict) and jsonpointer.unescape(name) not in found
