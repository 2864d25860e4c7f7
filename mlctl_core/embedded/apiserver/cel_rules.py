"""Compiles and runs the rules (`x-kubernetes-validations`) of a custom kind's schema.

Promises upstream's results, paths and reasons (KEP-2876): rules run where they stand, on
items and values too; rules that look at oldSelf run only on an update of something that
was there before, found again by name, map key or list key; `optionalOldSelf` lifts that.
What did not change is not judged again (KEP-4008). Rules are compiled once.
"""

from __future__ import annotations

from typing import Any, Final

import attrs
import cel

from mlctl_core.embedded.apiserver.cel_functions import NAMESPACES, callable_functions
from mlctl_core.embedded.apiserver.cel_syntax import CelError, compile_source, uses_old_self
from mlctl_core.embedded.apiserver.cel_values import root_schema, to_cel
from mlctl_core.embedded.apiserver.field_errors import FieldError, show
from mlctl_core.embedded.apiserver.list_types import ABSENT, entry_text, former_entries
from mlctl_core.embedded.apiserver.validation import type_name
from mlctl_core.objects.json import Json

_TITLES: Final = {
    "FieldValueInvalid": "Invalid value",
    "FieldValueForbidden": "Forbidden",
    "FieldValueRequired": "Required value",
    "FieldValueDuplicate": "Duplicate value",
}
_ENGINE_PREFIXES: Final = ("Unsupported operation: ", "No such overload: ")


@attrs.frozen
class _Rule:
    source: str
    program: cel.Program
    transition: bool
    optional_old_self: bool
    message: str
    message_program: cel.Program | None
    field_path: str
    reason: str


@attrs.frozen
class _Node:
    """The rules of a schema, and of the schemas below that have any."""

    schema: Json
    rules: tuple[_Rule, ...]
    properties: dict[str, _Node]
    values: _Node | None
    items: _Node | None

    def __bool__(self) -> bool:
        return bool(self.rules or self.properties or self.values or self.items)


@attrs.frozen
class Rules:
    """The rules of one schema, ready to run."""

    _root: _Node

    def __bool__(self) -> bool:
        return bool(self._root)

    def check(self, new: Any, old: Any) -> list[FieldError]:
        """What the object breaks; `old` is None on create.

        The object must fit the schema: rules are not asked about wrong types.
        """
        found: list[FieldError] = []
        _check(self._root, new, ABSENT if old is None else old, "", found)
        return found


def compile_rules(schema: Json) -> Rules:
    """Compile every rule of an object's schema.

    A rule that cannot be compiled is left out: definitions with one are not accepted.
    """
    return Rules(_compile(root_schema(schema)))


def _compile(schema: Json) -> _Node:
    rules = [_compile_rule(rule, schema) for rule in schema.get("x-kubernetes-validations") or ()]
    properties = {
        name: node
        for name, below in (schema.get("properties") or {}).items()
        if (node := _compile(below))
    }
    return _Node(
        schema=schema,
        rules=tuple(rule for rule in rules if rule is not None),
        properties=properties,
        values=_compile_below(schema.get("additionalProperties")),
        items=_compile_below(schema.get("items")),
    )


def _compile_below(schema: Any) -> _Node | None:
    return _compile(schema) or None if isinstance(schema, dict) else None


def _compile_rule(rule: Json, schema: Json) -> _Rule | None:
    source = rule.get("rule", "")
    expression = rule.get("messageExpression") or ""
    try:
        program = compile_source(source, schema)
        message_program = compile_source(expression, schema) if expression else None
    except CelError:
        return None
    return _Rule(
        source=source,
        program=program,
        transition=uses_old_self(source),
        optional_old_self=bool(rule.get("optionalOldSelf")),
        message=rule.get("message") or "",
        message_program=message_program,
        field_path=rule.get("fieldPath") or "",
        reason=rule.get("reason") or "FieldValueInvalid",
    )


def _check(node: _Node, new: Any, old: Any, path: str, found: list[FieldError]) -> None:
    if new is None or (old is not ABSENT and new == old):
        return
    if node.rules:
        _run(node, new, old, path, found)
    if isinstance(new, dict):
        before = old if isinstance(old, dict) else {}
        for name, value in new.items():
            if below := node.properties.get(name):
                where = f"{path}.{name}" if path else name
                _check(below, value, before.get(name, ABSENT), where, found)
            elif node.values and name not in (node.schema.get("properties") or {}):
                _check(node.values, value, before.get(name, ABSENT), f"{path}[{name}]", found)
    elif isinstance(new, list) and node.items:
        former = former_entries(old, node.schema)
        for index, item in enumerate(new):
            before = former.get(entry_text(item, node.schema), ABSENT)
            _check(node.items, item, before, f"{path}[{index}]", found)


def _run(node: _Node, new: Any, old: Any, path: str, found: list[FieldError]) -> None:
    failures: list[str] = []
    names: Json = {"self": to_cel(new, node.schema), **{name: name for name in NAMESPACES}}
    former = None if old is ABSENT else to_cel(old, node.schema)
    contexts: dict[bool, cel.Context] = {}
    for rule in node.rules:
        if rule.transition and old is ABSENT and not rule.optional_old_self:
            continue
        optional = rule.optional_old_self
        if optional not in contexts:
            known = dict(names)
            if optional:
                some = cel.OptionalValue
                known["oldSelf"] = some.none() if old is ABSENT else some.of(former)
            elif old is not ABSENT:
                known["oldSelf"] = former
            functions = callable_functions(failures)
            contexts[optional] = cel.Context(variables=known, functions=functions)
        failures.clear()
        error = _judge(rule, contexts[optional], new, path, failures)
        if error is not None:
            found.append(error)


def _judge(
    rule: _Rule, context: cel.Context, new: Any, path: str, failures: list[str]
) -> FieldError | None:
    try:
        result = rule.program.execute(context)
    except Exception as failure:  # noqa: BLE001 - the engine raises what the rule provokes
        return _broken(rule, new, path, failures[0] if failures else _words(failure))
    if failures:
        return _broken(rule, new, path, failures[0])
    if result is True:
        return None
    message = _message(rule, context)
    title = _TITLES.get(rule.reason, "Invalid value")
    if title not in {"Forbidden", "Required value"} and not isinstance(new, dict | list):
        title = f"{title}: {show(new)}"
    where = f"{path}{rule.field_path}".lstrip(".")
    return FieldError(where, rule.reason, f"{title}: {message}", new)


def _message(rule: _Rule, context: cel.Context) -> str:
    if rule.message_program is not None:
        try:
            text = rule.message_program.execute(context)
        except Exception:  # noqa: BLE001 - then the plain message has to do
            text = None
        if isinstance(text, str) and (text := text.strip()) and "\n" not in text:
            return text
    return rule.message.strip() or f"failed rule: {' '.join(rule.source.split())}"


def _broken(rule: _Rule, new: Any, path: str, why: str) -> FieldError:
    kind = type_name(new)
    message = f'Invalid value: "{kind}": {why} evaluating rule: {rule.message or rule.source}'
    return FieldError(path, "FieldValueInvalid", message, kind)


def _words(failure: Exception) -> str:
    if isinstance(failure, KeyError):
        return f"no such key: {failure.args[0]}"
    if isinstance(failure, ZeroDivisionError):
        return "division by zero"
    text = str(failure)
    if text.startswith(_ENGINE_PREFIXES):
        return "no such overload"
    return text
