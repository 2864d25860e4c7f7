"""Label and field selectors: the strings of the API and of kubectl, and the JSON of specs.

Matching follows k8s.io/apimachinery ``pkg/labels``: a requirement that excludes values (``!=``,
``notin``) is met by an object without the label.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlctl_core.objects.json import Json

__all__ = [
    "FieldRequirement",
    "LabelSelector",
    "Requirement",
    "parse_field_selector",
    "parse_label_selector",
]

_MAX_NAME = 63
_MAX_PREFIX = 253
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_INTEGER = re.compile(r"[+-]?[0-9]+")

_REQUIREMENT = re.compile(
    r"""\s*(?:
        !\s*(?P<absent>[^\s=!<>(),]+)
      | (?P<key>[^\s=!<>(),]+)(?:
            \s*(?P<operator>==|=|!=|<|>)\s*(?P<value>[^\s=!<>(),]*)
          | \s+(?P<set>in|notin)\s*\((?P<values>[^()]*)\)
        )?
    )\s*""",
    re.VERBOSE,
)


_FIELD_TERM = re.compile(r"(?P<path>[^=!\\]+)(?P<operator>==|=|!=)(?P<value>.*)", re.DOTALL)


@attrs.frozen
class Requirement:
    """One condition on one label."""

    key: str
    operator: str
    """``in``, ``notin``, ``exists``, ``absent``, ``gt`` or ``lt``."""
    values: tuple[str, ...] = ()
    """Sorted, for ``in`` and ``notin``; one integer for ``gt`` and ``lt``; else empty."""

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether `labels` meet the condition."""
        value = labels.get(self.key)
        return _OPERATORS[self.operator](value, self.values)

    def __str__(self) -> str:
        if self.operator == "exists":
            return self.key
        if self.operator == "absent":
            return f"!{self.key}"
        if self.operator in ("gt", "lt"):
            return f"{self.key}{'>' if self.operator == 'gt' else '<'}{self.values[0]}"
        if len(self.values) == 1:
            return f"{self.key}{'=' if self.operator == 'in' else '!='}{self.values[0]}"
        return f"{self.key} {self.operator} ({','.join(self.values)})"


def _compare(value: str | None, values: tuple[str, ...], sign: int) -> bool:
    if value is None or not _INTEGER.fullmatch(value):
        return False
    return (int(value) - int(values[0])) * sign > 0


_OPERATORS: dict[str, Callable[[str | None, tuple[str, ...]], bool]] = {
    "in": lambda value, values: value is not None and value in values,
    "notin": lambda value, values: value is None or value not in values,
    "exists": lambda value, _: value is not None,
    "absent": lambda value, _: value is None,
    "gt": lambda value, values: _compare(value, values, 1),
    "lt": lambda value, values: _compare(value, values, -1),
}


@attrs.frozen
class LabelSelector:
    """Conditions that labels must all meet; without any it matches everything."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether `labels` meet every condition."""
        return all(requirement.matches(labels) for requirement in self.requirements)

    def __str__(self) -> str:
        """The selector as the API takes it; equal selectors read the same."""
        return ",".join(str(requirement) for requirement in self.requirements)

    @classmethod
    def from_dict(cls, selector: Json) -> LabelSelector:
        """Read metav1.LabelSelector: ``matchLabels`` and ``matchExpressions``.

        An empty selector matches everything. What an absent one means differs from field to field
        upstream, so that is the caller's to decide.

        Raises:
            ValueError: an unknown operator, or values that do not fit it.
        """
        found = [
            _requirement(key, "in", (value,))
            for key, value in (selector.get("matchLabels") or {}).items()
        ]
        for expression in selector.get("matchExpressions") or ():
            operator = _EXPRESSION_OPERATORS.get(expression.get("operator", ""))
            if operator is None:
                raise ValueError(
                    f"operator {expression.get('operator')!r} of label {expression.get('key')!r}: "
                    f"want one of {', '.join(_EXPRESSION_OPERATORS)}"
                )
            values = tuple(expression.get("values") or ())
            found.append(_requirement(expression.get("key", ""), operator, values))
        return cls(_sorted(found))


_EXPRESSION_OPERATORS = {
    "In": "in",
    "NotIn": "notin",
    "Exists": "exists",
    "DoesNotExist": "absent",
}


def parse_label_selector(text: str) -> LabelSelector:
    """Read a selector string: ``app=web,tier in (a,b),!canary``.

    Raises:
        ValueError: the string, a label's name or a value is malformed; the message quotes it.
    """
    if not text.strip():
        return LabelSelector()
    found = []
    position = 0
    while True:
        part = _REQUIREMENT.match(text, position)
        if not part or not part[0].strip():
            raise ValueError(f"label selector {text!r}: cannot read {text[position:]!r}")
        found.append(_parsed(part))
        position = part.end()
        if position == len(text):
            return LabelSelector(_sorted(found))
        if text[position] != ",":
            raise ValueError(f"label selector {text!r}: want a comma before {text[position:]!r}")
        position += 1


def _parsed(part: re.Match[str]) -> Requirement:
    if part["absent"]:
        return _requirement(part["absent"], "absent", ())
    key, operator = part["key"], part["operator"]
    if part["set"]:
        values = tuple(value.strip() for value in part["values"].split(","))
        return _requirement(key, part["set"], values)
    if operator is None:
        return _requirement(key, "exists", ())
    named = {"=": "in", "==": "in", "!=": "notin", ">": "gt", "<": "lt"}[operator]
    return _requirement(key, named, (part["value"],))


def _requirement(key: str, operator: str, values: tuple[str, ...]) -> Requirement:
    prefix, slash, name = key.rpartition("/")
    if not _NAME.fullmatch(name) or len(name) > _MAX_NAME:
        raise ValueError(f"label {key!r}: a name is at most {_MAX_NAME} of [-A-Za-z0-9_.]")
    if slash and (not _PREFIX.fullmatch(prefix) or len(prefix) > _MAX_PREFIX):
        raise ValueError(f"label {key!r}: the prefix must be a DNS name")
    if operator in ("in", "notin") and not values:
        raise ValueError(f"label {key!r}: {operator} needs at least one value")
    if operator in ("exists", "absent") and values:
        raise ValueError(f"label {key!r}: {operator} takes no values")
    for value in values:
        if operator in ("gt", "lt") and not _INTEGER.fullmatch(value):
            raise ValueError(f"label {key!r}: {value!r} is no integer to compare with")
        if value and (not _NAME.fullmatch(value) or len(value) > _MAX_NAME):
            raise ValueError(f"label {key!r}: {value!r} can be no label's value")
    return Requirement(key, operator, tuple(sorted(set(values))))


def _sorted(found: list[Requirement]) -> tuple[Requirement, ...]:
    return tuple(sorted(found, key=lambda requirement: requirement.key))


class FieldRequirement(NamedTuple):
    """One condition on one field: ``spec.nodeName``, ``=`` or ``!=``, the value."""

    path: str
    operator: str
    value: str


def parse_field_selector(text: str) -> tuple[FieldRequirement, ...]:
    r"""Read a field selector: ``metadata.name=a,status.phase!=Failed``.

    ``\,``, ``\=`` and ``\\`` stand for themselves in a value. Which fields a kind can be
    selected by is the server's to say.

    Raises:
        ValueError: a part has no operator, or an escape is unknown.
    """
    found = []
    for term in re.findall(r"(?:[^,\\]|\\.?)+", text):
        part = _FIELD_TERM.fullmatch(term)
        if not part:
            raise ValueError(f"field selector {text!r}: want path=value, got {term!r}")
        operator = "!=" if part["operator"] == "!=" else "="
        found.append(FieldRequirement(part["path"], operator, _unescape(part["value"], text)))
    return tuple(found)


def _unescape(value: str, text: str) -> str:
    if re.search(r"(?:^|[^\\])(?:\\\\)*(?:\\(?:[^,=\\]|$)|=)", value):
        raise ValueError(rf"field selector {text!r}: write \, \= and \\ in the value {value!r}")
    return re.sub(r"\\(.)", r"\1", value)
