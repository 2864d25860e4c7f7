r"""The JSONPath of printer columns: fields, indexes, wildcards and simple filters.

Reads `.spec.replicas`, `.metadata.labels.app\\.kubernetes\\.io/name`, `.status['x']`,
`.spec.items[0].name`, `.spec.items[-1:]`, `.spec.items[*].name` and
`.status.conditions[?(@.type=="Ready")].status`. Does not read recursive descent, unions or
functions.
"""

from __future__ import annotations

import functools
import json
import operator
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Step = Callable[[Any], Iterable[Any]]

_FIELD: Final = re.compile(r"\.?((?:[^.\[\]\\'\"@?()]|\\.)+)")
_QUOTED: Final = re.compile(r"\[(?:'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\")\]")
_INDEX: Final = re.compile(r"\[(-?\d+)\]")
_SLICE: Final = re.compile(r"\[(-?\d*):(-?\d*)(?::(\d*))?\]")
_WILDCARD: Final = re.compile(r"\.?\[?\*\]?")
_FILTER: Final = re.compile(
    r"\[\?\(\s*@(?P<path>[^=!<>\s)]*)\s*(?:(?P<op>==|!=|<=|>=|<|>)\s*(?P<value>[^)]+?)\s*)?\)\]"
)
_OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}


@functools.lru_cache(maxsize=1024)
def compile_path(path: str) -> tuple[Step, ...]:
    """Read a path; a leading `$` and surrounding braces may be there.

    Raises:
        ValueError: It is not written as this module reads it.
    """
    text = path.strip()
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1]
    text = text.removeprefix("$")
    steps: list[Step] = []
    while text and text != ".":
        step, length = _next_step(text)
        if step is None:
            raise ValueError(f"cannot read {text!r} in {path!r}")
        steps.append(step)
        text = text[length:]
    return tuple(steps)


def find(path: str, value: Any) -> list[Any]:
    """Everything the path leads to; empty when a field on the way is missing."""
    found = [value]
    for step in compile_path(path):
        found = [inner for item in found for inner in step(item)]
    return found


def _next_step(text: str) -> tuple[Step | None, int]:
    if match := _FILTER.match(text):
        return _filter(match), match.end()
    if match := _INDEX.match(text):
        return _index(int(match[1])), match.end()
    if match := _SLICE.match(text):
        return _slice(*(int(part) if part else None for part in match.groups())), match.end()
    if match := _QUOTED.match(text):
        return _field(_unescape(match[1] or match[2] or "")), match.end()
    if (match := _WILDCARD.match(text)) and "*" in match[0]:
        return _all, match.end()
    if match := _FIELD.match(text):
        return _field(_unescape(match[1])), match.end()
    return None, 0


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _field(name: str) -> Step:
    return lambda value: [value[name]] if isinstance(value, dict) and name in value else []


def _index(at: int) -> Step:
    def pick(value: Any) -> list[Any]:
        if isinstance(value, list) and -len(value) <= at < len(value):
            return [value[at]]
        return []

    return pick


def _slice(first: int | None, end: int | None, step: int | None) -> Step:
    return lambda value: value[first : end : step or 1] if isinstance(value, list) else []


def _all(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _filter(match: re.Match[str]) -> Step:
    path, name, wanted = match["path"], match["op"], _literal(match["value"])

    def keep(item: Any) -> bool:
        found = find(path, item)
        if not name:
            return bool(found)
        try:
            return bool(found) and _OPERATORS[name](found[0], wanted)
        except TypeError:
            return False

    return lambda value: [item for item in _all(value) if keep(item)]


def _literal(text: str | None) -> Any:
    if text is None:
        return None
    if text[:1] == "'":
        return text.strip("'")
    try:
        return json.loads(text)
    except ValueError:
        return text
