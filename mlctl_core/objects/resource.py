"""How an attrs class says that it is a kind of the API, and what its fields may hold.

The class is the single source: `mlctl_core.objects.crd` derives the CustomResourceDefinition from
it, `mlctl_core.objects.codec` the decoder::

    @resource(group="example.org", version="v1", plural="websites")
    @attrs.frozen(kw_only=True)
    class Website:
        '''A site that is served from one image.'''

        metadata: Metadata
        spec: WebsiteSpec
        status: WebsiteStatus = WebsiteStatus()

A field's description is the docstring under it. Its bounds are in its type, so that items of lists
and values of maps carry theirs as well::

    hosts: Annotated[tuple[Annotated[str, Schema(max_length=253)], ...], Schema(max_items=8)] = ()
    '''Names the site answers to.'''

Nothing here validates values in Python: the API server does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar

import attrs

from mlctl_core.objects.kinds import Kind, of_kind

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Column", "Resource", "Rule", "Schema", "resource", "resource_of", "rules", "rules_of"]

T = TypeVar("T")

_RESOURCE_ATTRIBUTE = "__mlctl_resource__"
_RULES_ATTRIBUTE = "__mlctl_rules__"


@attrs.frozen
class Rule:
    """A CEL rule the API server checks (KEP-2876); ``self`` is the value it is attached to.

    A rule that mentions ``oldSelf`` is a transition rule: it is checked on updates only, when the
    value was there before and after.
    """

    expr: str
    """True for a good value."""
    message: str
    """What a person reads when it is not: name the field and the fix."""
    field_path: str = ""
    """The field the error is reported at, relative to ``self``: ``.name``. Default: ``self``."""
    reason: Literal[
        "FieldValueInvalid", "FieldValueForbidden", "FieldValueRequired", "FieldValueDuplicate"
    ] = "FieldValueInvalid"
    message_expression: str = ""
    """CEL that computes the message; `message` remains the fallback when it fails."""


@attrs.frozen(kw_only=True)
class Schema:
    """Bounds and properties of a value, in ``Annotated[type, Schema(...)]``.

    Every bound is absent by default. Of several on one value the later one wins, bound by bound;
    rules add up.
    """

    name: str | None = None
    """The JSON name of a field; default: its own in camelCase."""
    description: str | None = None
    """Overrides the docstring."""
    max_length: int | None = None
    """In characters."""
    min_length: int | None = None
    pattern: str | None = None
    """RE2; not anchored by itself."""
    minimum: int | float | None = None
    maximum: int | float | None = None
    max_items: int | None = None
    min_items: int | None = None
    max_properties: int | None = None
    min_properties: int | None = None
    enum: tuple[str, ...] | None = None
    """The only strings allowed; a Literal or a str Enum says the same in the type."""
    format: str | None = None
    """``date-time``, ``int64``, ``int32``…, as the API server knows them."""
    list_type: Literal["atomic", "set", "map"] | None = None
    """How server-side apply merges a list; default: atomic."""
    list_map_keys: tuple[str, ...] = ()
    """The JSON names that identify an item of a list of type map."""
    nullable: bool = False
    """Whether null is a value of its own."""
    int_or_string: bool = False
    """Whether the string may be written as a number, as in ``cpu: 2``; for type ``int | str``."""
    rules: tuple[Rule, ...] = ()

    def merged(self, later: Schema) -> Schema:
        """This schema with what `later` sets on top."""
        said = {
            field.name: value
            for field in attrs.fields(Schema)
            if (value := getattr(later, field.name)) != field.default
        }
        return attrs.evolve(self, **{**said, "rules": self.rules + later.rules})


@attrs.frozen
class Column:
    """A column of ``kubectl get``."""

    name: str
    type: Literal["string", "integer", "number", "boolean", "date"]
    json_path: str
    """Where the value is: ``.status.phase``."""
    description: str
    priority: int = 0
    """0 is always shown, above 0 with ``-o wide`` only."""


@attrs.frozen
class Resource:
    """What ``@resource`` was told about a class."""

    kind: Kind
    short_names: tuple[str, ...]
    categories: tuple[str, ...]
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...]


def resource(
    *,
    group: str,
    version: str,
    plural: str,
    short_names: tuple[str, ...] = (),
    namespaced: bool = True,
    categories: tuple[str, ...] = ("ml",),
    columns: tuple[Column, ...] = (),
    rules: tuple[Rule, ...] = (),
) -> Callable[[type[T]], type[T]]:
    """Class decorator, on top of ``@attrs.frozen``: objects of the class are API objects.

    The kind is the class's name. The fields are ``metadata: Metadata``, ``spec`` and, if it has
    one, ``status``, which becomes a subresource. `rules` see the whole object, of the metadata
    only the name.

    Raises:
        TypeError: the class is no attrs class, or has no metadata or spec, or other fields.
    """

    def declare(cls: type[T]) -> type[T]:
        if "__attrs_attrs__" not in vars(cls):
            raise TypeError(f"{cls.__qualname__}: put @resource above @attrs.frozen")
        names = {field.name for field in vars(cls)["__attrs_attrs__"]}
        if not {"metadata", "spec"} <= names <= {"metadata", "spec", "status"}:
            raise TypeError(
                f"{cls.__qualname__}: an API object has metadata, spec and perhaps status, "
                f"not {', '.join(sorted(names))}"
            )
        kind = Kind(group, version, cls.__name__, plural, namespaced)
        setattr(cls, _RESOURCE_ATTRIBUTE, Resource(kind, short_names, categories, columns, rules))
        return of_kind(kind)(cls)

    return declare


def resource_of(cls: type) -> Resource:
    """What ``@resource`` was told about `cls`.

    Raises:
        LookupError: `cls` was not declared with it.
    """
    found: Resource | None = vars(cls).get(_RESOURCE_ATTRIBUTE)
    if found is None:
        raise LookupError(f"class {cls.__qualname__} is not declared with @resource")
    return found


def rules(*added: Rule) -> Callable[[type[T]], type[T]]:
    """Class decorator: wherever an object of the class stands, these rules hold for it."""

    def declare(cls: type[T]) -> type[T]:
        setattr(cls, _RULES_ATTRIBUTE, added)
        return cls

    return declare


def rules_of(cls: type) -> tuple[Rule, ...]:
    """The rules declared for `cls` and for the classes it extends, theirs first."""
    return tuple(
        rule for base in reversed(cls.__mro__) for rule in vars(base).get(_RULES_ATTRIBUTE, ())
    )
