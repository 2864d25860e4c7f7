"""What a replica of a PythonJob runs: the entrypoint by itself, or torchrun that starts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from apis.v1alpha1.pythonjob import PythonJob, PythonJobSpec
from controllers.jobs.job import Refusal
from controllers.jobs.pod import python
from controllers.jobs.pod.entrypoint import DEFAULT_INTERPRETER
from controllers.torch.command import command
from controllers.torch.environment import (
    AUTO,
    MASTER_PORT,
    PORT_NAME,
    RENDEZVOUS_PORT,
    THREADS,
    Elastic,
    World,
    environment,
    is_distributed,
)

if TYPE_CHECKING:
    from controllers.jobs.job import Job, Program, Replica
    from controllers.jobs.material import Material
    from controllers.torch.environment import Processes
    from mlctl_core.reconcile.view import View

FAMILY = "PyTorch"
"""The type of frameworks that have torchrun."""


def program(replica: Replica) -> Program:
    """The Python program, started by torchrun where the job is more than one process."""
    plain = python.program(replica)
    spec = _spec(replica.job)
    if not _is_distributed(spec):
        return plain
    framework = replica.material.pins.framework
    interpreter = framework.command or DEFAULT_INTERPRETER
    variables = environment(world(replica, spec), replica.index)
    if THREADS in {v.name for v in spec.env} | {v.name for v in framework.env}:
        del variables[THREADS]  # who has measured knows better
    return attrs.evolve(
        plain,
        command=tuple(command(spec.entrypoint, spec.args, interpreter)),
        env=(*plain.env, *({"name": n, "value": v} for n, v in variables.items())),
        ports=((PORT_NAME, RENDEZVOUS_PORT if spec.elastic else MASTER_PORT),),
    )


def world(replica: Replica, spec: PythonJobSpec) -> World:
    """The job as torchrun has to know it."""
    metadata = replica.job.metadata
    size = replica.material.pins.size_of(replica.role)
    elastic = spec.elastic
    return World(
        replicas=spec.replicas,
        processes=_processes(spec),
        elastic=Elastic(fewest=elastic.min, most=elastic.max) if elastic else None,
        master=replica.host(replica.role.name, 0),
        identity=metadata.uid,
        # As often as the job lets a replica be lost, so often the others have to go on.
        max_restarts=spec.backoff_limit + spec.infra_backoff_limit,
        cpu=str(size.cpu),
        gpus=size.gpu.count if size.gpu else 0,
    )


def refusal(job: Job, material: Material, _view: View) -> Refusal | None:
    """Replicas and processes are torchrun's: a framework without it would run copies."""
    spec, framework = _spec(job), material.pins.framework
    if not _is_distributed(spec) or framework.type == FAMILY:
        return None
    if spec.elastic is not None:
        field = "spec.elastic"
    elif spec.processes_per_replica is not None:
        field = "spec.processesPerReplica"
    else:
        field = f"spec.replicas of {spec.replicas}"
    return Refusal(
        "FrameworkUnsuitable",
        f"{field} needs a framework of type {FAMILY}, whose torchrun makes the processes one "
        f"program, and spec.framework {framework.name} is of type {framework.type}: choose one of "
        f"type {FAMILY}, or remove {field.partition(' ')[0]}.",
    )


def _is_distributed(spec: PythonJobSpec) -> bool:
    return is_distributed(spec.replicas, _processes(spec), spec.elastic)


def _processes(spec: PythonJobSpec) -> Processes:
    given = spec.processes_per_replica
    return given if given is None or isinstance(given, int) else AUTO


def _spec(job: Job) -> PythonJobSpec:
    assert isinstance(job, PythonJob), "a planner is given its own kind"
    return job.spec
