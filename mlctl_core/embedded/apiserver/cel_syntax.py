"""Reads the source of CEL rules: what they name, and what of it does not exist.

The CEL engine parses but does not check types, so that a misspelt field would only show
when an object is judged. Promises to find what authors get wrong most: syntax errors,
fields the schema does not declare, unknown variables and functions. Does not infer types
of expressions and does not estimate costs, as a real API server does.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import attrs
import cel

from mlctl_core.embedded.apiserver.cel_functions import FUNCTIONS, NAMESPACES, SIZE
from mlctl_core.embedded.apiserver.cel_values import declared_fields, value_schema

if TYPE_CHECKING:
    from mlctl_core.objects.json import Json

_TOKEN: Final = re.compile(
    r"""(?P<string>[rRbB]{0,2}(?:\"{3}(?:.|\n)*?\"{3}|'{3}(?:.|\n)*?'{3}
        |"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'))
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<optional>\.\?)
    |(?P<other>\d+\.\d+|\S)""",
    re.VERBOSE,
)

_MACROS: Final = frozenset({"all", "exists", "exists_one", "existsOne", "map", "filter"})
_BUILT_IN: Final = frozenset(
    {
        *("bool", "bytes", "double", "duration", "dyn", "int", "string", "timestamp", "type"),
        *("uint", "has", "size", "contains", "endsWith", "startsWith", "matches"),
        *("getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getFullYear"),
        *("getHours", "getMilliseconds", "getMinutes", "getMonth", "getSeconds"),
        *("hasValue", "none", "of", "ofNonZeroValue", "optMap", "orValue", "or", "value"),
    }
)
_KEYWORDS: Final = frozenset(
    {
        *("true", "false", "null", "in", "self", "oldSelf"),
        *("bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type"),
        *("uint", "optional", "google"),
    }
)
_OPTIONAL_SELECT: Final = re.compile(r"((?:[A-Za-z_]\w*)(?:\.[A-Za-z_]\w*|\([^()]*\))*)\.\?(\w+)")


class CelError(Exception):
    """The source cannot be compiled; says why and where."""


@attrs.frozen
class _Token:
    kind: str
    text: str
    at: int


def _tokens(source: str) -> list[_Token]:
    return [
        _Token(str(match.lastgroup), match[0], match.start()) for match in _TOKEN.finditer(source)
    ]


def uses_old_self(source: str) -> bool:
    """Whether the rule looks at the former value: a transition rule."""
    return any(token.kind == "name" and token.text == "oldSelf" for token in _tokens(source))


def compile_source(source: str, schema: Json) -> cel.Program:
    """Compile a rule or message expression on values of the schema.

    Raises:
        CelError: It cannot be parsed, or names what does not exist.
    """
    _check_names(source, schema)
    try:
        return cel.compile(_rewrite(source))
    except ValueError as failure:
        text = str(failure)
        start = text.find("ERROR:")
        raise CelError(text[max(start, 0) :].replace("\n|", "\n |")) from failure


def parse_only(source: str) -> None:
    """Find syntax errors, in the words and places of the source as it was written.

    Raises:
        CelError: It cannot be parsed.
    """
    if "?" in source and (".?" in source or "[?" in source):
        return  # the engine's parser does not know optional selection
    try:
        cel.compile(source)
    except ValueError as failure:
        text = str(failure)
        start = text.find("ERROR:")
        raise CelError(text[max(start, 0) :].replace("\n|", "\n |")) from failure


def _rewrite(source: str) -> str:
    """The source in what the engine understands: sizes in characters, optional selection."""
    tokens = _tokens(source)
    out: list[str] = []
    last = 0
    for token, after in zip(tokens, [*tokens[1:], None], strict=True):
        if token.kind == "name" and token.text == "size" and after and after.text == "(":
            out.append(source[last : token.at] + SIZE)
            last = token.at + len(token.text)
    text = "".join(out) + source[last:]
    while _OPTIONAL_SELECT.search(text):
        text = _OPTIONAL_SELECT.sub(r"optionalField(\1, '\2')", text, count=1)
    return text


def _check_names(source: str, schema: Json) -> None:
    parse_only(source)
    tokens = _tokens(source)
    bound = _bound_variables(tokens)
    for index, token in enumerate(tokens):
        if token.kind != "name":
            continue
        before = tokens[index - 1].text if index else ""
        after = tokens[index + 1] if index + 1 < len(tokens) else None
        if after is not None and after.text == "(":
            known = token.text in _BUILT_IN | _MACROS or token.text in FUNCTIONS
            if not known:
                raise _undeclared(source, token.text, after.at)
        elif before not in {".", ".?"}:
            if token.text in {"self", "oldSelf"} and token.text not in bound:
                _check_fields(source, tokens, index, schema)
            elif token.text not in _KEYWORDS | NAMESPACES | bound:
                raise _undeclared(source, token.text, token.at)


def _bound_variables(tokens: list[_Token]) -> set[str]:
    return {
        name.text
        for macro, bracket, name, comma in zip(
            tokens, tokens[1:], tokens[2:], tokens[3:], strict=False
        )
        if macro.text in _MACROS and bracket.text == "(" and comma.text == ","
    }


def _check_fields(source: str, tokens: list[_Token], index: int, schema: Json) -> None:
    """Follow `self.a.b` through the schema as far as it is a plain selection of fields."""
    index += 1
    while index + 1 < len(tokens) and tokens[index].text in {".", ".?"}:
        dot, name = tokens[index], tokens[index + 1]
        is_call = index + 2 < len(tokens) and tokens[index + 2].text == "("
        if name.kind != "name" or is_call:
            return
        fields = declared_fields(schema)
        if fields is not None:
            if name.text not in fields:
                raise CelError(_at(source, dot.at, f"undefined field '{name.text}'"))
            schema = fields[name.text]
        elif (inner := value_schema(schema)) is not None:
            schema = inner
        elif schema.get("type") in {"string", "integer", "number", "boolean"}:
            kind = {"integer": "int", "number": "double", "boolean": "bool"}
            word = kind.get(schema["type"], schema["type"])
            raise CelError(_at(source, dot.at, f"type '{word}' does not support field selection"))
        else:
            return
        index += 2


def _undeclared(source: str, name: str, at: int) -> CelError:
    return CelError(_at(source, at, f"undeclared reference to '{name}' (in container '')"))


def _at(source: str, offset: int, problem: str) -> str:
    """The problem with the line it is in and a mark below its place."""
    line = source.count("\n", 0, offset)
    column = offset - (source.rfind("\n", 0, offset) + 1)
    text = source.split("\n")[line]
    return f"ERROR: <input>:{line + 1}:{column + 1}: {problem}\n | {text}\n | {'.' * column}^"


_LITERALS: Final = (
    ("boolean", re.compile(r"true|false")),
    ("number", re.compile(r"-?[0-9]+(\.[0-9]+)?u?")),
    ("string", re.compile(r"'[^']*'|\"[^\"]*\"")),
)


def literal_type(source: str) -> Json | None:
    """The schema of a source that is one literal, None if it is anything else."""
    for name, pattern in _LITERALS:
        if pattern.fullmatch(source.strip()):
            return {"type": name}
    return None


def only_selects(source: str, schema: Json) -> Json | None:
    """The schema of the one field that the source selects, None if it does anything else."""
    if not re.fullmatch(r"\s*(self|oldSelf)(\.[A-Za-z_]\w*)*\s*", source):
        return None
    for name in source.strip().split(".")[1:]:
        fields = declared_fields(schema)
        inner = fields.get(name) if fields is not None else value_schema(schema)
        if inner is None:
            return None
        schema = inner
    return schema
