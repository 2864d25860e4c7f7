"""Which defaults and checks belong to which built-in kind.

Only what clients rely on is here: a kind without an entry takes whatever fits its schema.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlctl_core.embedded.apiserver import (
    cluster_rules,
    config_rules,
    names,
    pod_defaults,
    pod_rules,
    workload_rules,
)
from mlctl_core.embedded.apiserver import workload_defaults as workloads

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlctl_core.embedded.apiserver.field_errors import FieldError
    from mlctl_core.embedded.apiserver.resources import Resource
    from mlctl_core.objects.json import Json

    Defaults = Callable[[Json], None]
    Check = Callable[[Json, Json | None, str], list[FieldError]]


_RBAC: Final = "rbac.authorization.k8s.io"


def _nothing(obj: Json) -> None:
    del obj


_DEFAULTS: Final[dict[tuple[str, str], Defaults]] = {
    ("", "Namespace"): workloads.default_namespace,
    ("", "Node"): workloads.default_node,
    ("", "PersistentVolume"): workloads.default_volume,
    ("", "PersistentVolumeClaim"): workloads.default_claim,
    ("", "Pod"): pod_defaults.default_pod,
    ("", "Secret"): config_rules.default_secret,
    ("", "Service"): workloads.default_service,
    ("apps", "DaemonSet"): workloads.default_daemon_set,
    ("apps", "Deployment"): workloads.default_deployment,
    ("apps", "ReplicaSet"): workloads.default_replica_set,
    ("apps", "StatefulSet"): workloads.default_stateful_set,
    ("batch", "CronJob"): workloads.default_cron_job,
    ("batch", "Job"): workloads.default_job,
    ("coordination.k8s.io", "Lease"): workloads.default_lease,
    (_RBAC, "ClusterRoleBinding"): workloads.default_role_binding,
    (_RBAC, "RoleBinding"): workloads.default_role_binding,
    ("scheduling.k8s.io", "PriorityClass"): workloads.default_priority_class,
}

_CHECKS: Final[dict[tuple[str, str], Check]] = {
    ("", "ConfigMap"): config_rules.check_config_map,
    ("", "Event"): cluster_rules.check_core_event,
    ("", "Node"): cluster_rules.check_node,
    ("", "PersistentVolumeClaim"): cluster_rules.check_claim,
    ("", "Pod"): pod_rules.check_pod,
    ("", "Secret"): config_rules.check_secret,
    ("", "Service"): cluster_rules.check_service,
    ("apps", "DaemonSet"): workload_rules.check_daemon_set,
    ("apps", "Deployment"): workload_rules.check_deployment,
    ("apps", "ReplicaSet"): workload_rules.check_replica_set,
    ("apps", "StatefulSet"): workload_rules.check_stateful_set,
    ("batch", "CronJob"): workload_rules.check_cron_job,
    ("batch", "Job"): workload_rules.check_job,
    ("coordination.k8s.io", "Lease"): cluster_rules.check_lease,
    ("events.k8s.io", "Event"): cluster_rules.check_event,
    ("policy", "PodDisruptionBudget"): cluster_rules.check_disruption_budget,
    (_RBAC, "ClusterRole"): cluster_rules.check_role,
    (_RBAC, "ClusterRoleBinding"): cluster_rules.check_role_binding,
    (_RBAC, "Role"): cluster_rules.check_role,
    (_RBAC, "RoleBinding"): cluster_rules.check_role_binding,
    ("scheduling.k8s.io", "PriorityClass"): cluster_rules.check_priority_class,
}

_NAMES: Final[dict[tuple[str, str], Callable[[str], list[str]]]] = {
    ("", "Namespace"): names.check_dns_1123_label,
    ("", "Service"): names.check_dns_1123_label,
    (_RBAC, "Role"): names.check_path_segment,
    (_RBAC, "RoleBinding"): names.check_path_segment,
    (_RBAC, "ClusterRole"): names.check_path_segment,
    (_RBAC, "ClusterRoleBinding"): names.check_path_segment,
}


def defaults_of(resource: Resource) -> Defaults:
    """The function that fills in a kind's defaults in place."""
    return _DEFAULTS.get((resource.group, resource.kind), _nothing)


def name_check_of(resource: Resource) -> Callable[[str], list[str]]:
    """How objects of the kind may be named."""
    return _NAMES.get((resource.group, resource.kind), names.check_dns_1123_subdomain)


def validate_kind(
    resource: Resource, new: Json, old: Json | None, subresource: str
) -> list[FieldError]:
    """What the kind's own rules find, without metadata; `old` is None on create."""
    check = _CHECKS.get((resource.group, resource.kind))
    return check(new, old, subresource) if check else []
