"""What a job needs of its namespace: an identity, datasets, and code from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from apis.v1alpha1.dataset import Dataset
from apis.v1alpha1.identity import Identity
from controllers.jobs import names
from controllers.jobs.job import Refusal
from controllers.jobs.pod.dataset_parts import Named, dataset_parts, find_datasets
from controllers.jobs.pod.identity_parts import find_identity, identity_parts, mount_paths
from controllers.jobs.pod.parts import Parts
from controllers.jobs.pod.source_parts import source_parts
from controllers.jobs.pod.tools import Tools, config_map, tools_of
from mlctl_core.objects.keys import ObjectKey
from mlctl_core.objects.kinds import kind_of
from mlctl_core.reconcile.planner import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from apis.v1alpha1.framework import FrameworkType
    from controllers.jobs.job import Job, JobKind
    from mlctl_core.objects.json import Json
    from mlctl_core.reconcile.view import View


@attrs.frozen(kw_only=True)
class Inputs:
    """What was found of it."""

    identity: Identity | None = None
    datasets: tuple[Named, ...] = ()
    tools: Tools = attrs.field(factory=Tools)
    """What its steps are made with."""


def _identities(job: Any) -> Iterator[ObjectKey]:
    if job.spec.identity:
        yield ObjectKey(job.metadata.namespace, job.spec.identity)


def _datasets(job: Any) -> Iterator[ObjectKey]:
    for reference in job.spec.datasets:
        yield ObjectKey(job.metadata.namespace, reference.name)


INPUT_WATCHES = (
    Watch(kind_of(Identity), index=_identities),
    Watch(kind_of(Dataset), index=_datasets),
)
"""What a planner of jobs watches so that a job that waits for its inputs starts by itself."""


def find_inputs(job: Job, kind: JobKind, framework: FrameworkType, view: View) -> Inputs | Refusal:
    """What a job names, or why it is not to be had now."""
    identity = find_identity(job, view)
    if isinstance(identity, Refusal):
        return identity
    datasets = find_datasets(job, view)
    if isinstance(datasets, Refusal):
        return datasets
    tools = tools_of(framework, names.prefix(kind.short_name, job.metadata.name))
    return _clash(identity, datasets) or Inputs(identity=identity, datasets=datasets, tools=tools)


def input_parts(
    job: Job,
    inputs: Inputs,
    of_identity: Callable[[Identity, Tools], Parts] = identity_parts,
) -> Parts:
    """What the inputs bring into each pod of the job.

    ``of_identity`` is for a kind whose programs log in by themselves.
    """
    identity = of_identity(inputs.identity, inputs.tools) if inputs.identity else Parts()
    source = source_parts(job, identity, inputs.tools)
    parts = identity + source + dataset_parts(inputs.datasets, identity, inputs.tools)
    return parts + inputs.tools.parts if _has_steps(job, parts) else parts


def input_children(job: Job, kind: JobKind, inputs: Inputs, parts: Parts) -> list[Json]:
    """The ConfigMap with what steps run, as a list to apply: empty where nothing needs it."""
    if not inputs.tools.are_java or not _has_steps(job, parts):
        return []
    metadata = job.metadata
    labels = names.job_labels(kind.kind.name, metadata.name, metadata.annotations)
    return [config_map(inputs.tools, metadata.namespace, labels)]


def _has_steps(job: Job, parts: Parts) -> bool:
    return bool(parts.init_containers or parts.sidecars or job.spec.dependencies)


def _clash(identity: Identity | None, datasets: tuple[Named, ...]) -> Refusal | None:
    """Two things in one directory: the server would refuse the pod, and say less."""
    taken = mount_paths(identity.spec) if identity else ()
    for named in datasets:
        if named.dataset.mode != "Reference" and named.directory in taken:
            message = (
                f"spec.datasets: {named.dataset.name} is at {named.directory}, as is a part of "
                "spec.identity: change mountPath of one."
            )
            return Refusal("DatasetUnsuitable", message)
    return None
