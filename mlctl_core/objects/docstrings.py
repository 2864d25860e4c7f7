"""The docstrings under the fields of a class, which Python itself does not keep.

Read from the source text, so they are there wherever the source is; used to generate schemas, not
at run time.
"""

from __future__ import annotations

import ast
import inspect
import textwrap

__all__ = ["class_description", "field_docstrings", "prose"]


def class_description(cls: type) -> str:
    """The docstring of the class itself, as prose; empty if it has none."""
    return prose(vars(cls).get("__doc__") or "")


def field_docstrings(cls: type) -> dict[str, str]:
    """The docstring under each field of `cls` and of the classes it extends, as prose.

    A field without one is missing. A field declared again keeps the description of the class that
    it extends unless it is given a new one.

    Raises:
        OSError: the source of a class is not available.
    """
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if "__attrs_attrs__" in vars(base):
            found |= _own(base)
    return found


def prose(docstring: str) -> str:
    """A docstring with the line breaks of its layout taken out; paragraphs stay apart."""
    paragraphs = inspect.cleandoc(docstring).split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs).strip()


def _own(cls: type) -> dict[str, str]:
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(definition, ast.ClassDef)
    found = {}
    for field, text in zip(definition.body, definition.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
            and isinstance(text.value.value, str)
        ):
            found[field.target.id] = prose(text.value.value)
    return found
