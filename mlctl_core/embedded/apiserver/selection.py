"""Which objects a request means: label and field selectors, made ready to ask.

Field selectors know metadata.name and metadata.namespace everywhere and, beyond those, what
the resource declares; anything else is refused as upstream refuses it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import attrs

from mlctl_core.embedded.apiserver.errors import bad_request
from mlctl_core.embedded.apiserver.label_syntax import read_label_selector
from mlctl_core.objects.selectors import (
    FieldRequirement,
    LabelSelector,
    parse_field_selector,
)

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.records import Record
    from mlctl_core.embedded.apiserver.resources import Resource


@attrs.frozen
class Selection:
    """A label selector and a field selector."""

    labels: LabelSelector | None = None
    fields: tuple[FieldRequirement, ...] = ()
    """(name, operator, value), all of which must hold."""

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return self.labels is None and not self.fields

    @property
    def name(self) -> str:
        """Of the one object that can be meant; empty when there may be several."""
        named = (value for name, op, value in self.fields if (name, op) == ("metadata.name", "="))
        return next(named, "")

    def matches(self, record: Record) -> bool:
        """Whether the object is meant."""
        for name, operator, value in self.fields:
            if (record.fields.get(name, "") == value) != (operator != "!="):
                return False
        return self.labels is None or self.labels.matches(record.labels)


EVERYTHING = Selection()


def make_selection(resource: Resource, labels: str, fields: str, *, name: str = "") -> Selection:
    """Parse the selectors of a request; `name` narrows it to one object.

    Raises:
        StatusError: 400, one of them cannot be parsed or asks for an unknown field.
    """
    if not labels and not fields and not name:
        return EVERYTHING
    try:
        label_selector = read_label_selector(labels) if labels else None
    except ValueError as error:
        raise bad_request(str(error)) from None
    try:
        field_terms = parse_field_selector(fields) if fields else ()
    except ValueError:
        raise bad_request(_unreadable(fields)) from None
    for field, _, _ in field_terms:
        if field not in {"metadata.name", "metadata.namespace", *resource.selectable}:
            raise bad_request(_unknown_field(resource, field))
    if name:
        field_terms = (FieldRequirement("metadata.name", "=", name), *field_terms)
    return Selection(label_selector, field_terms)


def _unreadable(fields: str) -> str:
    """Say which term of a field selector makes no sense."""
    for term in re.findall(r"(?:[^,\\]|\\.?)+", fields):
        try:
            parse_field_selector(term)
        except ValueError:
            return f"invalid selector: '{fields}'; can't understand '{term}'"
    return f"invalid selector: '{fields}'"


def _unknown_field(resource: Resource, field: str) -> str:
    known = '"metadata.name", "metadata.namespace"'
    if resource.custom:
        return f"field label not supported: {field}"
    if resource.selectable:
        return f"field label not supported: {field}"
    return f'"{field}" is not a known field selector: only {known}'
