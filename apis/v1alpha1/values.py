"""Types of single values that several kinds share, each with its bounds."""

from __future__ import annotations

import json
from typing import Annotated, TypeAlias

from mlctl_core.objects.resource import Rule, Schema

__all__ = [
    "ConfigKey",
    "Count",
    "EnvName",
    "Generation",
    "ImageName",
    "LabelKey",
    "LabelValue",
    "MountPath",
    "ObjectName",
    "Quantity",
    "Seconds",
    "ShortName",
    "Time",
    "Uri",
    "matches",
]

_SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
# More than 0: a part of zero size is left out, not written.
_POSITIVE = r"([0-9]*[1-9][0-9]*(\.[0-9]*)?|[0-9]*\.[0-9]*[1-9][0-9]*)"


def matches(pattern: str, message: str) -> Rule:
    """Refuse a text that `pattern` (RE2) does not match, in words rather than by the pattern."""
    # CEL reads JSON's strings as they are.
    return Rule(f"self.matches({json.dumps(pattern)})", message)


ObjectName: TypeAlias = Annotated[str, Schema(min_length=1, max_length=253, pattern=_SUBDOMAIN)]
"""The name of an object of any kind: a DNS subdomain."""

ShortName: TypeAlias = Annotated[str, Schema(min_length=1, max_length=63, pattern=_SUBDOMAIN)]
"""The name of an object of the catalogue; it also fits into a label."""

ConfigKey: TypeAlias = Annotated[
    str, Schema(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")
]
"""A key of a ConfigMap or Secret."""

EnvName: TypeAlias = Annotated[
    str,
    Schema(
        min_length=1,
        max_length=128,
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        rules=(
            Rule(
                "!self.startsWith('MLCTL_')",
                "names that begin with MLCTL_ are set by the platform: choose another name",
                reason="FieldValueForbidden",
            ),
        ),
    ),
]
"""The name of an environment variable, as every shell can use it."""

ImageName: TypeAlias = Annotated[
    str, Schema(min_length=1, max_length=512, pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._/:@-]*$")
]
"""A container image: ``registry/name:tag`` or, better, ``registry/name@sha256:…``."""

LabelKey: TypeAlias = Annotated[
    str,
    Schema(max_length=316, pattern=r"^([a-z0-9.-]+/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"),
]
"""The key of a label or taint, with or without a prefix."""

LabelValue: TypeAlias = Annotated[
    str, Schema(max_length=63, pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$")
]
"""The value of a label or taint."""

MountPath: TypeAlias = Annotated[
    str,
    Schema(
        max_length=512,
        pattern=r"^(/\.?[A-Za-z0-9_][A-Za-z0-9._-]*)+$",
        rules=(
            Rule(
                r"!self.matches('^/(mlctl|proc|sys|dev)(/|$)')"
                r" && !self.matches('^/(bin|etc|home|lib|lib64|opt|root|sbin|tmp|usr|var)$')",
                "a directory of the system or the platform's cannot be replaced: "
                "choose one of its own, such as /data/input",
                reason="FieldValueForbidden",
            ),
        ),
    ),
]
"""Where files appear in a container: an absolute path without ``..``."""

Quantity: TypeAlias = Annotated[
    int | str,
    Schema(
        int_or_string=True,
        max_length=32,
        pattern=rf"^{_POSITIVE}([KMGTPE]i|[mkMGTPE])?$",
        minimum=1,
        # 4 PiB or as many cores: a number without a suffix beyond that is a slip.
        maximum=2**52,
    ),
]
"""An amount above zero: ``2``, ``500m``, ``1.5Gi``."""

Seconds: TypeAlias = Annotated[int, Schema(format="int64", minimum=1, maximum=2**31 - 1)]
"""A span of time above zero; the upper bound is that of a pod's own deadline."""

Count: TypeAlias = Annotated[int, Schema(format="int64", minimum=0, maximum=2**53)]
"""A number of things in a status; the upper bound is what every JSON reader keeps exact."""

Generation: TypeAlias = Annotated[int, Schema(format="int64", minimum=0, maximum=2**53)]
"""A metadata.generation."""

Time: TypeAlias = Annotated[str, Schema(format="date-time", max_length=64)]
"""A moment, RFC 3339; the bound is what rules of the API server are costed by."""

Uri: TypeAlias = Annotated[
    str, Schema(min_length=1, max_length=2048, pattern=r"^[a-z][a-z0-9+.-]*://[^\s]+$")
]
"""An absolute URI."""
