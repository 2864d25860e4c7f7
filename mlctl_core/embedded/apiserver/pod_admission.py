"""What happens to a new pod: service account, tolerations, priority, first status.

As the admission plug-ins ServiceAccount, DefaultTolerationSeconds and Priority of
kube-apiserver do it, and its strategy for pods. The token volume is added as well, since
programs in pods look for its path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlctl_core.embedded.apiserver.errors import forbidden

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.cluster import Cluster
    from mlctl_core.embedded.apiserver.errors import StatusError
    from mlctl_core.objects.json import Json

SERVICE_ACCOUNTS = "/serviceaccounts"
PRIORITY_CLASSES = "scheduling.k8s.io/priorityclasses"
TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 (a path)

NODE_TROUBLE_SECONDS = 300
"""How long a pod stays on a node that is not ready or cannot be reached, unless it says."""

_TROUBLES = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")

_TOKEN_SECONDS = 3607
"""Lifetime upstream asks for; the odd seconds tell its tokens from others."""

_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_SUFFIX_LENGTH = 5
_FILE_MODE = 0o644
_COMPUTE = ("cpu", "memory")


def admit_pod(cluster: Cluster, pod: Json) -> None:
    """Complete a new pod in place.

    Raises:
        StatusError: 403, it names a service account or a priority class that is not there.
    """
    spec = pod.setdefault("spec", {})
    _set_service_account(cluster, pod, spec)
    _tolerate_node_trouble(spec)
    _set_priority(cluster, pod, spec)
    status = pod.setdefault("status", {})
    status["phase"] = "Pending"
    status["qosClass"] = _quality(spec)
    if spec.get("schedulingGates"):
        status["conditions"] = [
            {
                "type": "PodScheduled",
                "status": "False",
                "lastProbeTime": None,
                "lastTransitionTime": cluster.now(),
                "reason": "SchedulingGated",
                "message": "Scheduling is blocked due to non-empty scheduling gates",
            }
        ]


def admit_pod_update(pod: Json, old: Json, subresource: str) -> None:
    """Complete a changed pod in place."""
    if not subresource:
        _tolerate_node_trouble(pod.setdefault("spec", {}))
    quality = (old.get("status") or {}).get("qosClass")
    if quality:
        pod.setdefault("status", {})["qosClass"] = quality


def _quality(spec: Json) -> str:
    """Work out the quality of service class from CPU and memory of all containers."""
    containers = [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
    resources = [container.get("resources") or {} for container in containers]
    asked = [(one.get("requests") or {}, one.get("limits") or {}) for one in resources]
    if not any(name in amounts for pair in asked for amounts in pair for name in _COMPUTE):
        return "BestEffort"
    guaranteed = all(
        name in limits and requests.get(name, limits[name]) == limits[name]
        for requests, limits in asked
        for name in _COMPUTE
    )
    return "Guaranteed" if guaranteed else "Burstable"


def _refused(pod: Json, why: str) -> StatusError:
    return forbidden("", "pods", pod["metadata"].get("name", ""), why)


def _set_service_account(cluster: Cluster, pod: Json, spec: Json) -> None:
    name = spec.get("serviceAccountName") or spec.get("serviceAccount") or "default"
    namespace = pod["metadata"]["namespace"]
    record = cluster.store.collection(SERVICE_ACCOUNTS).get(namespace, name)
    if record is None:
        missing = f'serviceaccount "{name}" not found'
        raise _refused(pod, f"error looking up service account {namespace}/{name}: {missing}")
    spec["serviceAccountName"] = spec["serviceAccount"] = name
    account = record.to_json()
    if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
        spec["imagePullSecrets"] = account["imagePullSecrets"]
    mounts = spec.get("automountServiceAccountToken")
    if mounts is None:
        mounts = account.get("automountServiceAccountToken", True)
    if mounts:
        _mount_token(cluster, spec)


def _mount_token(cluster: Cluster, spec: Json) -> None:
    containers = [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
    without = [
        container
        for container in containers
        if isinstance(container, dict)
        and all(mount.get("mountPath") != TOKEN_PATH for mount in container.get("volumeMounts", []))
    ]
    if not without:
        return
    suffix = "".join(cluster.random.choices(_SUFFIX_LETTERS, k=_SUFFIX_LENGTH))
    name = f"kube-api-access-{suffix}"
    for container in without:
        mount = {"name": name, "readOnly": True, "mountPath": TOKEN_PATH}
        container.setdefault("volumeMounts", []).append(mount)
    sources: list[Json] = [
        {"serviceAccountToken": {"expirationSeconds": _TOKEN_SECONDS, "path": "token"}},
        {
            "configMap": {
                "name": "kube-root-ca.crt",
                "items": [{"key": "ca.crt", "path": "ca.crt"}],
            }
        },
        {
            "downwardAPI": {
                "items": [
                    {
                        "path": "namespace",
                        "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"},
                    }
                ]
            }
        },
    ]
    volume = {"name": name, "projected": {"sources": sources, "defaultMode": _FILE_MODE}}
    spec.setdefault("volumes", []).append(volume)


def _tolerate_node_trouble(spec: Json) -> None:
    tolerations = spec.get("tolerations") or []
    for trouble in _TROUBLES:
        if any(_tolerates(toleration, trouble) for toleration in tolerations):
            continue
        tolerations.append(
            {
                "key": trouble,
                "operator": "Exists",
                "effect": "NoExecute",
                "tolerationSeconds": NODE_TROUBLE_SECONDS,
            }
        )
    spec["tolerations"] = tolerations


def _tolerates(toleration: Json, taint: str) -> bool:
    key_fits = toleration.get("key") in {None, "", taint}
    return key_fits and toleration.get("effect") in {None, "", "NoExecute"}


def _set_priority(cluster: Cluster, pod: Json, spec: Json) -> None:
    name = spec.get("priorityClassName")
    classes = cluster.store.collection(PRIORITY_CLASSES)
    if name:
        record = classes.get("", name)
        if record is None:
            raise _refused(pod, f"no PriorityClass with name {name} was found")
        chosen: Json = record.to_json()
    else:
        chosen = _default_class([record.to_json() for record in classes.records()])
        if chosen:
            spec["priorityClassName"] = chosen["metadata"]["name"]
    priority = chosen.get("value", 0)
    if spec.get("priority") not in {None, priority}:
        given = spec["priority"]
        raise _refused(
            pod,
            f"the integer value of priority ({given}) must not be provided in pod spec; "
            f"priority admission controller computed {priority} from the given PriorityClass name",
        )
    spec["priority"] = priority
    spec.setdefault("preemptionPolicy", chosen.get("preemptionPolicy", "PreemptLowerPriority"))


def _default_class(classes: list[Json]) -> Json:
    """The global default of the least value, as upstream picks among several; else none."""
    defaults = [one for one in classes if one.get("globalDefault")]
    return min(defaults, key=lambda one: int(one.get("value", 0)), default={})
