"""Defaults of the kinds that make pods, and of services, claims and namespaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlctl_core.embedded.apiserver.pod_defaults import default_pod_template, times_of_conditions

if TYPE_CHECKING:
    from mlctl_core.objects.json import Json

_QUARTER: Final = "25%"
_PROGRESS_SECONDS: Final = 600
_REVISIONS: Final = 10
_JOB_BACKOFF: Final = 6
_UNLIMITED: Final = 2**31 - 1
_AFFINITY_SECONDS: Final = 10800
_NAME_LABEL: Final = "kubernetes.io/metadata.name"


def _spec(obj: Json) -> Json:
    spec: Json = obj.setdefault("spec", {})
    return spec


def default_deployment(obj: Json) -> None:
    """One replica, rolled out a quarter at a time."""
    spec = _spec(obj)
    default_pod_template(spec.setdefault("template", {}))
    spec.setdefault("replicas", 1)
    strategy = spec.setdefault("strategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", _QUARTER)
        rolling.setdefault("maxSurge", _QUARTER)
    spec.setdefault("revisionHistoryLimit", _REVISIONS)
    spec.setdefault("progressDeadlineSeconds", _PROGRESS_SECONDS)
    status = obj.setdefault("status", {})
    times_of_conditions(status, "lastUpdateTime", "lastTransitionTime")


def default_replica_set(obj: Json) -> None:
    """One replica."""
    spec = _spec(obj)
    spec.setdefault("replicas", 1)
    default_pod_template(spec.setdefault("template", {}))
    obj.setdefault("status", {"replicas": 0})


def default_stateful_set(obj: Json) -> None:
    """One replica, in order, claims kept."""
    spec = _spec(obj)
    default_pod_template(spec.setdefault("template", {}))
    spec.setdefault("podManagementPolicy", "OrderedReady")
    update = spec.setdefault("updateStrategy", {})
    update.setdefault("type", "RollingUpdate")
    if update["type"] == "RollingUpdate":
        update.setdefault("rollingUpdate", {}).setdefault("partition", 0)
    retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    retention.setdefault("whenDeleted", "Retain")
    retention.setdefault("whenScaled", "Retain")
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", _REVISIONS)
    for claim in spec.get("volumeClaimTemplates") or ():
        claim.setdefault("apiVersion", "v1")
        claim.setdefault("kind", "PersistentVolumeClaim")
        default_claim(claim)
    obj.setdefault("status", {"availableReplicas": 0, "replicas": 0})


def default_daemon_set(obj: Json) -> None:
    """One pod unavailable at a time while rolling."""
    spec = _spec(obj)
    default_pod_template(spec.setdefault("template", {}))
    update = spec.setdefault("updateStrategy", {})
    update.setdefault("type", "RollingUpdate")
    if update["type"] == "RollingUpdate":
        rolling = update.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)
    spec.setdefault("revisionHistoryLimit", _REVISIONS)


def default_job(obj: Json) -> None:
    """One completion, six retries; selector and labels are added by `complete_job`."""
    _default_job_spec(_spec(obj))
    obj.setdefault("status", {})


def _default_job_spec(spec: Json) -> None:
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    limit = _UNLIMITED if "backoffLimitPerIndex" in spec else _JOB_BACKOFF
    spec.setdefault("backoffLimit", limit)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("manualSelector", False)
    policy = "Failed" if "podFailurePolicy" in spec else "TerminatingOrFailed"
    spec.setdefault("podReplacementPolicy", policy)
    default_pod_template(spec.setdefault("template", {}))


def default_cron_job(obj: Json) -> None:
    """Runs may overlap, three successes and one failure are kept."""
    spec = _spec(obj)
    spec.setdefault("concurrencyPolicy", "Allow")
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)
    template = spec.setdefault("jobTemplate", {})
    template.setdefault("metadata", {})
    inner = template.setdefault("spec", {})
    default_pod_template(inner.setdefault("template", {}))
    obj.setdefault("status", {})


def default_service(obj: Json) -> None:
    """A cluster IP for TCP ports that lead to the same port of the pods."""
    spec = _spec(obj)
    spec.setdefault("sessionAffinity", "None")
    kind = spec.setdefault("type", "ClusterIP")
    if spec["sessionAffinity"] == "ClientIP":
        config = spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {})
        config.setdefault("timeoutSeconds", _AFFINITY_SECONDS)
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        if port.get("targetPort") in {None, 0, ""}:
            port["targetPort"] = port.get("port")
    if kind in {"NodePort", "LoadBalancer"}:
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if kind == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
    if kind != "ExternalName":
        spec.setdefault("internalTrafficPolicy", "Cluster")
    obj.setdefault("status", {"loadBalancer": {}})


def default_claim(obj: Json) -> None:
    """A file system, pending until it is bound."""
    _spec(obj).setdefault("volumeMode", "Filesystem")
    status = obj.setdefault("status", {})
    status.setdefault("phase", "Pending")


def default_volume(obj: Json) -> None:
    """A file system that is kept."""
    spec = _spec(obj)
    spec.setdefault("persistentVolumeReclaimPolicy", "Retain")
    spec.setdefault("volumeMode", "Filesystem")
    obj.setdefault("status", {}).setdefault("phase", "Pending")


def default_lease(obj: Json) -> None:
    """A spec, be it empty, without what coordinated leader election alone would read."""
    spec = _spec(obj)
    for field in ("strategy", "preferredHolder"):
        spec.pop(field, None)


def default_namespace(obj: Json) -> None:
    """Active, labelled with its name."""
    obj.setdefault("status", {}).setdefault("phase", "Active")
    metadata = obj.setdefault("metadata", {})
    if metadata.get("name"):
        labels = metadata.setdefault("labels", {})
        labels[_NAME_LABEL] = metadata["name"]


def default_node(obj: Json) -> None:
    """What there is can be allocated."""
    _spec(obj)
    status = obj.setdefault("status", {})
    if "capacity" in status:
        allocatable = status.setdefault("allocatable", {})
        for name, value in status["capacity"].items():
            allocatable.setdefault(name, value)


def default_priority_class(obj: Json) -> None:
    """Lower priorities are preempted."""
    obj.setdefault("preemptionPolicy", "PreemptLowerPriority")


def default_role_binding(obj: Json) -> None:
    """Groups of the API that roles and subjects belong to."""
    rbac = "rbac.authorization.k8s.io"
    if obj.get("roleRef") is not None:
        obj["roleRef"].setdefault("apiGroup", rbac)
    for subject in obj.get("subjects") or ():
        if not subject.get("apiGroup") and subject.get("kind") in {"User", "Group"}:
            subject["apiGroup"] = rbac
