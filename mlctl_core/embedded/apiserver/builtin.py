"""The built-in kinds that are served, and their schemas.

A subset of a real server's table: what controllers, kubectl and the job kinds built here
meet. Names, scopes, short names, categories and field selectors are those of
Kubernetes 1.37. Schemas are derived when first asked for.
"""

from __future__ import annotations

import functools
from typing import Final

from mlctl_core.embedded.apiserver.resources import VERBS, Resource, ScalePaths, Subresource
from mlctl_core.embedded.apiserver.schema_models import woven

_CREATE: Final = ("create",)
_REPLICAS: Final = ScalePaths(
    spec=("spec", "replicas"), status=("status", "replicas"), selector=("spec", "selector")
)


_MODELS: Final = {
    ("v1", "Event"): "CoreV1Event",
    ("events.k8s.io/v1", "Event"): "EventsV1Event",
}
"""Kinds whose name alone does not say which model is theirs."""


def model_of(api_version: str, kind: str) -> str:
    """The class of the kubernetes package that describes a built-in kind."""
    return _MODELS.get((api_version, kind), f"V1{kind}")


def _resource(
    api_version: str,
    kind: str,
    plural: str,
    *,
    short: str = "",
    categories: str = "",
    namespaced: bool = True,
    status: bool = False,
    scale: bool = False,
    generation: bool = False,
    verbs: tuple[str, ...] = VERBS,
    extra: tuple[Subresource, ...] = (),
    selectable: str = "",
    storage: tuple[str, str] = ("", ""),
) -> Resource:
    group, _, version = api_version.rpartition("/")
    below = {sub.name: sub for sub in extra}
    if scale:
        below["scale"] = Subresource("scale", "Scale", group="autoscaling", version="v1")
    if status:
        below["status"] = Subresource("status", kind)
    return Resource(
        group=group,
        version=version,
        kind=kind,
        plural=plural,
        singular=kind.lower(),
        namespaced=namespaced,
        short_names=tuple(short.split()),
        categories=tuple(categories.split()),
        verbs=verbs,
        subresources=below,
        storage=storage[0],
        storage_version=storage[1],
        schema=functools.partial(woven, model_of(api_version, kind)),
        selectable={
            label: tuple((path or label).split("."))
            for label, _, path in (one.partition("=") for one in selectable.split())
        },
        generation=generation,
        scale=_REPLICAS if scale else None,
    )


_POD: Final = _resource(
    "v1",
    "Pod",
    "pods",
    short="po",
    categories="all",
    status=True,
    generation=True,
    extra=(
        Subresource("binding", "Binding", _CREATE),
        Subresource("eviction", "Eviction", _CREATE, "policy", "v1"),
        Subresource("log", "Pod", ("get",)),
    ),
    selectable=(
        "spec.nodeName spec.restartPolicy spec.schedulerName spec.serviceAccountName"
        " spec.hostNetwork status.phase status.podIP status.nominatedNodeName"
    ),
)

_NAMESPACE: Final = _resource(
    "v1",
    "Namespace",
    "namespaces",
    short="ns",
    namespaced=False,
    status=True,
    verbs=tuple(verb for verb in VERBS if verb != "deletecollection"),
    extra=(Subresource("finalize", "Namespace", ("update",)),),
    selectable="status.phase",
)

_TOKEN: Final = Subresource("token", "TokenRequest", _CREATE, "authentication.k8s.io", "v1")

_EVENT: Final = _resource(
    "v1",
    "Event",
    "events",
    short="ev",
    selectable=(
        "involvedObject.kind involvedObject.namespace involvedObject.name involvedObject.uid"
        " involvedObject.apiVersion involvedObject.resourceVersion involvedObject.fieldPath"
        " reason reportingComponent source=source.component type"
    ),
)

_EVENTS_EVENT: Final = _resource(
    "events.k8s.io/v1",
    "Event",
    "events",
    short="ev",
    # Both groups show the same stored objects, under different field names.
    storage=("/events", "v1"),
    selectable=(
        "regarding.kind regarding.namespace regarding.name regarding.uid regarding.apiVersion"
        " regarding.resourceVersion regarding.fieldPath reason reportingController type"
    ),
)

_CORE: Final = (
    _resource("v1", "ConfigMap", "configmaps", short="cm"),
    _resource("v1", "Endpoints", "endpoints", short="ep"),
    _EVENT,
    _resource("v1", "LimitRange", "limitranges", short="limits"),
    _NAMESPACE,
    _resource(
        "v1",
        "Node",
        "nodes",
        short="no",
        namespaced=False,
        status=True,
        selectable="spec.unschedulable",
    ),
    _resource("v1", "PersistentVolumeClaim", "persistentvolumeclaims", short="pvc", status=True),
    _resource(
        "v1", "PersistentVolume", "persistentvolumes", short="pv", namespaced=False, status=True
    ),
    _POD,
    _resource("v1", "PodTemplate", "podtemplates", generation=True),
    _resource("v1", "ResourceQuota", "resourcequotas", short="quota", status=True),
    _resource("v1", "Secret", "secrets", selectable="type"),
    _resource("v1", "ServiceAccount", "serviceaccounts", short="sa", extra=(_TOKEN,)),
    _resource(
        "v1",
        "Service",
        "services",
        short="svc",
        categories="all",
        status=True,
        selectable="spec.clusterIP spec.type",
    ),
)

_workload = functools.partial(_resource, categories="all", status=True, generation=True)

_WORKLOADS: Final = (
    _resource("apps/v1", "ControllerRevision", "controllerrevisions"),
    _workload("apps/v1", "DaemonSet", "daemonsets", short="ds"),
    _workload("apps/v1", "Deployment", "deployments", short="deploy", scale=True),
    _workload("apps/v1", "ReplicaSet", "replicasets", short="rs", scale=True),
    _workload("apps/v1", "StatefulSet", "statefulsets", short="sts", scale=True),
    _workload("batch/v1", "CronJob", "cronjobs", short="cj"),
    _workload("batch/v1", "Job", "jobs", selectable="status.successful=status.succeeded"),
    _resource(
        "policy/v1",
        "PodDisruptionBudget",
        "poddisruptionbudgets",
        short="pdb",
        status=True,
        generation=True,
    ),
    _resource(
        "scheduling.k8s.io/v1",
        "PriorityClass",
        "priorityclasses",
        short="pc",
        namespaced=False,
        generation=True,
    ),
)

_RBAC: Final = "rbac.authorization.k8s.io/v1"
_NETWORKING: Final = "networking.k8s.io/v1"
_ADMISSION: Final = "admissionregistration.k8s.io/v1"

_CLUSTER: Final = (
    _resource("coordination.k8s.io/v1", "Lease", "leases"),
    _resource("discovery.k8s.io/v1", "EndpointSlice", "endpointslices", generation=True),
    _EVENTS_EVENT,
    _resource(_RBAC, "ClusterRoleBinding", "clusterrolebindings", namespaced=False),
    _resource(_RBAC, "ClusterRole", "clusterroles", namespaced=False),
    _resource(_RBAC, "RoleBinding", "rolebindings"),
    _resource(_RBAC, "Role", "roles"),
    _resource(_NETWORKING, "Ingress", "ingresses", short="ing", status=True, generation=True),
    _resource(_NETWORKING, "IngressClass", "ingressclasses", namespaced=False, generation=True),
    _resource(_NETWORKING, "NetworkPolicy", "networkpolicies", short="netpol", generation=True),
    _resource("storage.k8s.io/v1", "StorageClass", "storageclasses", short="sc", namespaced=False),
    _resource(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        short="crd crds",
        categories="api-extensions",
        namespaced=False,
        status=True,
        generation=True,
    ),
    # Kept and shown, so that a whole installation can be applied; nothing enforces them here.
    _resource(
        _ADMISSION,
        "ValidatingAdmissionPolicy",
        "validatingadmissionpolicies",
        categories="api-extensions",
        namespaced=False,
        status=True,
        generation=True,
    ),
    _resource(
        _ADMISSION,
        "ValidatingAdmissionPolicyBinding",
        "validatingadmissionpolicybindings",
        categories="api-extensions",
        namespaced=False,
        generation=True,
    ),
)

_question = functools.partial(_resource, namespaced=False, verbs=_CREATE)

_REVIEWS: Final = (
    _question("authentication.k8s.io/v1", "SelfSubjectReview", "selfsubjectreviews"),
    _question("authentication.k8s.io/v1", "TokenReview", "tokenreviews"),
    _question("authorization.k8s.io/v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews"),
    _question("authorization.k8s.io/v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews"),
    _question("authorization.k8s.io/v1", "SubjectAccessReview", "subjectaccessreviews"),
)


def builtin_resources() -> tuple[Resource, ...]:
    """Every built-in kind served, core group first."""
    return (*_CORE, *_WORKLOADS, *_CLUSTER, *_REVIEWS)
