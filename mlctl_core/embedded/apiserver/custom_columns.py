"""Cells of custom resources, from their definition's additionalPrinterColumns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mlctl_core.embedded.apiserver.durations import since
from mlctl_core.embedded.apiserver.field_errors import go_json
from mlctl_core.embedded.apiserver.json_path import find
from mlctl_core.embedded.apiserver.schema_models import component

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from mlctl_core.objects.json import Json

AGE: Final[Json] = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}
"""The one column of a definition that names none."""


_DESCRIPTION: Final = "Custom resource definition column (in JSONPath format): {}"


def described(field: str) -> str:
    """What the API's documentation says of a field of metadata."""
    fields: Json = component("V1ObjectMeta")["properties"]
    text: str = fields[field]["description"]
    return text.replace("  ", "\n\n")  # Paragraphs, which the models' source runs together.


def column_definitions(columns: Sequence[Json]) -> list[Json]:
    """The table's columns behind the name."""
    return [
        {
            "name": column["name"],
            "type": column["type"],
            "format": column.get("format", ""),
            "description": column.get("description") or _DESCRIPTION.format(column["jsonPath"])
            if column is not AGE
            else described("creationTimestamp"),
            "priority": column.get("priority", 0),
        }
        for column in columns
    ]


def cells(obj: Json, columns: Sequence[Json], now: datetime) -> list[Any]:
    """One cell per column; null where the object has nothing of that type."""
    return [_cell(_found(column["jsonPath"], obj), column["type"], now) for column in columns]


def _found(path: str, obj: Json) -> list[Any]:
    """What a column points at: nothing where its path is not to be read."""
    try:
        return find(path, obj)
    except ValueError:
        return []


def _cell(found: list[Any], kind: str, now: datetime) -> Any:
    if not found:
        return None
    value = found[0]
    match kind, value:
        case "string", _:
            return _text(value)
        case "date", str():
            return since(value, now)
        case "boolean", bool():
            return value
        case "integer", int() | float() if not isinstance(value, bool):
            return int(value)
        case "number", int() | float() if not isinstance(value, bool):
            return float(value)
    return None


def _text(value: Any) -> str:
    if value is None:
        return "<no value>"
    return value if isinstance(value, str) else go_json(value)
