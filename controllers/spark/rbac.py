"""The account of a driver, and what it may do in its namespace.

Each job has an account of its own, and a binding to one ClusterRole of the platform's: the manager
may bind that role and no other, and makes none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlctl_core.objects.json import Json

DRIVER_ROLE = "mlctl-spark-driver"
"""The ClusterRole of manifests/base: pods of the namespace, which executors are."""
_GROUP = "rbac.authorization.k8s.io"


def service_account(metadata: Json) -> Json:
    """The driver's account; its token is mounted where a pod asks for it, and nowhere else."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata,
        "automountServiceAccountToken": False,
    }


def role_binding(metadata: Json, account: str) -> Json:
    """What lets an account of the namespace make executors there."""
    subject = {"kind": "ServiceAccount", "name": account, "namespace": metadata["namespace"]}
    return {
        "apiVersion": f"{_GROUP}/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": _GROUP, "kind": "ClusterRole", "name": DRIVER_ROLE},
        "subjects": [subject],
    }
