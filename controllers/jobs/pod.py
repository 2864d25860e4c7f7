"""The pod of one replica: what a data scientist's few lines become.

Promises a pod that the restricted Pod Security Standard admits, whose every name is
deterministic, and in which user text is data (arguments, variables), never syntax.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from controllers.jobs import containers, entrypoint, names, source
from controllers.jobs.environment import CODE, DEPENDENCIES, WORK, environment
from controllers.jobs.job import ROLE
from controllers.jobs.resolve import resources_of
from mlctl_core.objects.codec import encode

if TYPE_CHECKING:
    from apis.v1alpha1.status import PinnedSize
    from controllers.jobs.job import Job, JobKind
    from controllers.jobs.resolve import Pins
    from mlctl_core.objects.json import Json

_USER_ID = 1000
"""Not root, and the user that Jupyter's and many other images already know."""

_POD_SECURITY: Json = {
    "runAsNonRoot": True,
    "runAsUser": _USER_ID,
    "runAsGroup": _USER_ID,
    "fsGroup": _USER_ID,
    "seccompProfile": {"type": "RuntimeDefault"},
}
_CONTAINER_SECURITY: Json = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
}

_PIP_INSTALL = (
    *("python", "-m", "pip", "install", "--no-input", "--disable-pip-version-check"),
    *("--target", DEPENDENCIES),
    # Whatever follows is a requirement, even if it begins like an option.
    "--",
)

_INIT_RESOURCES = ("cpu", "memory", "ephemeral-storage")
"""What the dependency step gets: no GPU, since a device plugin hands one to each container."""


def pod(job: Job, kind: JobKind, pins: Pins, index: int, attempt: int) -> Json:
    """The pod of replica ``index`` in its ``attempt``."""
    metadata = job.metadata
    labels = names.job_labels(kind.kind.name, metadata.name, metadata.annotations)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": names.pod_name(kind.short_name, metadata.name, ROLE, index),
            "namespace": metadata.namespace,
            "labels": labels | names.replica_labels(ROLE, index, attempt),
            "finalizers": [names.TRACKING_FINALIZER],
        },
        "spec": _without_empty(
            {
                "restartPolicy": "Never",
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
                "securityContext": _POD_SECURITY,
                "priorityClassName": job.spec.priority_class_name,
                "nodeSelector": dict(pins.size.node_selector),
                "tolerations": [encode(toleration) for toleration in pins.size.tolerations],
                "initContainers": _dependency_step(job, pins),
                "containers": [_main(job, pins)],
                "volumes": _volumes(job, kind, pins.size),
            }
        ),
    }


def _main(job: Job, pins: Pins) -> Json:
    interpreter = pins.framework.command or entrypoint.DEFAULT_INTERPRETER
    return {
        "name": containers.MAIN,
        "image": pins.framework.image,
        "command": entrypoint.command(job.spec.entrypoint, job.spec.args, interpreter),
        "workingDir": WORK,
        "env": environment(pins.framework, job.spec),
        "resources": _resources(resources_of(pins.size)),
        "securityContext": _CONTAINER_SECURITY,
        "volumeMounts": _mounts(job, pins.size),
    }


def _dependency_step(job: Job, pins: Pins) -> list[Json]:
    """The init container that installs the job's dependencies, so that its failure is its own."""
    if not job.spec.dependencies:
        return []
    amounts = resources_of(pins.size)
    return [
        {
            "name": containers.DEPENDENCIES,
            "image": pins.framework.image,
            "command": [*_PIP_INSTALL, *map(_literal, job.spec.dependencies)],
            "workingDir": WORK,
            "env": environment(pins.framework, job.spec),
            "resources": _resources(
                {name: amounts[name] for name in _INIT_RESOURCES if name in amounts}
            ),
            "securityContext": _CONTAINER_SECURITY,
            "volumeMounts": [
                {"name": "work", "mountPath": WORK},
                {"name": "dependencies", "mountPath": DEPENDENCIES},
            ],
        }
    ]


def _literal(text: str) -> str:
    """``text`` as a kubelet will pass it on unchanged: ``$(NAME)`` in a command is a variable."""
    return text.replace("$", "$$")


def _resources(amounts: dict[str, str]) -> Json:
    return {"requests": amounts, "limits": amounts}


def _volumes(job: Job, kind: JobKind, size: PinnedSize) -> list[Json]:
    volumes: list[Json] = [{"name": "work", "emptyDir": {}}]
    if config_map := source.config_map_name(job, kind):
        volumes.append({"name": "code", "configMap": {"name": config_map}})
    if job.spec.dependencies:
        volumes.append({"name": "dependencies", "emptyDir": {}})
    if size.shared_memory is not None:
        limit = str(size.shared_memory)
        memory = {"medium": "Memory", "sizeLimit": limit}
        volumes.append({"name": "shared-memory", "emptyDir": memory})
    return volumes


def _mounts(job: Job, size: PinnedSize) -> list[Json]:
    mounts: list[Json] = [{"name": "work", "mountPath": WORK}]
    if job.spec.source:
        mounts.append({"name": "code", "mountPath": CODE, "readOnly": True})
    if job.spec.dependencies:
        mounts.append({"name": "dependencies", "mountPath": DEPENDENCIES, "readOnly": True})
    if size.shared_memory is not None:
        mounts.append({"name": "shared-memory", "mountPath": "/dev/shm"})  # noqa: S108
    return mounts


def _without_empty(fields: Json) -> Json:
    return {name: value for name, value in fields.items() if value not in (None, [], {})}
