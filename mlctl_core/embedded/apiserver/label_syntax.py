"""Reads label selectors as upstream's parser does, and refuses them in its words.

The grammar is that of apimachinery's `pkg/labels`; matching is `LabelSelector`'s. A client
that gets 400 shows the message to a person, so it says what stood where something else was
expected.
"""

from __future__ import annotations

import re

from mlctl_core.embedded.apiserver import names
from mlctl_core.embedded.apiserver.field_errors import invalid
from mlctl_core.objects.selectors import LabelSelector, Requirement

_TOKEN = re.compile(r"\s*(==|!=|[=!<>(),]|[^\s=!<>(),]+|$)")
_SYMBOLS = frozenset({"==", "!=", "=", "!", "<", ">", "(", ")", ",", ""})
_END = ""

_OPERATORS = {
    "=": "in",
    "==": "in",
    "!=": "notin",
    "in": "in",
    "notin": "notin",
    ">": "gt",
    "<": "lt",
}
_INTEGER = re.compile(r"[+-]?[0-9]+")


def read_label_selector(text: str) -> LabelSelector:
    """Read `app=web,tier in (a,b),!canary`.

    Raises:
        ValueError: it cannot be read; the message is upstream's.
    """
    tokens = _Tokens(text)
    found: list[Requirement] = []
    while tokens.next != _END:
        if not tokens.begins_requirement():
            raise ValueError(f"found '{tokens.next}', expected: !, identifier, or 'end of string'")
        try:
            found.append(_requirement(tokens))
        except ValueError as error:
            raise ValueError(f"unable to parse requirement: {error}") from None
        separator = tokens.take()
        if separator == _END:
            break
        if separator != ",":
            raise ValueError(f"found '{separator}', expected: ',' or 'end of string'")
        if not tokens.begins_requirement():
            raise ValueError(f"found '{tokens.next}', expected: identifier after ','")
    return LabelSelector(tuple(found))


class _Tokens:
    """The words and symbols of a selector, with one of them in sight."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self.next = ""
        self.take()

    def take(self) -> str:
        """Give the token in sight and look at the one behind it; "" at the end, for ever."""
        taken = self.next
        found = _TOKEN.match(self._text, self._position)
        assert found is not None, "every rest begins with a token or is empty"
        self.next = found[1]
        self._position = found.end()
        return taken

    def begins_requirement(self) -> bool:
        """Whether a word or a negation is in sight."""
        return self.next == "!" or self.next not in _SYMBOLS


def _requirement(tokens: _Tokens) -> Requirement:
    negated = tokens.next == "!"
    if negated:
        tokens.take()
    key = tokens.take()
    if key in _SYMBOLS:
        raise ValueError(f"found '{key}', expected: identifier")
    for rule in names.check_qualified_name(key):
        raise ValueError(str(invalid("", key, rule)))
    if negated or tokens.next in {_END, ","}:
        return Requirement(key, "absent" if negated else "exists")
    symbol = tokens.take()
    if symbol not in _OPERATORS:
        raise ValueError(f"found '{symbol}', expected: in, notin, =, ==, !=, gt, lt")
    values = _values(tokens) if symbol in {"in", "notin"} else {_value(tokens)}
    operator = _OPERATORS[symbol]
    _check_values(key, operator, sorted(values))
    return Requirement(key, operator, tuple(sorted(values)))


def _check_values(key: str, operator: str, values: list[str]) -> None:
    for index, value in enumerate(values):
        if operator in {"gt", "lt"} and not _INTEGER.fullmatch(value):
            detail = "for 'Gt', 'Lt' operators, the value must be an integer"
            raise ValueError(str(invalid(f"values[{index}]", value, detail)))
        for rule in names.check_label_value(value):
            raise ValueError(str(invalid(f"values[{index}][{key}]", value, rule)))


def _value(tokens: _Tokens) -> str:
    if tokens.next in {_END, ","}:
        return ""
    value = tokens.take()
    if value in _SYMBOLS:
        raise ValueError(f"found '{value}', expected: identifier")
    return value


def _values(tokens: _Tokens) -> set[str]:
    """Read `(a,b)`; an empty place between commas or brackets stands for the empty value."""
    opening = tokens.take()
    if opening != "(":
        raise ValueError(f"found '{opening}' expected: '('")
    if tokens.next in _SYMBOLS - {",", ")"}:
        raise ValueError(f"found '{tokens.next}', expected: ',', ')' or identifier")
    found: set[str] = set()
    while True:
        if tokens.next in {",", ")"}:
            found.add("")
        elif tokens.next in _SYMBOLS:
            raise ValueError(f"found '{tokens.next}', expected: ',', or identifier")
        else:
            found.add(tokens.take())
        separator = tokens.take()
        if separator == ")":
            return found
        if separator != ",":
            raise ValueError(f"found '{separator}', expected: ',' or ')'")
