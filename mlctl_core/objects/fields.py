"""The fields of an attrs class as the codec and the schema generator see them.

Types are resolved once per class, at first use: annotations are strings until then, and an API
module need not be importable in any particular order.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import attrs

from mlctl_core.objects.resource import Schema

__all__ = ["Field", "Shape", "camel_case", "fields_of", "once_per_class", "shape_of"]

F = TypeVar("F", bound=Callable[..., Any])


def once_per_class(function: F) -> F:
    """`functools.cache` for a function of a class, which keeps the function's type.

    The cache is never emptied: there are as many entries as API classes.
    """
    return cast("F", cache(function))


@attrs.frozen
class Shape:
    """A type taken apart."""

    type: Any
    """The bare type: no Annotated, no None. For ``int | str`` the union itself."""
    schema: Schema
    """All bounds said about it."""
    optional: bool
    """Whether None was among its alternatives."""

    @property
    def item(self) -> Shape | None:
        """For a list (``tuple[X, ...]``) the shape of its items."""
        arguments = get_args(self.type)
        if get_origin(self.type) is not tuple:
            return None
        if len(arguments) != 2 or arguments[1] is not Ellipsis:  # noqa: PLR2004
            raise TypeError(f"{self.type}: a list is tuple[X, ...]")
        return shape_of(arguments[0])

    @property
    def value(self) -> Shape | None:
        """For a map (``Mapping[str, X]``) the shape of its values."""
        if get_origin(self.type) is not Mapping:
            return None
        key, value = get_args(self.type)
        if shape_of(key).type is not str:
            raise TypeError(f"{self.type}: the keys of a JSON object are strings")
        return shape_of(value)


@attrs.frozen
class Field:
    """A field of an attrs class."""

    attribute: str
    """Its name in Python."""
    json: str
    """Its name in JSON."""
    shape: Shape
    default: object
    """Its default, made where a factory makes it; `attrs.NOTHING` where it is required."""

    @property
    def required(self) -> bool:
        """Whether an object without it is refused."""
        return self.default is attrs.NOTHING


@once_per_class
def fields_of(cls: type) -> tuple[Field, ...]:
    """The fields of an attrs class in the order of their declaration.

    Raises:
        TypeError: `cls` is no attrs class, or a type cannot be said in JSON.
    """
    if not attrs.has(cls):
        raise TypeError(f"{cls!r} is no attrs class")
    hints = get_type_hints(cls, include_extras=True)
    found = []
    for field in attrs.fields(cls):
        shape = shape_of(hints[field.name])
        name = shape.schema.name or camel_case(field.name)
        found.append(Field(field.name, name, shape, _default(field)))
    return tuple(found)


def shape_of(annotation: Any) -> Shape:
    """Take apart ``Annotated[X | None, Schema(...)]`` in any nesting."""
    schema, optional = Schema(), False
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *extras = get_args(annotation)
            # What is said outside is said later than what an alias says inside.
            said = Schema()
            for extra in extras:
                said = said.merged(extra) if isinstance(extra, Schema) else said
            schema = said.merged(schema)
        elif get_origin(annotation) in (Union, types.UnionType) and type(None) in get_args(
            annotation
        ):
            rest = tuple(a for a in get_args(annotation) if a is not type(None))
            annotation, optional = Union[rest], True  # noqa: UP007
        else:
            return Shape(annotation, schema, optional)


def camel_case(name: str) -> str:
    """``backoff_limit`` → ``backoffLimit``."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _default(field: attrs.Attribute[Any]) -> object:
    default: Any = field.default
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type] # a class in truth
        if default.takes_self:
            raise TypeError(f"{field.name}: a default that depends on other fields is no schema")
        return default.factory()
    return default
