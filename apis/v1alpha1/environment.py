"""Environment variables of jobs and frameworks."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import attrs

from apis.v1alpha1.values import ConfigKey, EnvName, ObjectName
from mlctl_core.objects.resource import Rule, Schema, rules

__all__ = ["EnvVar", "Environment", "KeyRef", "PlainEnvVar", "PlainEnvironment"]

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
