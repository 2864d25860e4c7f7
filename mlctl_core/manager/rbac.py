"""The RBAC objects that a manager runs under, derived from what its controllers declare.

Promises nothing beyond need: no ``*``, no verb that no declaration asks for. ``kubectl apply``
them, or write them into a manifest::

    cluster_role("website", [plan])

The rights of a whole cluster are a ClusterRole's. A manager of a few namespaces
(``--namespaces``) can have the same ClusterRole bound in each by a RoleBinding, and needs a
ClusterRoleBinding only for the kinds that live in no namespace.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlctl_core.manager.delegated_auth import SUBJECT_ACCESS_REVIEW, TOKEN_REVIEW
from mlctl_core.objects.kinds import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    EVENT,
    LEASE,
    ROLE,
    ROLE_BINDING,
    Kind,
    kind_of,
)
from mlctl_core.reconcile.rights import VERBS, Right, Use, cached

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlctl_core.manager.wiring import Declaration
    from mlctl_core.objects.json import Json

_RBAC_GROUP = CLUSTER_ROLE.group
_EVENTS = Use(EVENT, ["create", "patch"])
"""What the event recorder does: a first event, and its repetitions."""


def cluster_role(
    name: str, controllers: Iterable[Declaration], *, reads: Iterable[str | Kind | type] = ()
) -> Json:
    """The ClusterRole of a manager that runs these controllers.

    Args:
        name: Of the ClusterRole.
        controllers: Everything that is given to `Manager.add`.
        reads: Kinds that are cached for metrics alone: those given to `Manager.add_collector`.
    """
    rights = _EVENTS.rights | cached(kind_of(kind) for kind in reads)
    rights = rights.union(*(controller.rights for controller in controllers))
    return _role(CLUSTER_ROLE, {"name": name}, policy_rules(rights))


def leader_election_role(name: str, namespace: str, lease: str) -> Json:
    """The Role for ``--leader-elect``: that one Lease, and no other of the namespace.

    The server knows no name when it judges a create, so that verb covers any new Lease; one
    that exists is out of reach.
    """
    rights = Use(LEASE, "create").rights | Use(LEASE, ["get", "update"], names=[lease]).rights
    return _role(ROLE, {"name": name, "namespace": namespace}, policy_rules(rights))


def metrics_auth_role(name: str) -> Json:
    """The ClusterRole for ``--metrics-secure``: to ask who a token is, and whether they may."""
    rights = Use(TOKEN_REVIEW, "create").rights | Use(SUBJECT_ACCESS_REVIEW, "create").rights
    return _role(CLUSTER_ROLE, {"name": name}, policy_rules(rights))


def binding(role: Json, service_account: str, namespace: str) -> Json:
    """Give a role made here, under its own name, to the account of a manager."""
    kind = CLUSTER_ROLE_BINDING if role["kind"] == CLUSTER_ROLE.name else ROLE_BINDING
    return {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "metadata": {**role["metadata"]},
        "roleRef": {
            "apiGroup": _RBAC_GROUP,
            "kind": role["kind"],
            "name": role["metadata"]["name"],
        },
        "subjects": [{"kind": "ServiceAccount", "name": service_account, "namespace": namespace}],
    }


def policy_rules(rights: Iterable[Right]) -> list[Json]:
    """Rights as RBAC rules, in an order that depends on nothing else.

    Resources of a group that have the same verbs share a rule; names keep to their verbs.
    """
    names: dict[tuple[str, str, str], set[str]] = {}
    for right in rights:
        resource = right.kind.plural + (f"/{right.subresource}" if right.subresource else "")
        names.setdefault((right.kind.group, resource, right.verb), set()).add(right.name)
    verbs: dict[tuple[str, str, tuple[str, ...]], set[str]] = {}
    for (group, resource, verb), only in names.items():
        # A right to all objects covers those to some.
        limited = () if "" in only else tuple(sorted(only))
        verbs.setdefault((group, resource, limited), set()).add(verb)
    resources: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for (group, resource, limited), used in sorted(verbs.items()):
        in_order = tuple(verb for verb in VERBS if verb in used)
        resources.setdefault((group, in_order, limited), []).append(resource)
    return [
        _rule([group], shared, used, limited)
        for (group, used, limited), shared in sorted(
            resources.items(), key=lambda item: (item[0][0], item[1], item[0][2])
        )
    ]


def _rule(
    groups: list[str], resources: list[str], verbs: Iterable[str], names: Iterable[str] = ()
) -> Json:
    rule: Json = {"apiGroups": groups, "resources": resources}
    if only := list(names):
        rule["resourceNames"] = only
    return {**rule, "verbs": list(verbs)}


def _role(kind: Kind, metadata: Json, rules: list[Json]) -> Json:
    return {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "metadata": metadata,
        "rules": rules,
    }
