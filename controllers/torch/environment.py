"""The environment of torchrun: where the others are, and which of them this pod is.

Three ways to run, by what the job asks for:

- one pod with several processes: standalone, the pod is the whole world;
- several pods: static rendezvous, worker 0 is the master and everybody has a fixed rank;
- elastic: a c10d rendezvous at worker 0, ranks are dealt out anew whenever one comes or goes.

torchrun takes the default of each option from ``PET_<OPTION>`` (torch.distributed.run). Programs
that call ``init_process_group`` themselves read MASTER_ADDR, MASTER_PORT, RANK and WORLD_SIZE;
torchrun gives its processes their own values of these.

Plain numbers and names in, variables out. A job of one process gets none: see `is_distributed`.
"""

from __future__ import annotations

from decimal import ROUND_CEILING
from typing import Final, Literal, TypeAlias

import attrs

from mlctl_core.objects.quantities import parse_quantity

MASTER_PORT = 29500
"""torchrun's own default; also what the trainer's second version uses."""
RENDEZVOUS_PORT = 29400
"""The c10d backend's own default."""
PORT_NAME = "torch"

AUTO: Final = "auto"
"""One process per GPU, or per core where there is none."""

Processes: TypeAlias = int | Literal["auto"] | None
"""Processes of each pod; None where the job does not say: one."""

THREADS = "OMP_NUM_THREADS"
"""The one variable that is advice: whoever sets it himself keeps it."""


@attrs.frozen(kw_only=True)
class Elastic:
    """How many pods may take part."""

    fewest: int
    most: int


@attrs.frozen(kw_only=True)
class World:
    """A distributed job, the same for all of its pods."""

    replicas: int
    processes: Processes = None
    elastic: Elastic | None = None
    master: str
    """Host name of worker 0."""
    identity: str
    """Tells this job's rendezvous from any other's."""
    max_restarts: int = 0
    """How many losses of others the processes of an elastic job outlive."""
    cpu: str = "1"
    """Cores of a pod, as a quantity."""
    gpus: int = 0
    """GPUs of a pod, whatever nodes call them: slices of one (MIG) are GPUs, too."""


def is_distributed(replicas: int, processes: Processes, elastic: object | None) -> bool:
    """Whether the job is run by torchrun: it has several pods, or says something of processes."""
    return replicas > 1 or processes is not None or elastic is not None


def environment(world: World, index: int) -> dict[str, str]:
    """The variables of pod ``index``."""
    variables = {
        "PET_NPROC_PER_NODE": processes_per_node(world),
        THREADS: str(threads(world)),
    }
    if world.elastic:
        return variables | _elastic(world, world.elastic, index)
    if world.replicas == 1:
        # Never empty: torchrun reads the flag as a number.
        return variables | {"PET_NNODES": "1", "PET_STANDALONE": "1"}
    return variables | _static(world, index)


def processes_per_node(world: World) -> str:
    """What torchrun is told to start in each pod.

    ``auto`` is left to torchrun where there are GPUs, since only the driver knows how many of
    them a process can use. Elsewhere torchrun would count the cores of the machine, which are
    not the pod's.
    """
    if world.processes != AUTO:
        return str(world.processes or 1)
    return AUTO if world.gpus else str(_cores(world))


def threads(world: World) -> int:
    """OpenMP threads of each process: the pod's cores divided, where torchrun would say 1."""
    expected = world.gpus or _cores(world) if world.processes == AUTO else world.processes or 1
    return max(1, int(parse_quantity(world.cpu)) // expected)


def _static(world: World, index: int) -> dict[str, str]:
    per_node = world.processes if isinstance(world.processes, int) else 1
    return {
        "PET_NNODES": str(world.replicas),
        "PET_NODE_RANK": str(index),
        "PET_MASTER_ADDR": world.master,
        "PET_MASTER_PORT": str(MASTER_PORT),
        "MASTER_ADDR": world.master,
        "MASTER_PORT": str(MASTER_PORT),
        "RANK": str(index),
        "WORLD_SIZE": str(world.replicas * per_node),
    }


def _elastic(world: World, elastic: Elastic, index: int) -> dict[str, str]:
    return {
        "PET_NNODES": f"{elastic.fewest}:{elastic.most}",
        "PET_RDZV_BACKEND": "c10d",
        "PET_RDZV_ENDPOINT": f"{world.master}:{RENDEZVOUS_PORT}",
        "PET_RDZV_ID": world.identity,
        # Said outright: torchrun would otherwise guess it from names and addresses.
        "PET_RDZV_CONF": f"is_host={'true' if index == 0 else 'false'}",
        "PET_MAX_RESTARTS": str(world.max_restarts),
    }


def _cores(world: World) -> int:
    return max(1, int(parse_quantity(world.cpu).to_integral_value(ROUND_CEILING)))
