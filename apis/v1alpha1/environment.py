"""Environment variables of jobs and frameworks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

import attrs

from apis.v1alpha1.values import ConfigKey, EnvName, ObjectName
from mlctl_core.objects.resource import Rule, Schema, rules

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["EnvVar", "Environment", "KeyRef", "PlainEnvVar", "PlainEnvironment", "reserved"]

_Value = Annotated[str, Schema(max_length=8192)]


@attrs.frozen(kw_only=True)
class KeyRef:
    """One key of a Secret or ConfigMap in the job's namespace."""

    name: ObjectName
    """Name of the Secret or ConfigMap."""
    key: ConfigKey
    """The key whose value is taken."""


@rules(
    Rule(
        "[has(self.value), has(self.secretKeyRef), has(self.configMapKeyRef)]"
        ".filter(given, given).size() == 1",
        "a variable takes exactly one of value, secretKeyRef and configMapKeyRef",
    )
)
@attrs.frozen(kw_only=True)
class EnvVar:
    """An environment variable of the job's containers."""

    name: EnvName
    """Name of the variable. Names that begin with MLCTL_ are reserved."""
    value: _Value | None = None
    """The value itself; $(NAME) refers to a variable defined before."""
    secret_key_ref: KeyRef | None = None
    """Take the value from a Secret in the job's namespace."""
    config_map_key_ref: KeyRef | None = None
    """Take the value from a ConfigMap in the job's namespace."""


@attrs.frozen(kw_only=True)
class PlainEnvVar:
    """An environment variable with a value that is no secret."""

    name: EnvName
    """Name of the variable. Names that begin with MLCTL_ are reserved."""
    value: _Value = ""
    """Its value."""


Environment: TypeAlias = Annotated[
    tuple[EnvVar, ...], Schema(max_items=128, list_type="map", list_map_keys=("name",))
]
"""Variables of a job, each name once."""

PlainEnvironment: TypeAlias = Annotated[
    tuple[PlainEnvVar, ...], Schema(max_items=64, list_type="map", list_map_keys=("name",))
]
"""Variables of a framework, each name once."""


def reserved(names: Iterable[str], prefixes: Iterable[str] = (), *, unless: str = "") -> Rule:
    """Refuse variables that the platform itself sets, by name or by how the name begins.

    `unless` is a CEL condition on the spec under which it does not set them.
    """
    names, prefixes = tuple(names), tuple(prefixes)
    taken = [f"variable.name == '{name}'" for name in names]
    taken += [f"variable.name.startsWith('{prefix}')" for prefix in prefixes]
    exempt = f"({unless}) || " if unless else ""
    said = ", ".join((*names, *(f"{prefix}*" for prefix in prefixes)))
    return Rule(
        f"{exempt}!has(self.env) || !self.env.exists(variable, {' || '.join(taken)})",
        f"{said}: set by the platform: remove the variable",
        field_path=".env",
        reason="FieldValueForbidden",
    )
