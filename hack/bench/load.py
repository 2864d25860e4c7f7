"""Many small jobs at once on a control plane of its own, and what the manager takes for them.

The API server, the scheduler and the nodes are in this process; pods are simulated, so that
nothing but the control plane is at work. The manager is a process as it would be in a cluster:
it speaks HTTPS, keeps its log and serves its metrics.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import attrs

from hack.bench import process
from hack.bench.progress import Progress
from hack.bench.requests import Asked, Requests
from hack.demo import cluster
from hack.demo.processes import python, wait_for_line
from mlctl_core.cache.informer import Informer
from mlctl_core.client.client import Client
from mlctl_core.client.config import load_config
from mlctl_core.clock import SystemClock
from mlctl_core.embedded.apiserver.server import ApiServer, ApiServerOptions
from mlctl_core.embedded.kubeconfig import write_kubeconfig
from mlctl_core.embedded.node.agent import run_nodes
from mlctl_core.embedded.node.spec import MAX_PODS, NodeSpec
from mlctl_core.embedded.scheduler.scheduler import Scheduler
from mlctl_core.objects.kinds import NAMESPACE, POD

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Sequence

    from mlctl_core.objects.json import Json

CRDS = Path(__file__).parents[2] / "manifests" / "crds"
MANAGER = ("-m", "controllers")
MANAGER_AGENT = "mlctl"
"""The manager's user agent."""
NAMESPACE_NAME = "bench"
RUN_SECONDS = 5.0
"""For which each pod runs: many jobs are under way at once, in every state."""
WRITERS = 16
"""Users who submit jobs at the same time."""
START_SECONDS = 60.0
STALL_SECONDS = 120.0
"""Without any progress for so long nothing more is to be expected."""


@attrs.frozen(kw_only=True)
class Load:
    """How much is to be done."""

    jobs: int = 1000
    pods: int = 4
    """Of each job."""
    all_decide: bool = False
    """Whether a job succeeds with all its pods, each of which is then kept until its result is
    known; by default with its first."""


@attrs.frozen(kw_only=True)
class Measured:
    """What it took."""

    load: Load
    seconds: float
    """From the first job to the last one's end, and until nothing is left to do."""
    start_cpu_seconds: float
    """The manager's, until it was ready."""
    cpu_seconds: float
    """From then on."""
    peak_bytes: int
    """The manager's resident memory."""
    requests: Counter[Asked]
    """The manager's, from the first job on."""


async def measure(load: Load, folder: Path, manager: Sequence[str] = MANAGER) -> Measured:
    """Run all jobs to their end.

    Args:
        load: how much.
        folder: for logs and the like.
        manager: what Python is to run.

    Raises:
        ProcessFailedError: the manager ended.
        StalledError: the jobs do not get on.
    """
    requests = Requests()
    async with _control_plane(load, folder, requests) as client, AsyncExitStack() as stack:
        await _install(client)
        log = folder / "manager.log"
        running = await stack.enter_async_context(
            python(
                log,
                *manager,
                *("--kubeconfig", str(folder / "kubeconfig")),
                *("--metrics-bind-address", "127.0.0.1:0"),
                *("--health-probe-bind-address", "127.0.0.1:0"),
            )
        )
        await wait_for_line(running, log, "caches filled", START_SECONDS)
        pid = running.pid
        progress = await stack.enter_async_context(_following(client, load))
        asked, cpu, started = requests.of(MANAGER_AGENT), process.cpu_seconds(pid), time.monotonic()
        await _submit(client, load)
        await progress.settled(STALL_SECONDS)
        return Measured(
            load=load,
            seconds=time.monotonic() - started,
            start_cpu_seconds=cpu,
            cpu_seconds=process.cpu_seconds(pid) - cpu,
            peak_bytes=process.peak_bytes(pid),
            requests=requests.of(MANAGER_AGENT) - asked,
        )


@asynccontextmanager
async def _control_plane(load: Load, folder: Path, requests: Requests) -> AsyncIterator[Client]:
    """Run it for the length of the block; yields an administrator's client."""
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        options = ApiServerOptions(clock=clock, asked=requests.asked)
        server = await stack.enter_async_context(ApiServer(options))
        write_kubeconfig(folder / "kubeconfig", server.kubeconfig())
        config = load_config(str(folder / "kubeconfig"))
        inner = Client(config, user_agent="mlctl-embedded", clock=clock)
        await stack.enter_async_context(inner)
        ready = asyncio.Event()
        count = math.ceil(load.jobs * load.pods / MAX_PODS)
        nodes = [
            NodeSpec(name=f"node-{number}", pods="simulated", run_for=RUN_SECONDS)
            for number in range(1, count + 1)
        ]
        for part in (
            run_nodes(inner, nodes, clock=clock, ready=ready),
            Scheduler(inner, clock).run(),
        ):
            await stack.enter_async_context(_background(part))
        await ready.wait()
        yield await stack.enter_async_context(Client(config, user_agent="mlctl-bench", clock=clock))


@asynccontextmanager
async def _background(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def _following(client: Client, load: Load) -> AsyncIterator[Progress]:
    """Follow jobs and pods for the length of the block."""
    progress, random = Progress(load.jobs), Random()  # noqa: S311 - spreads retries
    async with AsyncExitStack() as stack:
        for kind, handler in (
            (cluster.TENSORFLOW_JOB, progress.job_changed),
            (POD, progress.pod_changed),
        ):
            informer = Informer(client, kind, NAMESPACE_NAME, clock=SystemClock(), random=random)
            informer.add_handler(handler)
            await stack.enter_async_context(_background(informer.run()))
            await informer.synced.wait()
        yield progress


async def _install(client: Client) -> None:
    crds = cluster.documents(CRDS.glob("*.yaml"))
    await cluster.apply(client, crds)
    await cluster.wait_established(client, [crd["metadata"]["name"] for crd in crds])
    await cluster.apply(client, (_framework(), _size()))
    await client.create(NAMESPACE, {"metadata": {"name": NAMESPACE_NAME}})


async def _submit(client: Client, load: Load) -> None:
    numbers = iter(range(1, load.jobs + 1))

    async def write() -> None:
        for number in numbers:
            await client.create(cluster.TENSORFLOW_JOB, job(f"job-{number}", load), NAMESPACE_NAME)

    await asyncio.gather(*(write() for _ in range(WRITERS)))


def job(name: str, load: Load) -> Json:
    """One of the jobs, as a user would write it."""
    return {
        "apiVersion": "mlctl.dev/v1alpha1",
        "kind": "TensorFlowJob",
        "metadata": {"name": name},
        "spec": {
            "framework": "bench",
            "size": "bench",
            "entrypoint": "train.py",
            "source": {"inline": {"train.py": "print('accuracy=0.97')\n"}},
            "roles": {"worker": {"replicas": load.pods}},
            "successPolicy": "AllWorkers" if load.all_decide else "ChiefOrWorker0",
        },
    }


def _framework() -> Json:
    return {
        "apiVersion": "mlctl.dev/v1alpha1",
        "kind": "Framework",
        "metadata": {"name": "bench"},
        "spec": {"type": "TensorFlow", "version": "2", "images": {"cpu": "bench.invalid/tf:2"}},
    }


def _size() -> Json:
    return {
        "apiVersion": "mlctl.dev/v1alpha1",
        "kind": "Size",
        "metadata": {"name": "bench"},
        "spec": {"cpu": "100m", "memory": "64Mi"},
    }
