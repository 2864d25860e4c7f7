"""What a kind asks of the endpoint that stores it: decode, default, validate.

One interface for built-in and custom kinds, so that create, update and patch go through
one path, in that order. `decode` and `default` change the object they are given. What all
kinds have in common (system metadata, generation, the status door) is the endpoint's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mlctl_core.embedded.apiserver.builtin_strategy import BuiltinStrategy
from mlctl_core.embedded.apiserver.custom_strategy import CustomStrategy

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.field_errors import FieldError
    from mlctl_core.embedded.apiserver.field_set import FieldSet
    from mlctl_core.embedded.apiserver.resources import Resource
    from mlctl_core.objects.json import Json


class Strategy(Protocol):
    """The rules of one kind in one version."""

    @property
    def schema(self) -> Json:
        """The whole object's schema, metadata included: for ownership and patches."""

    def decode(self, obj: Json) -> list[str]:
        """Drop unknown fields in place; returns a problem for each, in upstream's words.

        Raises:
            DecodeError: A field has a JSON type that cannot be read (400).
        """

    def read_applied(self, obj: Json) -> None:
        """Read what an apply merged, in place: its nulls mean something in custom kinds.

        Raises:
            DecodeError: as `decode`.
        """

    def warnings(self, new: Json, old: Json | None) -> list[str]:
        """What a client should be told about an object that is let in; `old` as above."""

    def default(self, obj: Json) -> None:
        """Fill in absent fields that have a default, in place."""

    def validate_create(self, obj: Json) -> list[FieldError]:
        """What is wrong with a new object (422)."""

    def validate_update(self, new: Json, old: Json, subresource: str = "") -> list[FieldError]:
        """What is wrong with a changed object, or with the change (422)."""

    def reset_fields(self, subresource: str = "") -> FieldSet:
        """The fields a write through this endpoint never owns."""


def strategy_for(resource: Resource) -> Strategy:
    """The rules of a resource. Keep the result: compiling a custom schema's rules is slow."""
    return CustomStrategy(resource) if resource.custom else BuiltinStrategy(resource)
