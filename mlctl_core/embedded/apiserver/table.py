"""Objects as `meta.k8s.io/v1` tables: what `kubectl get` prints.

Promises the columns of Kubernetes 1.37 for the kinds named here and the
additionalPrinterColumns of custom ones; every other kind shows its name and the time of
its creation. Ages are those at the moment given: a table is not cached.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mlctl_core.embedded.apiserver import custom_columns
from mlctl_core.embedded.apiserver import table_cluster as cluster
from mlctl_core.embedded.apiserver import table_network as network
from mlctl_core.embedded.apiserver import table_workloads as workloads
from mlctl_core.embedded.apiserver.table_pods import pod_row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from mlctl_core.embedded.apiserver.resources import Resource
    from mlctl_core.objects.json import Json

    Row = Callable[[Json, datetime], list[Any]]

_NETWORKING: Final = "networking.k8s.io"
_RBAC: Final = "rbac.authorization.k8s.io"

_TEMPLATE: Final = "*Containers *Images *Selector"
_NODE: Final = (
    "Name:name Status Roles Age Version *Internal-IP *External-IP *OS-Image *Kernel-Version"
    " *Container-Runtime"
)
_VOLUME: Final = (
    "Name:name Capacity Access_Modes Reclaim_Policy Status Claim StorageClass"
    " VolumeAttributesClass Reason Age *VolumeMode"
)
_CLAIM: Final = (
    "Name:name Status Volume Capacity Access_Modes StorageClass VolumeAttributesClass Age"
    " *VolumeMode"
)
_DAEMONS: Final = (
    "Name:name Desired:integer Current:integer Ready:integer Up-to-date:integer"
    " Available:integer Node_Selector Age"
)
_EVENT: Final = (
    "Last_Seen Type Reason Object *Subobject *Source Message *First_Seen *Count *Name:name",
    cluster.event_row,
)
_BINDING: Final = (
    "Name:name Role Age *Users *Groups *ServiceAccounts",
    cluster.role_binding_row,
)
_AGED: Final = ("Name:name Age", cluster.aged_row)
_DATED: Final = ("Name:name Created_At:date", cluster.dated_row)

_TABLES: Final[dict[tuple[str, str], tuple[str, Row]]] = {
    ("", "ConfigMap"): ("Name:name Data Age", cluster.config_map_row),
    ("", "Endpoints"): ("Name:name Endpoints Age", network.endpoints_row),
    ("", "Event"): _EVENT,
    ("", "Namespace"): ("Name:name Status Age", cluster.namespace_row),
    ("", "Node"): (
        _NODE,
        cluster.node_row,
    ),
    ("", "PersistentVolume"): (
        _VOLUME,
        cluster.volume_row,
    ),
    ("", "PersistentVolumeClaim"): (
        _CLAIM,
        cluster.claim_row,
    ),
    ("", "Pod"): (
        "Name:name Ready Status Restarts Age *IP *Node *Nominated_Node *Readiness_Gates",
        pod_row,
    ),
    ("", "PodTemplate"): ("Name:name Containers Images Pod_Labels", workloads.pod_template_row),
    ("", "ResourceQuota"): ("Name:name Request Limit Age", cluster.quota_row),
    ("", "Secret"): ("Name:name Type Data Age", cluster.secret_row),
    ("", "Service"): (
        "Name:name Type Cluster-IP External-IP Port(s) Age *Selector",
        network.service_row,
    ),
    ("", "ServiceAccount"): _AGED,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): (
        "Name:name Scope Versions Created_At:date *Group *Kind *ShortNames *Established:boolean",
        cluster.definition_row,
    ),
    ("apps", "ControllerRevision"): (
        "Name:name Controller Revision Age",
        workloads.controller_revision_row,
    ),
    ("apps", "DaemonSet"): (
        f"{_DAEMONS} {_TEMPLATE}",
        workloads.daemon_set_row,
    ),
    ("apps", "Deployment"): (
        f"Name:name Ready Up-to-date Available Age {_TEMPLATE}",
        workloads.deployment_row,
    ),
    ("apps", "ReplicaSet"): (
        f"Name:name Desired:integer Current:integer Ready:integer Age {_TEMPLATE}",
        workloads.replica_set_row,
    ),
    ("apps", "StatefulSet"): (
        "Name:name Ready Age *Containers *Images",
        workloads.stateful_set_row,
    ),
    ("batch", "CronJob"): (
        f"Name:name Schedule Timezone Suspend:boolean Active:integer Last_Schedule Age {_TEMPLATE}",
        workloads.cron_job_row,
    ),
    ("batch", "Job"): (
        f"Name:name Status Completions Duration Age {_TEMPLATE}",
        workloads.job_row,
    ),
    ("coordination.k8s.io", "Lease"): ("Name:name Holder Age", cluster.lease_row),
    ("discovery.k8s.io", "EndpointSlice"): (
        "Name:name AddressType Ports Endpoints Age",
        network.endpoint_slice_row,
    ),
    ("events.k8s.io", "Event"): _EVENT,
    (_NETWORKING, "Ingress"): ("Name:name Class Hosts Address Ports Age", network.ingress_row),
    (_NETWORKING, "IngressClass"): (
        "Name:name Controller Parameters Age",
        network.ingress_class_row,
    ),
    (_NETWORKING, "NetworkPolicy"): ("Name:name Pod-Selector Age", network.network_policy_row),
    ("policy", "PodDisruptionBudget"): (
        "Name:name Min_Available Max_Unavailable Allowed_Disruptions:integer Age",
        workloads.disruption_budget_row,
    ),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"): (
        "Name:name Validations:integer ParamKind Age",
        cluster.admission_policy_row,
    ),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"): (
        "Name:name PolicyName ParamRef Age",
        cluster.admission_policy_binding_row,
    ),
    (_RBAC, "ClusterRoleBinding"): _BINDING,
    (_RBAC, "RoleBinding"): _BINDING,
    ("scheduling.k8s.io", "PriorityClass"): (
        "Name:name Value:integer Global-Default:boolean Age PreemptionPolicy",
        cluster.priority_class_row,
    ),
    ("storage.k8s.io", "StorageClass"): (
        "Name:name Provisioner ReclaimPolicy VolumeBindingMode AllowVolumeExpansion Age",
        cluster.storage_class_row,
    ),
}
"""Columns and rows by kind. `*` marks a column of the wide form, `_` stands for a space, and
what follows a colon is the column's type (`name`: a string of format name)."""


def to_table(resource: Resource, objects: Sequence[Json], now: datetime) -> Json:
    """The table of some objects of one kind.

    The caller adds each row's `object` and the list's metadata.
    """
    if resource.custom:
        columns = list(resource.columns) or [custom_columns.AGE]
        definitions = [_definition("Name:name"), *custom_columns.column_definitions(columns)]
        rows = [[o["metadata"]["name"], *custom_columns.cells(o, columns, now)] for o in objects]
    else:
        text, row = _TABLES.get((resource.group, resource.kind), _DATED)
        definitions = [_definition(column) for column in text.split()]
        rows = [row(obj, now) for obj in objects]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {},
        "columnDefinitions": definitions,
        "rows": [{"cells": cells} for cells in rows],
    }


def _definition(text: str) -> Json:
    name, _, kind = text.removeprefix("*").partition(":")
    return {
        "name": name.replace("_", " "),
        "type": "string" if kind in {"", "name"} else kind,
        "format": "name" if kind == "name" else "",
        "description": custom_columns.described("name") if kind == "name" else "",
        "priority": 1 if text.startswith("*") else 0,
    }
