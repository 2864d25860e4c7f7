"""The controller of JVMJob: one pod that runs a user's Java, as any batch job lives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apis.v1alpha1.framework import Framework
from apis.v1alpha1.jvmjob import JVMJob
from apis.v1alpha1.size import Size
from controllers.jobs import names
from controllers.jobs.inputs import INPUT_WATCHES
from controllers.jobs.job import JobKind
from controllers.jobs.life import lifecycle
from controllers.jobs.life.release import gone
from controllers.jobs.pod import source
from controllers.jvm import program
from controllers.jvm.failures import explained
from mlctl_core.objects.core import Node
from mlctl_core.objects.keys import ObjectKey
from mlctl_core.objects.kinds import CONFIG_MAP, POD, kind_of
from mlctl_core.reconcile.own import Own
from mlctl_core.reconcile.planner import Watch, planner
from mlctl_core.reconcile.rights import Use

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controllers.jobs.facts import Wanted
    from controllers.jobs.job import Program, Replica
    from controllers.jobs.material import Material
    from mlctl_core.objects.json import Json
    from mlctl_core.objects.metadata import Metadata
    from mlctl_core.reconcile.plan import Plan
    from mlctl_core.reconcile.view import View


def runs(replica: Replica) -> Program:
    """What the pod of a JVMJob runs."""
    job = replica.job
    assert isinstance(job, JVMJob), "this kind plans for no other"
    return program.program(job, replica.material)


def children(job: JVMJob, _material: Material) -> list[Json]:
    """What a JVMJob has beside its pod."""
    return source.code(job, JVM_JOB)


JVM_JOB = JobKind(
    kind=kind_of(JVMJob),
    short_name="jvmjob",
    frameworks=frozenset(("JVM",)),
    program=runs,
    children=children,
    explain=explained,
)


def named_job(pod: Metadata) -> Iterator[ObjectKey]:
    """The job that a pod's labels name: it is found also when the pod has lost its owner."""
    if pod.labels.get(names.KIND_LABEL) == JVM_JOB.kind.name and names.NAME_LABEL in pod.labels:
        yield ObjectKey(pod.namespace, pod.labels[names.NAME_LABEL])


@planner(
    JVMJob,
    # Namespaces are full of ConfigMaps that are nobody's code.
    owns=[POD, Own(CONFIG_MAP, labels={names.MANAGED_BY_LABEL: names.MANAGER_NAME})],
    watches=[
        Watch(POD, map=named_job),
        *INPUT_WATCHES,
        Watch(kind_of(Framework), index=lambda job: [ObjectKey("", job.spec.framework)]),
        Watch(kind_of(Size), index=lambda job: [ObjectKey("", job.spec.size)]),
        Node,
    ],
    uses=[
        Use(POD, "delete"),
        Use(POD, "get", subresource="log"),
        Use(JVMJob, "delete"),  # ttlSecondsAfterFinished
    ],
    gone=gone(kind_of(JVMJob)),
)
def plan(job: JVMJob, view: View) -> Plan:
    """What a JVMJob needs next."""
    return lifecycle.plan(job, JVM_JOB, view)


def wanted(job: JVMJob, view: View) -> Wanted:
    """What `plan` will have to know that no cache holds."""
    return lifecycle.wanted(job, JVM_JOB, view)
