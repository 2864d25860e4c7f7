"""What a tour runs on: the embedded control plane with two nodes, the catalogue, the manager."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hack.demo import cluster
from hack.demo.environment import framework_environment
from hack.demo.processes import python, wait_for_line
from mlctl_core.client.client import Client
from mlctl_core.client.config import load_config

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from hack.demo.show import Story
    from mlctl_core.objects.json import Json

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "manifests"
SAMPLES = MANIFESTS / "samples"
CPU_NODE, GPU_NODE = "cpu-1", "gpu-1"
NODES = (
    f"name={CPU_NODE},pods=process,cpu=4",
    f"name={GPU_NODE},pods=process,cpu=8,memory=64Gi,gpus=1",
)
# A control plane or a manager is up in about a second; a busy laptop may take longer.
START_SECONDS = 60.0
_LOCKS = {"scikit-learn": "scikit-learn", "tensorflow-2.17": "tensorflow", "spark": "spark"}
"""The lock file of each framework that is a Python environment on a laptop."""


async def images(frameworks: Iterable[str]) -> dict[str, Path | None]:
    """Map the images of the frameworks to local environments, which are built if need be.

    Raises:
        ProcessFailedError: a package cannot be installed.
    """
    found: dict[str, Path | None] = {}
    catalogue = {obj["metadata"]["name"]: obj["spec"] for obj in _catalogue()}
    for name in frameworks:
        lock = _LOCKS.get(name)
        path = lock and await framework_environment(lock, ROOT / "requirements" / f"{lock}.txt")
        found |= dict.fromkeys(catalogue[name]["images"].values(), path or None)
    return found


def _catalogue() -> list[Json]:
    objects = cluster.documents((MANIFESTS / "catalogue").rglob("*.yaml"))
    for obj in objects:
        if obj["spec"].get("type") == "Spark":
            # pyspark's package brings all of Spark but the script that its images begin with.
            script = Path(__file__).with_name("spark_entrypoint.py")
            obj["spec"]["command"] = ["python", str(script)]
    return objects


@asynccontextmanager
async def control_plane(state: Path, story: Story) -> AsyncIterator[Client]:
    """Run the embedded control plane, with the CRDs and the default catalogue applied."""
    kubeconfig, log = state / "kubeconfig", state / "control-plane.log"
    arguments = ["--kubeconfig-out", str(kubeconfig), "--images", str(state / "images.yaml")]
    for node in NODES:
        arguments += ["--node", node]
    async with python(log, "-m", "mlctl_core.embedded", *arguments) as process:
        ready = await wait_for_line(process, log, "ready https", START_SECONDS)
        story.say("control plane", f"{ready.split()[-1]}, nodes {CPU_NODE} and {GPU_NODE} (1 GPU)")
        async with Client(load_config(str(kubeconfig)), user_agent="mlctl-demo") as client:
            crds = cluster.documents((MANIFESTS / "crds").glob("*.yaml"))
            await cluster.apply(client, crds)
            await cluster.wait_established(client, [crd["metadata"]["name"] for crd in crds])
            catalogue = _catalogue()
            await cluster.apply(client, catalogue)
            story.say("catalogue", f"{len(crds)} kinds, {len(catalogue)} frameworks and sizes")
            yield client


@asynccontextmanager
async def manager(state: Path, story: Story) -> AsyncIterator[str]:
    """Run the manager and yield the address of its metrics."""
    log = state / "manager.log"
    arguments = ["--kubeconfig", str(state / "kubeconfig"), "--log-format", "json"]
    for flag in ("--metrics-bind-address", "--health-probe-bind-address"):
        arguments += [flag, "127.0.0.1:0"]
    async with python(log, "-m", "controllers", *arguments) as process:
        listening = json.loads(await wait_for_line(process, log, '"/metrics"', START_SECONDS))
        url = f"http://{listening['host']}:{listening['port']}/metrics"
        await wait_for_line(process, log, "caches filled", START_SECONDS)
        story.say("manager", f"started; Prometheus would scrape {url}")
        yield url
