"""What a job is made of besides its own text: the catalogue's pins, identity, data and source.

Gathered anew whenever pods are to be made; what the job pinned stays as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from controllers.jobs.inputs import Inputs, find_inputs, input_children, input_parts
from controllers.jobs.job import Refusal
from controllers.jobs.pod import source
from controllers.jobs.pod.identity_parts import identity_parts
from controllers.jobs.pod.parts import Parts
from controllers.jobs.pod.shares import too_small
from controllers.jobs.resolve import Pins, resolve

if TYPE_CHECKING:
    from controllers.jobs.job import Job, JobKind
    from mlctl_core.objects.json import Json
    from mlctl_core.reconcile.view import View


@attrs.frozen(kw_only=True)
class Material:
    """What every pod of a job is made of."""

    pins: Pins
    inputs: Inputs = attrs.field(factory=Inputs)
    parts: Parts = attrs.field(factory=Parts)
    """Of every pod, before those of the kind's program."""


def gather(job: Job, kind: JobKind, view: View) -> Material | Refusal:
    """Everything that the job's pods need, or why it is not to be had now."""
    pins = resolve(job, kind, view)
    if isinstance(pins, Refusal):
        return pins
    inputs = find_inputs(job, kind, pins.framework.type, view)
    if isinstance(inputs, Refusal):
        return inputs
    of_identity = kind.identity or identity_parts
    parts = source.parts(job, kind) + input_parts(job, inputs, of_identity)
    material = Material(pins=pins, inputs=inputs, parts=parts)
    for role in kind.roles(job):
        if refusal := too_small(role, pins.size_of(role), parts.sidecars):
            return refusal
    return kind.refuse(job, material, view) or material


def children_of(job: Job, kind: JobKind, material: Material) -> list[Json]:
    """What is applied beside the pods: what their steps run, and the kind's own."""
    shared = input_children(job, kind, material.inputs, material.parts)
    return [*shared, *kind.children(job, material)]
