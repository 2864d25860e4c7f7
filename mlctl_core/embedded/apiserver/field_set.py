"""Sets of fields, as managedFields record them (FieldsV1).

A set is a tree. Each edge is one step into an object, written as FieldsV1 writes it:
`f:name` for a field, `k:{"name":"a"}` for the entry of a list of type map, `v:"a"` for one
of a set, `i:0` for one by position. A step leads to the set below it; whether the step's
own path is a member is remembered beside it (`.` in FieldsV1, and `{}` for a leaf).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import attrs

from mlctl_core.embedded.apiserver.field_errors import go_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlctl_core.objects.json import Json

Path = tuple[str, ...]
"""Steps from the object's root."""

_SELF: Final = "."


def field_step(name: str) -> str:
    """The step into a field."""
    return f"f:{name}"


def key_step(key: Json) -> str:
    """The step into the entry of a list of type map."""
    return f"k:{go_json(key)}"


def value_step(value: Any) -> str:
    """The step into an entry of a set."""
    return f"v:{go_json(value)}"


@attrs.define(eq=True)
class FieldSet:
    """A set of paths.

    Operations return new sets that may share parts with the old ones: a set that was given
    away is not changed any more.
    """

    members: set[str] = attrs.field(factory=set)
    """Steps whose own path is in the set."""
    below: dict[str, FieldSet] = attrs.field(factory=dict)
    """Steps that lead on to longer paths in the set."""

    def insert(self, path: Path) -> None:
        """Add one path; the empty path is no member of any set."""
        if not path:
            return
        node = self
        for step in path[:-1]:
            node = node.below.setdefault(step, FieldSet())
        node.members.add(path[-1])

    def has(self, path: Path) -> bool:
        """Whether exactly this path is in the set."""
        node = self
        for step in path[:-1]:
            known = node.below.get(step)
            if known is None:
                return False
            node = known
        return path[-1] in node.members

    def at(self, step: str) -> FieldSet:
        """The set of what lies below a step."""
        return self.below.get(step, _EMPTY)

    def __bool__(self) -> bool:
        return bool(self.members) or any(self.below.values())

    def __iter__(self) -> Iterator[Path]:
        """Every path, parents before children, in the order of the steps' text."""
        for step in sorted(self.members | self.below.keys()):
            if step in self.members:
                yield (step,)
            for path in self.at(step):
                yield (step, *path)

    def union(self, other: FieldSet) -> FieldSet:
        """What is in either."""
        below = dict(self.below)
        for step, inner in other.below.items():
            below[step] = below[step].union(inner) if step in below else inner
        return FieldSet(self.members | other.members, below)

    def intersection(self, other: FieldSet) -> FieldSet:
        """What is in both."""
        below = {
            step: shared
            for step, inner in self.below.items()
            if step in other.below and (shared := inner.intersection(other.below[step]))
        }
        return FieldSet(self.members & other.members, below)

    def difference(self, other: FieldSet) -> FieldSet:
        """What is in this set only."""
        below = {
            step: rest
            for step, inner in self.below.items()
            if (rest := inner.difference(other.at(step)))
        }
        return FieldSet(self.members - other.members, below)

    def without(self, other: FieldSet) -> FieldSet:
        """This set without the other's members and everything below them."""
        below = {
            step: rest
            for step, inner in self.below.items()
            if step not in other.members and (rest := inner.without(other.at(step)))
        }
        return FieldSet(self.members - other.members, below)

    def to_fields_v1(self) -> Json:
        """The set as managedFields hold it."""
        fields: Json = {}
        for step in sorted(self.members | self.below.keys()):
            inner = self.at(step).to_fields_v1()
            if inner and step in self.members:
                inner = {_SELF: {}, **inner}
            if inner or step in self.members:
                fields[step] = inner
        return fields


_EMPTY: Final = FieldSet()


def from_fields_v1(fields: Json) -> FieldSet:
    """Read what managedFields hold.

    Raises:
        ValueError: A step is not written as FieldsV1 writes it.
    """
    found = FieldSet()
    for text, inner in fields.items():
        if text == _SELF:
            continue
        step = _normal_step(text)
        if not isinstance(inner, dict):
            raise ValueError(f"{text}: an object is wanted")  # noqa: TRY004 - bad data, not a bug
        if not inner or _SELF in inner:
            found.members.add(step)
        if below := from_fields_v1(inner):
            found.below[step] = below
    return found


def _normal_step(text: str) -> str:
    kind, colon, rest = text.partition(":")
    if not colon or kind not in {"f", "k", "v", "i"}:
        raise ValueError(f"missing key type in {text!r}")
    if kind in {"k", "v"}:
        return f"{kind}:{go_json(json.loads(rest))}"
    return text


def of_paths(paths: Iterable[Path]) -> FieldSet:
    """The set of these paths."""
    found = FieldSet()
    for path in paths:
        found.insert(path)
    return found


def show_path(path: Path) -> str:
    """The path as conflicts name it: `.spec.containers[name="main"].image`."""
    text = ""
    for step in path:
        kind, _, rest = step.partition(":")
        match kind:
            case "f":
                text += f".{rest}"
            case "k":
                keys = json.loads(rest)
                inner = ",".join(f"{name}={go_json(value)}" for name, value in keys.items())
                text += f"[{inner}]"
            case "v":
                text += f"[={rest}]"
            case _:
                text += f"[{rest}]"
    return text
