"""The controller of PythonJob: a user's Python on one pod or, by torchrun, on several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apis.v1alpha1.framework import Framework
from apis.v1alpha1.pythonjob import PythonJob
from apis.v1alpha1.size import Size
from controllers.jobs import names
from controllers.jobs.inputs import INPUT_WATCHES
from controllers.jobs.job import JobKind
from controllers.jobs.life import lifecycle
from controllers.jobs.life.release import gone
from controllers.jobs.pod import services, source
from controllers.torch.program import program, refusal
from controllers.torch.roles import roles
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


def children(job: PythonJob, _material: Material) -> list[Json]:
    """What a PythonJob has beside its pods."""
    return [*source.code(job, PYTHON_JOB), *services.service(job, PYTHON_JOB)]


PYTHON_JOB = JobKind(
    kind=kind_of(PythonJob),
    short_name="pyjob",
    frameworks=frozenset(("Python", "PyTorch", "TensorFlow", "Jupyter")),
    roles=roles,
    program=program,
    refuse=refusal,
    children=children,
)


def named_job(pod: Metadata) -> Iterator[ObjectKey]:
    """The job that a pod's labels name: it is found also when the pod has lost its owner."""
    if pod.labels.get(names.KIND_LABEL) == PYTHON_JOB.kind.name and names.NAME_LABEL in pod.labels:
        yield ObjectKey(pod.namespace, pod.labels[names.NAME_LABEL])


@planner(
    PythonJob,
    # Namespaces are full of ConfigMaps that are nobody's code.
    owns=[POD, SERVICE, Own(CONFIG_MAP, labels={names.MANAGED_BY_LABEL: names.MANAGER_NAME})],
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
        Use(PythonJob, "delete"),  # ttlSecondsAfterFinished
    ],
    gone=gone(kind_of(PythonJob)),
)
def plan(job: PythonJob, view: View) -> Plan:
    """What a PythonJob needs next."""
    return lifecycle.plan(job, PYTHON_JOB, view)


def wanted(job: PythonJob, view: View) -> Wanted:
    """What `plan` will have to know that no cache holds."""
    return lifecycle.wanted(job, PYTHON_JOB, view)
