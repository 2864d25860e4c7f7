"""The controller of PythonJob: one pod that runs a user's Python, as any batch job lives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apis.v1alpha1.framework import Framework
from apis.v1alpha1.pythonjob import PythonJob
from apis.v1alpha1.size import Size
from controllers.jobs import lifecycle, names
from controllers.jobs.job import JobKind
from controllers.jobs.release import gone
from mlctl_core.objects.core import Node
from mlctl_core.objects.keys import ObjectKey
from mlctl_core.objects.kinds import CONFIG_MAP, POD, kind_of
from mlctl_core.reconcile.own import Own
from mlctl_core.reconcile.planner import Watch, planner
from mlctl_core.reconcile.rights import Use

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controllers.jobs.facts import Wanted
    from mlctl_core.objects.metadata import Metadata
    from mlctl_core.reconcile.plan import Plan
    from mlctl_core.reconcile.view import View

PYTHON_JOB = JobKind(
    kind=kind_of(PythonJob),
    short_name="pyjob",
    frameworks=frozenset(("Python", "PyTorch", "TensorFlow", "Jupyter")),
)


def named_job(pod: Metadata) -> Iterator[ObjectKey]:
    """The job that a pod's labels name: it is found also when the pod has lost its owner."""
    if pod.labels.get(names.KIND_LABEL) == PYTHON_JOB.kind.name and names.NAME_LABEL in pod.labels:
        yield ObjectKey(pod.namespace, pod.labels[names.NAME_LABEL])


@planner(
    PythonJob,
    # Namespaces are full of ConfigMaps that are nobody's code.
    owns=[POD, Own(CONFIG_MAP, labels={names.MANAGED_BY_LABEL: names.MANAGER_NAME})],
    watches=[
        Watch(POD, map=named_job),
        Watch(kind_of(Framework), index=lambda job: [ObjectKey("", job.spec.framework)]),
        Watch(kind_of(Size), index=lambda job: [ObjectKey("", job.spec.size)]),
        Node,
    ],
    uses=[
        Use(POD, "delete"),
        Use(POD, "get", subresource="log"),
        Use(PythonJob, "delete"),  # ttlSecondsAfterFinished
    ],
    gone=gone,
)
def plan(job: PythonJob, view: View) -> Plan:
    """What a PythonJob needs next."""
    return lifecycle.plan(job, PYTHON_JOB, view)


def wanted(job: PythonJob, view: View) -> Wanted:
    """What `plan` will have to know that no cache holds."""
    return lifecycle.wanted(job, PYTHON_JOB, view)
