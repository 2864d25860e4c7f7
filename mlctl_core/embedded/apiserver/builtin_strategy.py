"""The rules of a built-in kind."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from mlctl_core.embedded.apiserver.builtin_rules import defaults_of, name_check_of, validate_kind
from mlctl_core.embedded.apiserver.decoding import normalise
from mlctl_core.embedded.apiserver.field_set import FieldSet, of_paths
from mlctl_core.embedded.apiserver.metadata_rules import check_finalizer_domains, validate_metadata
from mlctl_core.embedded.apiserver.preparing import SERVICES
from mlctl_core.embedded.apiserver.pruning import prune, unknown_field

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.field_errors import FieldError
    from mlctl_core.embedded.apiserver.resources import Resource
    from mlctl_core.objects.json import Json

STATUS_DOOR: Final = of_paths([("f:status",)])
_GENERIC_METADATA: Final = frozenset(
    {
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "coordination.k8s.io",
        "rbac.authorization.k8s.io",
    }
)
"""Groups whose kinds upstream checks by the rules that custom resources have."""

_ALL_BUT_STATUS: Final = {
    "/pods": of_paths([("f:spec",), ("f:metadata", "f:ownerReferences")]),
    "apps/deployments": of_paths([("f:spec",), ("f:metadata", "f:labels")]),
}
_SPEC_DOOR: Final = of_paths([("f:spec",)])


class BuiltinStrategy:
    """The rules of a built-in kind: Go's decoding, versioned defaults, validation by kind."""

    def __init__(self, resource: Resource) -> None:
        self._resource = resource

    @functools.cached_property
    def schema(self) -> Json:
        """The whole object's schema."""
        return self._resource.schema()

    def decode(self, obj: Json) -> list[str]:
        """Drop unknown fields and what means "not set", in place."""
        problems = [unknown_field(path) for path in prune(obj, self.schema)]
        normalise(obj, self.schema)
        return problems

    def read_applied(self, obj: Json) -> None:
        """Read what an apply merged, in place."""
        self.decode(obj)

    def warnings(self, new: Json, old: Json | None) -> list[str]:
        """What a client should be told about an object that is let in."""
        del old
        spec = new.get("spec") or {}
        if (
            self._resource.collection == SERVICES
            and spec.get("clusterIP") == "None"
            and spec.get("sessionAffinity") not in {None, "None"}
        ):
            return ["spec.SessionAffinity is ignored for headless services"]
        return []

    def default(self, obj: Json) -> None:
        """Fill in the kind's versioned defaults, in place."""
        defaults_of(self._resource)(obj)

    def validate_create(self, obj: Json) -> list[FieldError]:
        """What is wrong with a new object."""
        return [*self._check_metadata(obj), *validate_kind(self._resource, obj, None, "")]

    def validate_update(self, new: Json, old: Json, subresource: str = "") -> list[FieldError]:
        """What is wrong with a changed object, or with the change."""
        return [*self._check_metadata(new), *validate_kind(self._resource, new, old, subresource)]

    def reset_fields(self, subresource: str = "") -> FieldSet:
        """What this endpoint leaves as it is: the other door's fields."""
        if "status" not in self._resource.subresources:
            return FieldSet()
        if subresource != "status":
            return STATUS_DOOR
        return _ALL_BUT_STATUS.get(self._resource.collection, _SPEC_DOOR)

    def _check_metadata(self, obj: Json) -> list[FieldError]:
        metadata = obj.get("metadata") or {}
        found = validate_metadata(
            metadata,
            namespaced=self._resource.namespaced,
            name_check=name_check_of(self._resource),
        )
        if self._resource.group not in _GENERIC_METADATA:
            found.extend(check_finalizer_domains(metadata.get("finalizers") or []))
        return found
