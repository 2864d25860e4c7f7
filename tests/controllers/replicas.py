"""Single replicas of jobs, for tables of what each of them runs."""

from __future__ import annotations

import attrs

from apis.v1alpha1.framework import Images
from apis.v1alpha1.status import PinnedFramework, PinnedSize
from controllers.jobs.job import Replica
from controllers.jobs.material import Material
from controllers.jobs.resolve import Pins
from mlctl_core.objects.metadata import Metadata

METADATA = Metadata(name="mnist", namespace="team-a", uid="uid-1")


def material(family, gpu=None, cpu="4", **framework):
    pinned = PinnedFramework(
        name="framework", type=family, image="i", images=Images(cpu="i", gpu="g"), **framework
    )
    return Material(pins=Pins(pinned, PinnedSize(name="small", cpu=cpu, memory="4Gi", gpu=gpu)))


def replica(job, kind, made_of, role="worker", index=0, *, cluster_domain=""):
    kind = attrs.evolve(kind, cluster_domain=cluster_domain)
    roles = kind.roles(job)
    [own] = [r for r in roles if r.name == role]
    return Replica(
        job=job, kind=kind, roles=roles, role=own, index=index, attempt=1, material=made_of
    )


def variables(program):
    """The variables of a program that are plain values."""
    return {variable["name"]: variable["value"] for variable in program.env}
