"""mlctl_core: a reconcile-loop runtime for Kubernetes controllers.

Bytes from the API server flow one way: stream, cache, queue, plan, writes. What a person
writes for a kind is the pure function in the middle.

Names are loaded when first used, so that a planner's module imports no I/O.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlctl_core.client.client import Client
    from mlctl_core.client.config import load_config
    from mlctl_core.client.errors import ApiError
    from mlctl_core.manager.args import ManagerOptions
    from mlctl_core.manager.manager import Manager
    from mlctl_core.manager.rbac import cluster_role
    from mlctl_core.manager.wiring import CustomController
    from mlctl_core.objects.codec import decode, encode
    from mlctl_core.objects.conditions import Condition, find_condition, is_true, set_condition
    from mlctl_core.objects.crd import crd
    from mlctl_core.objects.json import DecodeError, Json
    from mlctl_core.objects.keys import ObjectKey
    from mlctl_core.objects.kinds import Kind, kind_of
    from mlctl_core.objects.metadata import Metadata
    from mlctl_core.objects.resource import Column, Rule, Schema, resource, rules
    from mlctl_core.reconcile.own import Own
    from mlctl_core.reconcile.plan import (
        Delete,
        EventNote,
        Patch,
        Plan,
        Reconciler,
        Request,
        Result,
        WriteFailure,
    )
    from mlctl_core.reconcile.planner import Planner, Watch, planner
    from mlctl_core.reconcile.rights import Use
    from mlctl_core.reconcile.view import View

__all__ = [
    "ApiError",
    "Client",
    "Column",
    "Condition",
    "CustomController",
    "DecodeError",
    "Delete",
    "EventNote",
    "Json",
    "Kind",
    "Manager",
    "ManagerOptions",
    "Metadata",
    "ObjectKey",
    "Own",
    "Patch",
    "Plan",
    "Planner",
    "Reconciler",
    "Request",
    "Result",
    "Rule",
    "Schema",
    "Use",
    "View",
    "Watch",
    "WriteFailure",
    "cluster_role",
    "crd",
    "decode",
    "encode",
    "find_condition",
    "is_true",
    "kind_of",
    "load_config",
    "planner",
    "resource",
    "rules",
    "set_condition",
]

__version__ = "0.1.0"

# Where each name is defined; the imports above are for type checkers alone.
_HOMES = {
    "client.client": ("Client",),
    "client.config": ("load_config",),
    "client.errors": ("ApiError",),
    "manager.args": ("ManagerOptions",),
    "manager.manager": ("Manager",),
    "manager.rbac": ("cluster_role",),
    "manager.wiring": ("CustomController",),
    "objects.codec": ("decode", "encode"),
    "objects.conditions": ("Condition", "find_condition", "is_true", "set_condition"),
    "objects.crd": ("crd",),
    "objects.json": ("DecodeError", "Json"),
    "objects.keys": ("ObjectKey",),
    "objects.kinds": ("Kind", "kind_of"),
    "objects.metadata": ("Metadata",),
    "objects.resource": ("Column", "Rule", "Schema", "resource", "rules"),
    "reconcile.own": ("Own",),
    "reconcile.plan": (
        "Delete",
        "EventNote",
        "Patch",
        "Plan",
        "Reconciler",
        "Request",
        "Result",
        "WriteFailure",
    ),
    "reconcile.planner": ("Planner", "Watch", "planner"),
    "reconcile.rights": ("Use",),
    "reconcile.view": ("View",),
}
_HOME_OF = {name: f"{__name__}.{home}" for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
