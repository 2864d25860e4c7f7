"""The controller of SparkJob: a Spark application, its driver made here and its executors by it.

No JVM runs for a submission: the driver's pod is made as ``spark-submit`` would make it, with an
account of its own that may make pods in the namespace. Executors belong to the driver's pod, so
that none outlives it; what Spark does about one that is lost is Spark's affair.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apis.v1alpha1.framework import Framework
from apis.v1alpha1.size import Size
from apis.v1alpha1.sparkjob import SparkJob
from controllers.jobs import names
from controllers.jobs.inputs import INPUT_WATCHES
from controllers.jobs.job import JobKind
from controllers.jobs.life import lifecycle
from controllers.jobs.life.release import gone
from controllers.jobs.pod import source
from controllers.spark import program
from controllers.spark.failures import explained
from controllers.spark.rbac import DRIVER_ROLE
from controllers.spark.roles import pod_name, roles
from mlctl_core.objects.core import Node
from mlctl_core.objects.keys import ObjectKey
from mlctl_core.objects.kinds import (
    CLUSTER_ROLE,
    CONFIG_MAP,
    POD,
    ROLE_BINDING,
    SERVICE,
    SERVICE_ACCOUNT,
    kind_of,
)
from mlctl_core.reconcile.own import Own
from mlctl_core.reconcile.planner import Watch, planner
from mlctl_core.reconcile.rights import Use

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controllers.jobs.facts import Wanted
    from controllers.jobs.material import Material
    from mlctl_core.objects.json import Json
    from mlctl_core.objects.metadata import Metadata
    from mlctl_core.reconcile.plan import Plan
    from mlctl_core.reconcile.view import View


def children(job: SparkJob, material: Material) -> list[Json]:
    """What a SparkJob has beside its driver."""
    return [*source.code(job, SPARK_JOB), *program.children(job, SPARK_JOB, material)]


def _pod_name(job: str, role: str, _index: int) -> str:
    return pod_name(names.prefix(program.SHORT_NAME, job), role)


SPARK_JOB = JobKind(
    kind=kind_of(SparkJob),
    short_name=program.SHORT_NAME,
    frameworks=frozenset(("Spark",)),
    roles=roles,
    program=program.program,
    children=children,
    refuse=program.refusal,
    explain=explained,
    identity=program.of_identity,
    links=program.links,
    pod_names=_pod_name,
)


def named_job(pod: Metadata) -> Iterator[ObjectKey]:
    """The job that a pod's labels name: a driver that has lost its owner, and any executor."""
    kind = pod.labels.get(names.KIND_LABEL)
    if kind == SPARK_JOB.kind.name and names.NAME_LABEL in pod.labels:
        yield ObjectKey(pod.namespace, pod.labels[names.NAME_LABEL])


def sizes(job: SparkJob) -> list[ObjectKey]:
    """Every size that the job names."""
    named = {job.spec.size, *(role.size for role in roles(job))}
    return [ObjectKey("", name) for name in sorted(named)]


_OURS = {names.MANAGED_BY_LABEL: names.MANAGER_NAME}


@planner(
    SparkJob,
    # Namespaces are full of objects of these kinds that are nobody's children.
    owns=[
        POD,
        SERVICE,
        Own(CONFIG_MAP, labels=_OURS),
        Own(SERVICE_ACCOUNT, labels=_OURS),
        Own(ROLE_BINDING, labels=_OURS),
    ],
    watches=[
        Watch(POD, map=named_job),
        *INPUT_WATCHES,
        Watch(kind_of(Framework), index=lambda job: [ObjectKey("", job.spec.framework)]),
        Watch(kind_of(Size), index=sizes),
        Node,
    ],
    uses=[
        Use(POD, "delete"),
        Use(POD, "get", subresource="log"),
        Use(SparkJob, "delete"),  # ttlSecondsAfterFinished
        # The one role that it may give away, without having its rights itself.
        Use(CLUSTER_ROLE, "bind", names=[DRIVER_ROLE]),
    ],
    gone=gone(kind_of(SparkJob)),
)
def plan(job: SparkJob, view: View) -> Plan:
    """What a SparkJob needs next."""
    return lifecycle.plan(job, SPARK_JOB, view)


def wanted(job: SparkJob, view: View) -> Wanted:
    """What `plan` will have to know that no cache holds."""
    return lifecycle.wanted(job, SPARK_JOB, view)
