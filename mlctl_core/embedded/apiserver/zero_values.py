"""Which fields of a built-in kind mean "not set" when they are zero.

In Go's structs a field that is no pointer cannot tell zero from absent, and is left out of the
JSON unless the API requires it. Which are pointers, the table of protobuf fields says.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from mlctl_core.embedded.apiserver.protobuf import optional_fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlctl_core.objects.json import Json


@functools.cache
def _pointers() -> Mapping[str, frozenset[str]]:
    """By struct: the fields that any struct of this name holds by pointer."""
    found: dict[str, frozenset[str]] = {}
    for message, fields in optional_fields():
        name = message.rpartition(".")[2]
        found[name] = found.get(name, frozenset()) | fields
    return found


def is_unset(name: str, value: object, owner: Json) -> bool:
    """Whether a struct's field of this value is as good as absent."""
    if value not in ("", 0, False) or isinstance(value, float):
        return False
    pointers = _pointers().get(owner.get("title", ""))
    return pointers is not None and name not in pointers and name not in owner.get("required", ())
