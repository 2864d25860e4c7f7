"""TensorFlowJob: runs a TensorFlow program to its end, on one pod or on a cluster of them."""

from __future__ import annotations

from typing import Annotated, Literal

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
from apis.v1alpha1.values import ShortName
from mlctl_core.objects.metadata import Metadata
from mlctl_core.objects.resource import Rule, Schema, resource, rules

__all__ = [
    "RestartPolicy",
    "TensorFlowJob",
    "TensorFlowJobSpec",
    "TensorFlowRole",
    "TensorFlowRoles",
]

# TF_CONFIG names every replica to every other, and Linux takes no variable above 128 KiB: two
# roles of 256 with the longest names stay below it.
_MAX_REPLICAS = 256

RestartPolicy = Literal["Never", "OnFailure", "ExitCode"]
"""What follows a replica's failure of its own; the job's backoffLimit holds in each case."""


@rules(
    Rule(
        "!has(self.replicas) || self.replicas >= 1",
        "a role has at least one replica: set replicas to 1 or more, or remove the role",
        field_path=".replicas",
    ),
)
@attrs.frozen(kw_only=True)
class TensorFlowRole:
    """The replicas of one role."""

    replicas: Annotated[int, Schema(format="int32", minimum=0, maximum=_MAX_REPLICAS)] = 1
    """Number of pods."""
    size: ShortName | None = None
    """Name of the Size that each of them gets; absent means the job's size."""
    restart_policy: RestartPolicy = "OnFailure"
    """What follows a failure: Never ends the job at once, OnFailure starts again, ExitCode starts
    again after exit codes from 128 on, which tell of signals, and ends the job at others."""


@rules(
    Rule(
        "has(self.chief) || has(self.worker) || has(self.ps) || has(self.evaluator)",
        "roles names no role: add worker, or remove roles for a job of one worker",
    ),
    Rule(
        "!has(self.chief) || !has(self.chief.replicas) || self.chief.replicas <= 1",
        "a job has at most one chief: set replicas to 1, and make the others workers",
        field_path=".chief.replicas",
    ),
    Rule(
        "!has(self.evaluator) || !has(self.evaluator.replicas) || self.evaluator.replicas <= 1",
        "a job has at most one evaluator: set replicas to 1",
        field_path=".evaluator.replicas",
    ),
    Rule(
        "!has(self.ps) || has(self.worker) || has(self.chief)",
        "parameter servers serve a worker or a chief: add the role worker or chief",
        field_path=".ps",
    ),
    Rule(
        "!has(self.evaluator) || has(self.worker) || has(self.chief)",
        "an evaluator evaluates what a worker or a chief trains: add the role worker or chief",
        field_path=".evaluator",
    ),
)
@attrs.frozen(kw_only=True)
class TensorFlowRoles:
    """The roles of a cluster, as TF_CONFIG knows them."""

    chief: TensorFlowRole | None = None
    """Trains, and does what only one may do, such as to save; at most one."""
    worker: TensorFlowRole | None = None
    """Trains. Without a chief, worker 0 is the chief."""
    ps: TensorFlowRole | None = None
    """Holds variables for the others. With it replicas are restarted alone; without, the job is a
    collective that starts anew as a whole."""
    evaluator: TensorFlowRole | None = None
    """Evaluates checkpoints beside the training; at most one, and the job does not wait for it."""


@rules(*PYTHON_RULES, reserved(("TF_CONFIG",)))
@attrs.frozen(kw_only=True)
class TensorFlowJobSpec(JobSpec):
    """What a TensorFlowJob runs and how."""

    entrypoint: PythonEntrypoint
    """What is run: a file of the source (train.py), a module (package.module) or a function of one
    (module:function)."""
    dependencies: Requirements = ()
    """Requirements that pip installs before the entrypoint runs, such as tensorflow-datasets."""
    roles: TensorFlowRoles | None = None
    """The cluster that the program runs on; absent means one worker."""
    success_policy: Literal["ChiefOrWorker0", "AllWorkers"] = "ChiefOrWorker0"
    """Whose success is the job's: the chief's (or worker 0's, without a chief), or that of the
    chief and all workers."""


def _same(path: str) -> str:
    """A CEL condition: an optional part of the spec is what it was."""
    return (
        f"(has(self.spec.{path}) ? has(oldSelf.spec.{path}) && self.spec.{path} == "
        f"oldSelf.spec.{path} : !has(oldSelf.spec.{path}))"
    )


# With parameter servers a worker more or less is no other job; a collective has a fixed size.
_WORKERS_MAY_CHANGE = (
    "(has(self.spec.roles.ps) && has(self.spec.roles.worker) && has(oldSelf.spec.roles.worker)"
    f" && {_same('roles.worker.size')} && {_same('roles.worker.restartPolicy')})"
)
_SAME_ROLES = (
    "has(self.spec.roles) == has(oldSelf.spec.roles) && (!has(self.spec.roles) || ("
    f"{_same('roles.chief')} && {_same('roles.ps')} && {_same('roles.evaluator')}"
    f" && ({_same('roles.worker')} || {_WORKERS_MAY_CHANGE})))"
)


@resource(
    group="mlctl.dev",
    version="v1alpha1",
    plural="tensorflowjobs",
    short_names=("tfjob",),
    columns=JOB_COLUMNS,
    rules=(
        *JOB_RULES,
        Rule(
            f"{WITHOUT_PODS} || ({_SAME_ROLES})",
            "roles may change only while the job waits or is suspended, but for worker.replicas of "
            "a job with parameter servers: suspend it first, or delete it and apply it again",
            field_path=".spec.roles",
            reason="FieldValueForbidden",
        ),
        *fixed_while_pods_exist("successPolicy"),
    ),
)
@attrs.frozen(kw_only=True)
class TensorFlowJob:
    """A run of a TensorFlow program to its end.

    Each replica finds the others by TF_CONFIG; what became of the job is in its status.
    """

    metadata: Metadata
    spec: TensorFlowJobSpec
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
