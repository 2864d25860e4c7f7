"""Kinds of objects and where the API server serves them.

A `Kind` holds what a client must know to build a URL. The built-in kinds that controllers commonly
meet are constants here; a class declared with `mlctl_core.objects.resource` brings its own. There
is no discovery: a kind that is not known here is written down as a `Kind` by the one who uses it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "BUILT_IN",
    "CLUSTER_ROLE",
    "CLUSTER_ROLE_BINDING",
    "CONFIG_MAP",
    "CRD",
    "CRON_JOB",
    "DAEMON_SET",
    "DEPLOYMENT",
    "EVENT",
    "EVENT_V1",
    "JOB",
    "LEASE",
    "LIMIT_RANGE",
    "NAMESPACE",
    "NODE",
    "PERSISTENT_VOLUME",
    "PERSISTENT_VOLUME_CLAIM",
    "POD",
    "POD_DISRUPTION_BUDGET",
    "PRIORITY_CLASS",
    "REPLICA_SET",
    "RESOURCE_QUOTA",
    "ROLE",
    "ROLE_BINDING",
    "SECRET",
    "SERVICE",
    "SERVICE_ACCOUNT",
    "STATEFUL_SET",
    "STORAGE_CLASS",
    "Kind",
    "kind_of",
    "of_kind",
]

T = TypeVar("T")

# Set on a class by of_kind; read by kind_of.
_KIND_ATTRIBUTE = "__mlctl_kind__"


# The hash is kept because kinds are looked up in dictionaries for every event.
@attrs.frozen(cache_hash=True)
class Kind:
    """Group, version and kind of an object, with the plural that its URL is built from."""

    group: str
    """API group; empty for the core group (Pod, Node, ConfigMap)."""
    version: str
    """Version within the group, such as ``v1``."""
    name: str
    """What an object says in its ``kind`` field: ``Pod``."""
    plural: str
    """The resource name in URLs and RBAC rules: ``pods``."""
    namespaced: bool = True
    """Whether objects live in a namespace."""

    @property
    def api_version(self) -> str:
        """What an object says in its ``apiVersion`` field: ``apps/v1``, or ``v1`` for core."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def __str__(self) -> str:
        return f"{self.api_version}/{self.name}"

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path of the collection, or of one object when `name` is given.

        Without `namespace` the path of a namespaced kind spans all namespaces, which the server
        serves for list and watch only.

        Raises:
            ValueError: a namespace for a cluster-scoped kind, a namespaced object without one, or
                a subresource without an object.
        """
        if namespace and not self.namespaced:
            raise ValueError(f"{self} is cluster-scoped: no namespace {namespace!r} in its path")
        if name and self.namespaced and not namespace:
            raise ValueError(f"{self} {name!r} needs a namespace")
        if subresource and not name:
            raise ValueError(f"subresource {subresource!r} of {self} needs a name")
        parts = ["", "apis", self.group, self.version] if self.group else ["", "api", self.version]
        if namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        parts += [part for part in (name, subresource) if part]
        return "/".join(parts)


def of_kind(kind: Kind) -> Callable[[type[T]], type[T]]:
    """Class decorator: objects of the class are of `kind`, so `kind_of(cls)` gives it."""

    def mark(cls: type[T]) -> type[T]:
        setattr(cls, _KIND_ATTRIBUTE, kind)
        return cls

    return mark


def kind_of(thing: str | Kind | type) -> Kind:
    """The kind that `thing` stands for.

    `thing` is a `Kind`, a class with a kind of its own (declared by ``@resource``, or one of
    `mlctl_core.objects.core`), or the name of a built-in kind: ``"v1/Pod"``,
    ``"apps/v1/Deployment"``.

    Raises:
        LookupError: the name is not of a built-in kind, or the class has no kind; the message says
            which names are known.
    """
    if isinstance(thing, Kind):
        return thing
    if isinstance(thing, str):
        try:
            return BUILT_IN[thing]
        except KeyError:
            raise LookupError(
                f"{thing!r} is no built-in kind; pass a Kind or a class declared with @resource, "
                f"or one of: {', '.join(sorted(BUILT_IN))}"
            ) from None
    # Not inherited: a subclass of an API class is no API object of its own.
    kind: Kind | None = vars(thing).get(_KIND_ATTRIBUTE)
    if kind is None:
        raise LookupError(f"class {thing.__qualname__} has no kind: declare it with @resource")
    return kind


CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps")
EVENT_V1 = Kind("", "v1", "Event", "events")
LIMIT_RANGE = Kind("", "v1", "LimitRange", "limitranges")
NAMESPACE = Kind("", "v1", "Namespace", "namespaces", namespaced=False)
NODE = Kind("", "v1", "Node", "nodes", namespaced=False)
PERSISTENT_VOLUME = Kind("", "v1", "PersistentVolume", "persistentvolumes", namespaced=False)
PERSISTENT_VOLUME_CLAIM = Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")
POD = Kind("", "v1", "Pod", "pods")
RESOURCE_QUOTA = Kind("", "v1", "ResourceQuota", "resourcequotas")
SECRET = Kind("", "v1", "Secret", "secrets")
SERVICE = Kind("", "v1", "Service", "services")
SERVICE_ACCOUNT = Kind("", "v1", "ServiceAccount", "serviceaccounts")
DAEMON_SET = Kind("apps", "v1", "DaemonSet", "daemonsets")
DEPLOYMENT = Kind("apps", "v1", "Deployment", "deployments")
REPLICA_SET = Kind("apps", "v1", "ReplicaSet", "replicasets")
STATEFUL_SET = Kind("apps", "v1", "StatefulSet", "statefulsets")
CRON_JOB = Kind("batch", "v1", "CronJob", "cronjobs")
JOB = Kind("batch", "v1", "Job", "jobs")
LEASE = Kind("coordination.k8s.io", "v1", "Lease", "leases")
# The events that are written; EVENT_V1 is the older view of the same objects.
EVENT = Kind("events.k8s.io", "v1", "Event", "events")
POD_DISRUPTION_BUDGET = Kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets")
CLUSTER_ROLE = Kind(
    "rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", namespaced=False
)
CLUSTER_ROLE_BINDING = Kind(
    "rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False
)
ROLE = Kind("rbac.authorization.k8s.io", "v1", "Role", "roles")
ROLE_BINDING = Kind("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings")
PRIORITY_CLASS = Kind(
    "scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", namespaced=False
)
STORAGE_CLASS = Kind("storage.k8s.io", "v1", "StorageClass", "storageclasses", namespaced=False)
CRD = Kind(
    "apiextensions.k8s.io",
    "v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    namespaced=False,
)

BUILT_IN: dict[str, Kind] = {
    str(kind): kind for kind in tuple(globals().values()) if isinstance(kind, Kind)
}
"""Every constant of this module by its name, ``"apps/v1/Deployment"``."""
