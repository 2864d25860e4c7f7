"""What a job's result is made from: what is known before it begins, and what its steps find."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from apis.v1alpha1.status import Lineage
from controllers.jobs.pod import dataset_parts, steps
from controllers.jobs.pod.source_parts import COMMIT
from controllers.jobs.resolve import lineage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apis.v1alpha1.status import JobStatus
    from controllers.jobs.job import Job
    from controllers.jobs.material import Material
    from mlctl_core.objects.core import Pod


def known(job: Job, material: Material) -> Lineage:
    """What is known when the job is taken up. A commit is not: a branch may have moved on."""
    datasets = dataset_parts.lineage(material.inputs.datasets)
    return attrs.evolve(lineage(job.spec), datasets=datasets)


def found(so_far: JobStatus, pods: Iterable[Pod]) -> JobStatus:
    """The status with what the steps of the first pod that got so far have found."""
    results = next((r for pod in pods if (r := steps.results(pod)) != steps.Results()), None)
    if results is None:
        return so_far
    before = so_far.lineage or Lineage()
    hashes = dict(results.datasets)
    datasets = tuple(
        dataset
        if dataset.version or index not in hashes
        else attrs.evolve(dataset, version=f"sha256:{hashes[index]}")
        for index, dataset in enumerate(before.datasets)
    )
    new = attrs.evolve(
        before,
        code_hash=f"{COMMIT}{results.commit}" if results.commit else before.code_hash,
        dependencies_hash=results.dependencies or before.dependencies_hash,
        datasets=datasets,
    )
    return attrs.evolve(so_far, lineage=new)
