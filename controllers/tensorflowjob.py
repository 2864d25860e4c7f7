"""The controller of TensorFlowJob: a TensorFlow program on one pod, or on a cluster of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apis.v1alpha1.framework import Framework
from apis.v1alpha1.size import Size
from apis.v1alpha1.tensorflowjob import TensorFlowJob
from controllers.jobs import names
from controllers.jobs.inputs import INPUT_WATCHES
from controllers.jobs.job import JobKind
from controllers.jobs.life import lifecycle
from controllers.jobs.life.release import gone
from controllers.jobs.pod import services, source
from controllers.tensorflow.program import program
from controllers.tensorflow.roles import roles
from mlctl_core.objects.core import Node
from mlctl_core.objects.keys import ObjectKey
from mlctl_core.objects.kinds import CONFIG_MAP, POD, SERVICE, kind_of
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


def children(job: TensorFlowJob, _material: Material) -> list[Json]:
    """What a TensorFlowJob has beside its pods."""
    return [*source.code(job, TENSORFLOW_JOB), *services.service(job, TENSORFLOW_JOB)]


TENSORFLOW_JOB = JobKind(
    kind=kind_of(TensorFlowJob),
    short_name="tfjob",
    frameworks=frozenset(("TensorFlow",)),
    roles=roles,
    program=program,
    children=children,
)


def named_job(pod: Metadata) -> Iterator[ObjectKey]:
    """The job that a pod's labels name: it is found also when the pod has lost its owner."""
    kind = pod.labels.get(names.KIND_LABEL)
    if kind == TENSORFLOW_JOB.kind.name and names.NAME_LABEL in pod.labels:
        yield ObjectKey(pod.namespace, pod.labels[names.NAME_LABEL])


def sizes(job: TensorFlowJob) -> list[ObjectKey]:
    """Every size that the job names."""
    named = {job.spec.size, *(role.size for role in roles(job))}
    return [ObjectKey("", name) for name in sorted(named)]


@planner(
    TensorFlowJob,
    # Namespaces are full of ConfigMaps that are nobody's code.
    owns=[POD, SERVICE, Own(CONFIG_MAP, labels={names.MANAGED_BY_LABEL: names.MANAGER_NAME})],
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
        Use(TensorFlowJob, "delete"),  # ttlSecondsAfterFinished
    ],
    gone=gone(kind_of(TensorFlowJob)),
)
def plan(job: TensorFlowJob, view: View) -> Plan:
    """What a TensorFlowJob needs next."""
    return lifecycle.plan(job, TENSORFLOW_JOB, view)


def wanted(job: TensorFlowJob, view: View) -> Wanted:
    """What `plan` will have to know that no cache holds."""
    return lifecycle.wanted(job, TENSORFLOW_JOB, view)
