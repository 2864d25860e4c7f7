"""What the status of every kind of job says. All of it is bounded, whatever the job does."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal, TypeAlias

import attrs

from apis.v1alpha1.environment import PlainEnvironment
from apis.v1alpha1.framework import (
    Command,
    FrameworkType,
    Images,
    PythonOptions,
    SparkOptions,
    TensorFlowOptions,
)
from apis.v1alpha1.size import PodSize
from apis.v1alpha1.values import Count, Generation, ImageName, ObjectName, ShortName, Time
from mlctl_core.objects.conditions import Conditions
from mlctl_core.objects.resource import Schema

__all__ = [
    "MAX_EXIT_CODE",
    "MAX_MESSAGE",
    "MAX_METRICS",
    "MAX_RELEASED",
    "MAX_RESTART_HISTORY",
    "MIN_EXIT_CODE",
    "JobStatus",
    "Lineage",
    "LineageDataset",
    "Metric",
    "Phase",
    "PinnedFramework",
    "PinnedSize",
    "ProgramGpus",
    "QueuePosition",
    "ReleasedPod",
    "ReplicaStatus",
    "RestartRecord",
]

MAX_MESSAGE = 1024
"""Characters of a message: a few lines for a person, not a log."""
MAX_RESTART_HISTORY = 10
"""Restarts that are kept; the counters know the rest."""
MIN_EXIT_CODE, MAX_EXIT_CODE = -(2**31), 2**31 - 1
"""Bounds of what a kubelet reports; Unix uses 0 to 255 of it."""
MAX_RELEASED = 32
"""Pods of an attempt that are being replaced at the same time; more fail together."""
MAX_METRICS = 64
"""Metrics of a run that are kept."""

Phase: TypeAlias = Literal[
    "Pending",
    "Queued",
    "Scheduling",
    "Preparing",
    "Running",
    "Restarting",
    "Suspended",
    "Succeeded",
    "Failed",
]
"""Where a job is in its life."""

_Reason: TypeAlias = Annotated[str, Schema(max_length=64, pattern=r"^([A-Z][A-Za-z0-9]*)?$")]
_Message: TypeAlias = Annotated[str, Schema(max_length=MAX_MESSAGE)]
_Hash: TypeAlias = Annotated[str, Schema(max_length=128, pattern=r"^[A-Za-z0-9:_+.-]*$")]
_Number: TypeAlias = Annotated[str, Schema(max_length=64)]


@attrs.frozen(kw_only=True)
class ReplicaStatus:
    """How many pods of a role are in which state."""

    desired: Count = 0
    """Pods that the job wants."""
    pending: Count = 0
    """Pods that do not run yet."""
    running: Count = 0
    """Pods that run."""
    succeeded: Count = 0
    """Pods that ended with exit code 0."""
    failed: Count = 0
    """Pods that failed."""
    created: Count = 0
    """Pods of the present attempt that were seen."""


@attrs.frozen(kw_only=True)
class RestartRecord:
    """Why the job was started again."""

    time: Time
    """When the failure was seen."""
    reason: _Reason
    """The failure in one word."""
    pod: ObjectName
    """The pod that failed."""
    exit_code: Annotated[
        int | None, Schema(format="int32", minimum=MIN_EXIT_CODE, maximum=MAX_EXIT_CODE)
    ] = None
    """Exit code of the pod's main container, if it had one."""


@attrs.frozen(kw_only=True)
class ReleasedPod:
    """A pod of the present attempt that the job has given up."""

    pod: ObjectName
    """Name of the pod; the one that takes its place has the same."""
    uid: Annotated[str, Schema(max_length=64)]
    """UID of the pod that was given up; empty if it was gone before."""
    gone: bool = False
    """Whether the pod is gone, and its place filled again unless it is no longer wanted. It stays
    named while there is room, so that who sees it late does not count its end a second time."""


@attrs.frozen(kw_only=True)
class ProgramGpus:
    """The GPUs of pods that the program makes by itself, as they were last counted.

    Such pods come and go as the program likes, and leave nothing behind.
    """

    held: Count = 0
    """GPUs that they held then."""
    time: Time
    """When that was; what they used until then is in gpuSeconds."""


@attrs.frozen(kw_only=True)
class QueuePosition:
    """Where the job stands in its queue."""

    name: ShortName
    """Name of the Queue."""
    position: Count | None = None
    """Jobs ahead of it."""
    waiting_for: _Message | None = None
    """What it waits for, in words."""


@attrs.frozen(kw_only=True)
class PinnedFramework:
    """The framework as it was when the job first ran; later edits do not reach the job."""

    name: ShortName
    """Name of the Framework."""
    type: FrameworkType
    """Its family."""
    image: ImageName
    """The image that the job's size picked."""
    images: Images | None = None
    """All its images: a role with a size of its own may need another."""
    digest: Annotated[str | None, Schema(max_length=256)] = None
    """The image's digest, once a node has pulled it."""
    hash: _Hash | None = None
    """Hash of the framework's specification."""
    command: Command = ()
    """Its way to run an entrypoint, where it has one of its own."""
    env: PlainEnvironment = ()
    """Its environment variables."""
    driver_version: Annotated[str | None, Schema(max_length=32)] = None
    """Lowest version of the GPU driver that its GPU image works with."""
    tensorflow: TensorFlowOptions | None = None
    """Its options of the family TensorFlow."""
    spark: SparkOptions | None = None
    """Its options of the family Spark."""
    python: PythonOptions | None = None
    """Its options of the families that run Python."""


@attrs.frozen(kw_only=True)
class PinnedSize(PodSize):
    """The size as it was when the job first ran; later edits do not reach the job."""

    name: ShortName
    """Name of the Size."""
    hash: _Hash | None = None
    """Hash of the size's specification."""


@attrs.frozen(kw_only=True)
class LineageDataset:
    """A dataset as the job found it."""

    name: ObjectName
    """Name of the Dataset."""
    uri: Annotated[str | None, Schema(max_length=2048)] = None
    """Where its data was."""
    version: Annotated[str | None, Schema(max_length=256)] = None
    """Which version of it."""


@attrs.frozen(kw_only=True)
class Lineage:
    """What the job's result was made from."""

    code_hash: _Hash | None = None
    """Hash of the code."""
    dependencies_hash: _Hash | None = None
    """Hash of the dependencies."""
    datasets: Annotated[
        tuple[LineageDataset, ...], Schema(max_items=32, list_type="map", list_map_keys=("name",))
    ] = ()
    """Datasets that were read."""
    params: Annotated[
        Mapping[str, Annotated[str, Schema(max_length=1024)]], Schema(max_properties=64)
    ] = MappingProxyType({})
    """Parameters of the run."""


@attrs.frozen(kw_only=True)
class Metric:
    """A metric of the run; numbers are strings, because NaN and infinity are no JSON."""

    value: _Number
    """The last value."""
    min: _Number | None = None
    """The smallest value."""
    max: _Number | None = None
    """The largest value."""
    step: _Number | None = None
    """The step that the last value belongs to."""
    time: Time | None = None
    """When the last value was recorded."""


@attrs.frozen(kw_only=True)
class JobStatus:
    """Where a job is, how it got there and what it used."""

    observed_generation: Generation | None = None
    """The metadata.generation that the status was computed from."""
    phase: Phase | None = None
    """Where the job is in its life."""
    reason: _Reason = ""
    """Why it is there, in one word."""
    message: _Message = ""
    """Why it is there, in a line for a person."""
    conditions: Conditions = ()
    """State of the job; at most one of Succeeded and Failed is True, and then for ever."""
    replica_statuses: Annotated[Mapping[str, ReplicaStatus], Schema(max_properties=8)] = (
        MappingProxyType({})
    )
    """Pods by role."""
    counted_time: Time | None = None
    """When the pods were last counted anew although nothing else had changed."""
    released: Annotated[tuple[ReleasedPod, ...], Schema(max_items=MAX_RELEASED)] = ()
    """Pods of the present attempt that were given up one by one: replaced, or no longer wanted."""
    attempt: Count = 0
    """Number of the present attempt, the label mlctl.dev/attempt of its pods; 0 before the first.
    Pods of earlier attempts have been dealt with."""
    restarts: Count = 0
    """How often the job was started again after failures of its own."""
    infra_restarts: Count = 0
    """How often the job was started again after failures that were not its own."""
    restart_history: Annotated[
        tuple[RestartRecord, ...], Schema(max_items=MAX_RESTART_HISTORY)
    ] = ()
    """The last restarts, oldest first."""
    start_time: Time | None = None
    """When the job was taken up."""
    running_time: Time | None = None
    """When the job began to run, in its present attempt."""
    running_seconds: Count = 0
    """How long attempts that ended have run; activeDeadlineSeconds counts running time only."""
    completion_time: Time | None = None
    """When the job ended."""
    queue: QueuePosition | None = None
    """Where the job stands in its queue."""
    resources: Annotated[
        Mapping[str, Annotated[str, Schema(max_length=32)]], Schema(max_properties=16)
    ] = MappingProxyType({})
    """What all pods of the job together hold: cpu, memory and GPUs."""
    gpu_seconds: Count | None = None
    """GPUs times seconds that the job held them, in attempts that ended; of pods that the program
    made by itself, until they were last counted."""
    program_gpus: ProgramGpus | None = None
    """What pods that the program makes by itself, such as Spark's executors, hold of GPUs."""
    framework: PinnedFramework | None = None
    """The framework that the job runs in."""
    size: PinnedSize | None = None
    """The size of the job's pods."""
    role_sizes: Annotated[Mapping[str, PinnedSize], Schema(max_properties=8)] = MappingProxyType({})
    """The sizes of roles that have one of their own."""
    links: Annotated[
        Mapping[str, Annotated[str, Schema(max_length=4096)]], Schema(max_properties=8)
    ] = MappingProxyType({})
    """Where there is more to see of the job: addresses by what they show."""
    lineage: Lineage | None = None
    """What the job's result was made from."""
    metrics: Annotated[Mapping[str, Metric], Schema(max_properties=MAX_METRICS)] = MappingProxyType(
        {}
    )
    """Metrics of the run by name."""
