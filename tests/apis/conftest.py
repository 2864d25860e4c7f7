from __future__ import annotations

import copy
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from mlctl_core.embedded.apiserver.cel_rules import compile_rules
from mlctl_core.embedded.apiserver.custom_strategy import complete_schema
from mlctl_core.embedded.apiserver.defaulting import apply_defaults
from mlctl_core.embedded.apiserver.pruning import prune
from mlctl_core.embedded.apiserver.validation import validate
from mlctl_core.objects.crd import crd

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]


def merged(base: Json, patch: Json) -> Json:
    """`base` with `patch` laid over it; None takes a field away."""
    result = copy.deepcopy(base)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict) and isinstance(result.get(name), dict):
            result[name] = merged(result[name], value)
        else:
            result[name] = value
    return result


@cache
def rules_of_the_server(cls: type) -> tuple[Json, Json, Any]:
    schema = crd(cls)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema, complete_schema(schema), compile_rules(schema)


@pytest.fixture
def refusals() -> Callable[..., list[str]]:
    """What a server says to `base` with `patch` laid over it: ``field: message`` for each error.

    With `update` it is said to the change from one to the other.
    """

    def check(cls: type, base: Json, patch: Json, *, update: bool = False) -> list[str]:
        schema, complete, rules = rules_of_the_server(cls)
        new, old = merged(base, patch), copy.deepcopy(base) if update else None
        unknown = [f"{path}: unknown field" for path in prune(new, complete)]
        apply_defaults(new, schema)
        if old is not None:
            apply_defaults(old, schema)
        # As the server does: rules are checked on what has the right structure only.
        found = validate(new, schema) or rules.check(new, old)
        return unknown + [str(error) for error in found]

    return check
