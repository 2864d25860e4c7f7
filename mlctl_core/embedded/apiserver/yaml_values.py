"""Reads YAML's plain words as Go's parser does, for what becomes JSON.

Promises Go's idea of what is a number or a truth: ``y`` is true, ``1e3`` is a number, ``1:30``
and a date are text; keys come out as text. Aliases, which multiply what few bytes say, are
refused.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

import yaml

_TRUE: Final = ("y", "yes", "true", "on")
_FALSE: Final = ("n", "no", "false", "off")
_WORDS: Final = {
    form(word): value
    for value, words in ((True, _TRUE), (False, _FALSE))
    for word in words
    for form in (str, str.title, str.upper)
}
_NOTHING: Final = frozenset({"", "~", "null", "Null", "NULL"})
_INFINITE: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_INTEGER: Final = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_BITS: Final = 64
_TAG: Final = "tag:mlctl.dev,2026:plain"
_EXACT: Final = 1e21
"""From here on Go writes a number with an exponent."""


def plain_value(text: str) -> Any:
    """What an unquoted word stands for.

    Raises:
        ValueError: a number that JSON does not have.
    """
    if text in _NOTHING:
        return None
    if text in _WORDS:
        return _WORDS[text]
    if _INFINITE.fullmatch(text):
        raise ValueError(f"json: unsupported value: {text.lstrip('.')}")
    digits = text.replace("_", "")
    if _INTEGER.fullmatch(digits):
        number = _integer(digits)
        if -(1 << _BITS - 1) <= number < 1 << _BITS:
            return number
    if _FLOAT.fullmatch(digits):
        value = float(digits)
        if math.isinf(value):
            return text
        return int(value) if value.is_integer() and abs(value) < _EXACT else value
    return text


def _integer(digits: str) -> int:
    bare = digits.lstrip("+-")
    is_octal = len(bare) > 1 and bare[0] == "0" and bare[1].isdigit()
    number = int(bare, 8) if is_octal else int(bare, 0)
    return -number if digits.startswith("-") else number


def _key(name: Any) -> str:
    match name:
        case str():
            return name
        case bool():
            return "true" if name else "false"
        case int() | float():
            return f"{name:g}" if isinstance(name, float) else str(name)
    raise ValueError(f"unsupported map key: {name!r}")


class GoLoader(yaml.SafeLoader):
    """One document; `doubled` says which of its keys stand twice in their map."""

    def __init__(self, stream: bytes) -> None:
        super().__init__(stream)
        self.doubled: list[tuple[int, str]] = []
        """Line and name of each field that its map has already."""

    def construct_mapping(
        self,
        node: yaml.MappingNode,
        deep: bool = False,  # noqa: FBT001, FBT002 (as overridden)
    ) -> dict[Any, Any]:
        """Give the map, with text for keys (ValueError where there is none)."""
        seen: set[str] = set()
        for name, _ in node.value:
            if isinstance(name, yaml.ScalarNode):
                if name.value in seen:
                    self.doubled.append((name.start_mark.line + 1, name.value))
                seen.add(name.value)
        self.flatten_mapping(node)
        # As text, or 1 and true would be one key.
        return {
            _key(self.construct_object(name, deep=True)): self.construct_object(value, deep)
            for name, value in node.value
        }

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuse an alias (YAMLError)."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not accepted")
        return super().compose_node(parent, index)


def _plain(loader: GoLoader, node: yaml.ScalarNode) -> Any:
    del loader
    return plain_value(node.value)


def _as_it_stands(loader: GoLoader, node: yaml.ScalarNode) -> Any:
    del loader
    return node.value


_MERGE: Final = "tag:yaml.org,2002:merge"
GoLoader.yaml_implicit_resolvers = {
    "<": [(_MERGE, re.compile(r"<<$"))],
    None: [(_TAG, re.compile(""))],
}
GoLoader.add_constructor(_TAG, _plain)
GoLoader.add_constructor(_MERGE, _as_it_stands)
