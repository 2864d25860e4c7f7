"""Framework: what the word after ``framework:`` in a job means."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal, TypeAlias

import attrs

from apis.v1alpha1.environment import PlainEnvironment
from apis.v1alpha1.values import Count, Generation, ImageName, ShortName, Uri
from mlctl_core.objects.conditions import Conditions
from mlctl_core.objects.metadata import Metadata
from mlctl_core.objects.resource import Column, Rule, Schema, resource, rules

__all__ = [
    "Command",
    "Deprecation",
    "Framework",
    "FrameworkSpec",
    "FrameworkStatus",
    "FrameworkType",
    "Images",
    "PythonOptions",
    "SparkOptions",
    "TensorFlowOptions",
]

FrameworkType: TypeAlias = Literal["TensorFlow", "PyTorch", "Python", "Spark", "JVM", "Jupyter"]
"""The families of frameworks; a job kind accepts some of them."""

Command: TypeAlias = Annotated[
    tuple[Annotated[str, Schema(max_length=1024)], ...], Schema(max_items=32)
]
"""The words of a command."""


@attrs.frozen(kw_only=True)
class Images:
    """The container images of a framework."""

    cpu: ImageName
    """Image for sizes without GPUs; a digest (name@sha256:…) makes runs repeatable."""
    gpu: ImageName | None = None
    """Image for sizes with GPUs; without one, jobs of such a size cannot use the framework."""


@attrs.frozen(kw_only=True)
class TensorFlowOptions:
    """How TF_CONFIG is written for the framework."""

    evaluator_in_cluster: bool = False
    """Whether the evaluator is listed in the cluster of every process."""
    sparse_cluster_spec: bool = False
    """Whether each worker sees only itself and the parameter servers."""


@attrs.frozen(kw_only=True)
class PythonOptions:
    """How Python is set up in the framework's images."""

    packages_read_only: bool = False
    """Whether jobs may bring no dependencies of their own."""


@attrs.frozen(kw_only=True)
class SparkOptions:
    """What all applications of the framework are told."""

    conf: Annotated[
        Mapping[str, Annotated[str, Schema(max_length=4096)]], Schema(max_properties=128)
    ] = MappingProxyType({})
    """Properties of Spark, such as spark.eventLog.dir; a job's own win."""
    history_server: Uri | None = None
    """Address of the history server that reads the event logs: jobs link to it."""


@attrs.frozen(kw_only=True)
class Deprecation:
    """Why a framework should no longer be used, and what to use instead."""

    message: Annotated[str, Schema(min_length=1, max_length=1024)]
    """What users of the framework are told."""
    redirect: ShortName | None = None
    """Name of the framework that succeeds it."""


@rules(
    Rule(
        "!has(self.tensorflow) || self.type == 'TensorFlow'",
        "tensorflow is for frameworks of type TensorFlow: remove it, or change type",
        field_path=".tensorflow",
        reason="FieldValueForbidden",
    ),
    Rule(
        "!has(self.python) || self.type in ['TensorFlow', 'PyTorch', 'Python', 'Jupyter']",
        "python is for frameworks whose type runs Python: remove it, or change type",
        field_path=".python",
        reason="FieldValueForbidden",
    ),
    Rule(
        "!has(self.spark) || self.type == 'Spark'",
        "spark is for frameworks of type Spark: remove it, or change type",
        field_path=".spark",
        reason="FieldValueForbidden",
    ),
)
@attrs.frozen(kw_only=True)
class FrameworkSpec:
    """What a framework consists of."""

    type: FrameworkType
    """Family of the framework, which decides how an entrypoint is run."""
    version: Annotated[
        str, Schema(min_length=1, max_length=63, pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")
    ]
    """Version of the framework, for people."""
    images: Images
    """Container images, by what the size has."""
    command: Command = ()
    """Runs an entrypoint in place of the family's way; the entrypoint and its args follow it."""
    env: PlainEnvironment = ()
    """Variables that every container of the framework gets; a job's own win. PYTHONPATH is searched
    after the job's dependencies and code."""
    driver_version: Annotated[
        str | None, Schema(max_length=32, pattern=r"^[0-9]+(\.[0-9]+){0,2}$")
    ] = None
    """Lowest version of NVIDIA's driver that the GPU image works with: pods of sizes with such GPUs
    go to nodes that GPU feature discovery labels with it or a higher one."""
    tensorflow: TensorFlowOptions | None = None
    """Options of the family TensorFlow."""
    python: PythonOptions | None = None
    """Options of the families that run Python."""
    spark: SparkOptions | None = None
    """Options of the family Spark."""
    deprecated: Deprecation | None = None
    """Marks the framework as deprecated: jobs still run, with a warning."""
    hidden: bool = False
    """Whether catalogues leave the framework out; jobs may use it all the same."""


@attrs.frozen(kw_only=True)
class FrameworkStatus:
    """What is known about a framework's use."""

    observed_generation: Generation | None = None
    """The metadata.generation that the status was computed from."""
    used_by: Count | None = None
    """Number of jobs that name the framework and have not ended."""
    conditions: Conditions = ()
    """State of the framework."""


@resource(
    group="mlctl.dev",
    version="v1alpha1",
    plural="frameworks",
    short_names=("fw",),
    namespaced=False,
    columns=(
        Column("Type", "string", ".spec.type", "Family of the framework"),
        Column("Version", "string", ".spec.version", "Version of the framework"),
        Column("Used by", "integer", ".status.usedBy", "Jobs that have not ended"),
        Column("Deprecated", "string", ".spec.deprecated.message", "Why not to use it", 1),
        Column("CPU image", "string", ".spec.images.cpu", "Image for sizes without GPUs", 1),
        Column("GPU image", "string", ".spec.images.gpu", "Image for sizes with GPUs", 1),
        Column("Age", "date", ".metadata.creationTimestamp", "Time since it was created"),
    ),
    rules=(
        Rule(
            "size(self.metadata.name) <= 63",
            "the name of a framework has at most 63 characters: choose a shorter one",
            field_path=".metadata.name",
        ),
    ),
)
@attrs.frozen(kw_only=True)
class Framework:
    """A framework of the catalogue: the images and settings behind the name that jobs refer to.

    Jobs pin what they found when they first ran; a change affects later jobs only.
    """

    metadata: Metadata
    spec: FrameworkSpec
    """What the framework consists of."""
    status: FrameworkStatus = FrameworkStatus()
    """What is known about its use."""

    @property
    def name(self) -> str:
        """What jobs write after ``framework:``."""
        return self.metadata.name
