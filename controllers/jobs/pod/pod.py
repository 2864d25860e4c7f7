"""The pod of one replica: what a data scientist's few lines become.

Promises a pod that the restricted Pod Security Standard admits, whose every name is
deterministic, in which user text is data (arguments, variables), never syntax, and which gets
what its size says, all its containers together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from controllers.jobs import names
from controllers.jobs.pod import containers, gpus
from controllers.jobs.pod.environment import WORK, environment
from controllers.jobs.pod.parts import Parts
from controllers.jobs.pod.services import has_service
from controllers.jobs.pod.shares import left
from controllers.jobs.resolve import resources_of
from mlctl_core.objects.codec import encode

if TYPE_CHECKING:
    from apis.v1alpha1.status import PinnedSize
    from controllers.jobs.job import Program, Replica
    from mlctl_core.objects.json import Json

_USER_ID = 1000
"""Not root, and the user that Jupyter's and many other images already know."""

POD_SECURITY: Json = {
    "runAsNonRoot": True,
    "runAsUser": _USER_ID,
    "runAsGroup": _USER_ID,
    "fsGroup": _USER_ID,
    "seccompProfile": {"type": "RuntimeDefault"},
}
CONTAINER_SECURITY: Json = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
}

_STEP_RESOURCES = ("cpu", "memory", "ephemeral-storage")
"""What a step before the program gets: no GPU, as a device plugin hands one to each container."""


def pod(replica: Replica) -> Json:
    """The pod that fills a replica's place."""
    job, kind, role = replica.job, replica.kind, replica.role
    pins = replica.material.pins
    size = pins.size_of(role)
    program = kind.program(replica)
    parts = _own(size) + replica.material.parts + program.parts
    labels = names.job_labels(kind.kind.name, job.metadata.name, job.metadata.annotations)
    metadata = {
        "name": replica.pod_name,
        "namespace": job.metadata.namespace,
        "labels": labels | names.replica_labels(role.name, replica.index, replica.attempt),
        # The loss of another result would lose nothing.
        "finalizers": [names.TRACKING_FINALIZER] if role.is_decisive(replica.index) else [],
    }
    spec = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": POD_SECURITY,
        "priorityClassName": job.spec.priority_class_name,
        "nodeSelector": dict(size.node_selector),
        "affinity": gpus.driver_affinity(pins.framework.driver_version, size.gpu),
        "tolerations": [encode(toleration) for toleration in size.tolerations],
        "initContainers": _steps(replica, size, parts),
        "containers": [_main(replica, size, program, parts)],
        "volumes": list(parts.volumes),
    }
    identity = replica.material.inputs.identity
    if identity and identity.spec.service_account_name:
        spec["serviceAccountName"] = identity.spec.service_account_name
    if program.service_account:
        spec["serviceAccountName"] = program.service_account
        spec["automountServiceAccountToken"] = True
    if has_service(replica.roles):
        # By these two its name within the service is known to DNS.
        spec["hostname"] = replica.pod_name
        spec["subdomain"] = names.prefix(kind.short_name, job.metadata.name)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _without_empty(metadata),
        "spec": _without_empty(spec),
    }


def _own(size: PinnedSize) -> Parts:
    """What every pod has: a place to work in and, where the size says so, shared memory."""
    work = Parts(
        volumes=[{"name": "work", "emptyDir": {}}], mounts=[{"name": "work", "mountPath": WORK}]
    )
    if size.shared_memory is None:
        return work
    memory = {"medium": "Memory", "sizeLimit": str(size.shared_memory)}
    return work + Parts(
        volumes=[{"name": "shared-memory", "emptyDir": memory}],
        mounts=[{"name": "shared-memory", "mountPath": "/dev/shm"}],  # noqa: S108
    )


def _main(replica: Replica, size: PinnedSize, program: Program, parts: Parts) -> Json:
    pins = replica.material.pins
    protocol = (*parts.env, *program.env)
    ports = [{"name": name, "containerPort": number} for name, number in program.ports]
    return _without_empty(
        {
            "name": containers.MAIN,
            "image": pins.image_of(replica.role),
            "command": list(program.command),
            "workingDir": WORK,
            "ports": ports,
            "env": environment(pins.framework, replica.job.spec, size.gpu, protocol),
            "resources": _resources(left(resources_of(size), parts.sidecars)),
            "securityContext": CONTAINER_SECURITY,
            "volumeMounts": list(parts.mounts),
        }
    )


def _steps(replica: Replica, size: PinnedSize, parts: Parts) -> list[Json]:
    """Sidecars and then steps, with what they leave to the platform filled in."""
    pins = replica.material.pins
    program = replica.kind.program(replica)
    amounts = left(resources_of(size), parts.sidecars)
    defaults: Json = {
        "image": pins.image_of(replica.role),
        "workingDir": WORK,
        "env": environment(pins.framework, replica.job.spec, None, (*parts.env, *program.env)),
        "resources": _resources({n: amounts[n] for n in _STEP_RESOURCES if n in amounts}),
        "securityContext": CONTAINER_SECURITY,
        "volumeMounts": list(parts.mounts),
    }
    sidecars = [{"restartPolicy": "Always", **sidecar} for sidecar in parts.sidecars]
    return [{**defaults, **step} for step in (*sidecars, *parts.init_containers)]


def _resources(amounts: dict[str, str]) -> Json:
    return {"requests": amounts, "limits": amounts}


def _without_empty(fields: Json) -> Json:
    return {name: value for name, value in fields.items() if value not in (None, [], {})}
