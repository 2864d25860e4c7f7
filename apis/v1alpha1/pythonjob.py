"""PythonJob: runs Python code to its end, on one pod or, by torchrun, on several."""

from __future__ import annotations

from typing import Annotated

import attrs

from apis.v1alpha1.common import (
    JOB_COLUMNS,
    JOB_RULES,
    WITHOUT_PODS,
    JobSpec,
    fixed_while_pods_exist,
)
from apis.v1alpha1.environment import reserved
from apis.v1alpha1.python import PYTHON_RULES, PythonEntrypoint, Requirements
from apis.v1alpha1.status import JobStatus
from mlctl_core.objects.metadata import Metadata
from mlctl_core.objects.resource import Rule, Schema, resource, rules

__all__ = ["Elastic", "PythonJob", "PythonJobSpec"]

_Replicas = Annotated[int, Schema(format="int32", minimum=1, maximum=1024)]


@rules(
    Rule(
        "self.min <= self.max",
        "min is above max: set min to at most max",
        field_path=".min",
    ),
)
@attrs.frozen(kw_only=True)
class Elastic:
    """How far the number of replicas may move while the job runs."""

    min: _Replicas
    """The fewest."""
    max: _Replicas
    """The most."""


@rules(
    *PYTHON_RULES,
    Rule(
        "!has(self.elastic) || !has(self.replicas)"
        " || (self.elastic.min <= self.replicas && self.replicas <= self.elastic.max)",
        "replicas lies outside of elastic: set it to a number from elastic.min to elastic.max",
        field_path=".replicas",
    ),
    reserved(
        ("MASTER_ADDR", "MASTER_PORT", "RANK", "WORLD_SIZE"),
        ("PET_",),
        unless="(!has(self.replicas) || self.replicas == 1)"
        " && !has(self.processesPerReplica) && !has(self.elastic)",
    ),
)
@attrs.frozen(kw_only=True)
class PythonJobSpec(JobSpec):
    """What a PythonJob runs and how."""

    entrypoint: PythonEntrypoint
    """What is run: a file of the source (train.py), a module (package.module) or a function of one
    (module:function)."""
    dependencies: Requirements = ()
    """Requirements that pip installs before the entrypoint runs, such as pandas>=2."""
    replicas: _Replicas = 1
    """Number of pods. More than one need a framework of type PyTorch: torchrun then runs the
    entrypoint in each, and they find each other."""
    processes_per_replica: Annotated[
        int | str | None,
        Schema(int_or_string=True, max_length=4, pattern="^auto$", minimum=1, maximum=64),
    ] = None
    """Processes that torchrun starts in each pod, or auto for one per GPU (per core, without GPUs).
    Needs a framework of type PyTorch."""
    elastic: Elastic | None = None
    """Lets the number of replicas move while the job runs: those that are there go on when one
    comes or goes. Needs a framework of type PyTorch."""


@resource(
    group="mlctl.dev",
    version="v1alpha1",
    plural="pythonjobs",
    short_names=("pyjob",),
    columns=JOB_COLUMNS,
    rules=(
        *JOB_RULES,
        *fixed_while_pods_exist("processesPerReplica", "elastic"),
        Rule(
            f"{WITHOUT_PODS} || has(self.spec.elastic) || (has(self.spec.replicas)"
            " ? has(oldSelf.spec.replicas) && self.spec.replicas == oldSelf.spec.replicas"
            " : !has(oldSelf.spec.replicas))",
            "replicas may change only while the job waits or is suspended, or within elastic: "
            "suspend it first, or delete it and apply it again",
            field_path=".spec.replicas",
            reason="FieldValueForbidden",
        ),
    ),
)
@attrs.frozen(kw_only=True)
class PythonJob:
    """A run of Python code to its end.

    It names a framework, a size and the code; what became of it is in its status.
    """

    metadata: Metadata
    spec: PythonJobSpec
    """What is run and how."""
    status: JobStatus = attrs.field(factory=JobStatus)
    """Where the job is, how it got there and what it used."""

    @property
    def name(self) -> str:
        """Name of the job."""
        return self.metadata.name

    @property
    def namespace(self) -> str:
        """Namespace of the job."""
        return self.metadata.namespace
