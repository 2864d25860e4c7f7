"""The rules of a custom kind, all from its CustomResourceDefinition's schema."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

import attrs

from mlctl_core.embedded.apiserver import field_errors as errors
from mlctl_core.embedded.apiserver.builtin_strategy import STATUS_DOOR
from mlctl_core.embedded.apiserver.cel_rules import Rules, compile_rules
from mlctl_core.embedded.apiserver.decoding import DecodeError, json_type, normalise
from mlctl_core.embedded.apiserver.defaulting import apply_defaults, drop_nulls
from mlctl_core.embedded.apiserver.field_set import FieldSet, of_paths
from mlctl_core.embedded.apiserver.list_types import ABSENT
from mlctl_core.embedded.apiserver.metadata_rules import STANDARD_FINALIZERS, validate_metadata
from mlctl_core.embedded.apiserver.pruning import prune, unknown_field
from mlctl_core.embedded.apiserver.scale_rules import check_scale
from mlctl_core.embedded.apiserver.schema_models import woven
from mlctl_core.embedded.apiserver.validation import child, validate

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.field_errors import FieldError
    from mlctl_core.embedded.apiserver.resources import Resource
    from mlctl_core.objects.json import Json

_STRING: Final = {"type": "string"}

_BLOCKING: Final = frozenset(
    {
        "FieldValueNotSupported",
        "FieldValueRequired",
        "FieldValueTooLong",
        "FieldValueTooMany",
        "FieldValueTypeInvalid",
    }
)
"""After these, rules are not asked: they could fail in ways that say nothing."""

_NOT_CHECKED: Final = (
    "some validation rules were not checked because the object was invalid; correct the"
    " existing errors to complete validation"
)


def complete_schema(schema: Json) -> Json:
    """The schema with type and object metadata where a Kubernetes object has them.

    At the root, and wherever `x-kubernetes-embedded-resource` says that one is embedded.
    """
    completed: Json = _complete({**schema, "x-kubernetes-embedded-resource": True})
    return completed


def _complete(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    done = dict(schema)
    if "properties" in done:
        done["properties"] = {name: _complete(below) for name, below in done["properties"].items()}
    for name in ("items", "additionalProperties"):
        if name in done:
            done[name] = _complete(done[name])
    if done.pop("x-kubernetes-embedded-resource", False):
        done["properties"] = {
            **done.get("properties", {}),
            "apiVersion": _STRING,
            "kind": _STRING,
            "metadata": woven("V1ObjectMeta"),
        }
    return done


class CustomStrategy:
    """The rules of one version of a custom kind."""

    def __init__(self, resource: Resource) -> None:
        self._resource = resource
        self._declared = resource.schema()

    @functools.cached_property
    def schema(self) -> Json:
        """The whole object's schema, metadata included."""
        return complete_schema(self._declared)

    @functools.cached_property
    def _rules(self) -> Rules:
        return compile_rules(self._declared)

    def decode(self, obj: Json) -> list[str]:
        """Drop unknown fields in place; metadata is read as for built-in kinds.

        Raises:
            DecodeError: Metadata has a field of the wrong JSON type.
        """
        removed = prune(obj, self.schema)
        self.read_applied(obj)
        apply_defaults(obj, self._declared)
        drop_nulls(obj, self._declared)
        in_metadata = [path for path in removed if path.startswith("metadata.")]
        rest = [path for path in removed if not path.startswith("metadata.")]
        return [unknown_field(path) for path in (*in_metadata, *rest)]

    def read_applied(self, obj: Json) -> None:
        """Read the metadata of what an apply merged, in place."""
        metadata = obj.get("metadata")
        if metadata is not None:
            if not isinstance(metadata, dict):
                given = json_type(metadata)
                raise DecodeError(
                    f"json: cannot unmarshal {given} into Go value of type v1.ObjectMeta"
                )
            normalise(metadata, self.schema["properties"]["metadata"])

    def warnings(self, new: Json, old: Json | None) -> list[str]:
        """What a client should be told about an object that is let in."""
        known = set(((old or {}).get("metadata") or {}).get("finalizers") or ())
        return [
            f'metadata.finalizers: "{name}": prefer a domain-qualified finalizer name to avoid '
            "accidental conflicts with other finalizer writers"
            for name in new["metadata"].get("finalizers") or ()
            if "/" not in name and name not in known and name not in STANDARD_FINALIZERS
        ]

    def default(self, obj: Json) -> None:
        """Fill in defaults, in place."""
        apply_defaults(obj, self._declared)

    def validate_create(self, obj: Json) -> list[FieldError]:
        """What is wrong with a new object: metadata, structure, then rules."""
        return self._validate(obj, None, validate(obj, self._declared))

    def validate_update(self, new: Json, old: Json, subresource: str = "") -> list[FieldError]:
        """What is wrong with a changed object, or with the change."""
        if subresource == "status":
            return self._validate(new, old, self._status_structure(new, old))
        return self._validate(new, old, validate(new, self._declared, old=old))

    def _status_structure(self, new: Json, old: Json) -> list[FieldError]:
        """What is wrong with status, which its door judges as a value of its own."""
        schema = self._declared.get("properties", {}).get("status")
        if schema is None or "status" not in new:
            return []
        found = validate(new["status"], schema, old=old.get("status", ABSENT))
        return [
            attrs.evolve(error, path=child("status", error.path) if error.path else "status")
            for error in found
        ]

    def _validate(
        self, new: Json, old: Json | None, structure: list[FieldError]
    ) -> list[FieldError]:
        metadata = new.get("metadata") or {}
        found = validate_metadata(metadata, namespaced=self._resource.namespaced)
        found.extend(structure)
        if self._resource.scale is not None:
            found.extend(check_scale(new, self._resource.scale))
        if not self._rules:
            return found
        # Rules are written for objects that fit the schema.
        if any(error.reason in _BLOCKING for error in structure):
            found.append(errors.invalid("", None, _NOT_CHECKED))
        else:
            found.extend(self._rules.check(new, old))
        return found

    def reset_fields(self, subresource: str = "") -> FieldSet:
        """What this endpoint leaves as it is: the other door's fields."""
        if "status" not in self._resource.subresources:
            return FieldSet()
        if subresource != "status":
            return STATUS_DOOR
        names = {"metadata", *self._declared.get("properties", {})} - {"status"}
        return of_paths([(f"f:{name}",) for name in sorted(names)])
