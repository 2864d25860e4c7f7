"""The story of one job: ten lines of YAML, a pod, an accuracy; then the same on a GPU.

It has come true only if everything it claims was seen: the accuracy in the job's status, the
node of the second pod, and the gauge that Prometheus would scrape.
"""

from __future__ import annotations

import asyncio
import json
import signal
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hack.demo import cluster
from hack.demo.environment import framework_environment, write_images
from hack.demo.processes import python, wait_for_line
from hack.demo.run import GAUGE, GAUGE_LABELS, WANTED_ACCURACY, Run, run
from hack.demo.show import Story
from mlctl_core.client.client import Client
from mlctl_core.client.config import load_config

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "manifests"
SAMPLE = MANIFESTS / "samples" / "digits.yaml"
FRAMEWORK = "scikit-learn"
SMALL, LARGE = "small", "gpu-large"
CPU_NODE, GPU_NODE = "cpu-1", GAUGE_LABELS["node"]
NODES = (
    f"name={CPU_NODE},pods=process,cpu=4",
    f"name={GPU_NODE},pods=process,cpu=8,memory=64Gi,gpus=1",
)
# A control plane or a manager is up in about a second; a busy laptop may take longer.
START_SECONDS = 60.0


async def tour(*, keep: bool) -> bool:
    """Run the demo and return whether everything was as promised.

    Cancelled, it stops what it has started, and only then ends.

    Raises:
        ProcessFailedError: one of its processes ended early.
    """
    story = Story()
    with tempfile.TemporaryDirectory(prefix="mlctl-demo-") as folder:
        state = Path(folder)
        story.say("environment", f"framework {FRAMEWORK}: built on first use, kept afterwards")
        write_images(state / "images.yaml", await images())
        async with control_plane(state, story) as client, manager(state, story) as metrics_url:
            holds = await tell(client, metrics_url, story)
            if keep:
                await stay(state, metrics_url, story)
    story.say("stopped", "nothing is left running")
    return holds


async def images() -> dict[str, Path]:
    """Map the images of the demo's framework to a local environment."""
    environment = await framework_environment(FRAMEWORK, ROOT / "requirements" / f"{FRAMEWORK}.txt")
    catalogue = cluster.documents((MANIFESTS / "catalogue").rglob("*.yaml"))
    [framework] = [o for o in catalogue if o["metadata"]["name"] == FRAMEWORK]
    return dict.fromkeys(framework["spec"]["images"].values(), environment)


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
            catalogue = cluster.documents((MANIFESTS / "catalogue").rglob("*.yaml"))
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


async def tell(client: Client, metrics_url: str, story: Story) -> bool:
    """Run the job small, then on a GPU, and check what is claimed."""
    [job] = cluster.documents([SAMPLE])
    name, sample = job["metadata"]["name"], SAMPLE.relative_to(ROOT)
    story.heading("A data scientist's job, as it is written")
    story.command(f"kubectl apply -f {sample}")
    small = await run(client, metrics_url, story, job)

    story.heading(f"The only edit: size: {SMALL} becomes size: {LARGE}")
    story.command(f"kubectl delete pythonjob {name}")
    await cluster.delete_and_wait(client, name)
    story.say("deleted", "the job, its pod and its code are gone")
    story.command(f"sed 's/size: {SMALL}/size: {LARGE}/' {sample} | kubectl apply -f -")
    larger = {**job, "spec": {**job["spec"], "size": LARGE}}
    return judge(story, small, await run(client, metrics_url, story, larger))


def judge(story: Story, small: Run, large: Run) -> bool:
    """Hold what was seen against what was promised."""
    labels = ",".join(f'{key}="{value}"' for key, value in GAUGE_LABELS.items())
    story.heading("What was promised")
    claims = [
        (small.is_good, f"{SMALL}: {small.phase}, accuracy {small.accuracy} ≥ {WANTED_ACCURACY}"),
        (large.is_good, f"{LARGE}: {large.phase}, accuracy {large.accuracy} ≥ {WANTED_ACCURACY}"),
        (small.node == CPU_NODE, f"{SMALL} ran on {small.node}"),
        (large.node == GPU_NODE, f"{LARGE} ran on {large.node}"),
        (small.gauge == 0, f"{GAUGE}{{{labels}}} was {small.gauge:g} while {SMALL} ran"),
        (large.gauge == 1, f"{GAUGE}{{{labels}}} was {large.gauge:g} while {LARGE} ran"),
    ]
    outcomes = [story.verdict(holds=holds, text=text) for holds, text in claims]
    return all(outcomes)


async def stay(state: Path, metrics_url: str, story: Story) -> None:
    """Leave everything running until Ctrl-C, and say what to try."""
    story.heading("The control plane stays until Ctrl-C. In another terminal:")
    story.command(f"export KUBECONFIG={state / 'kubeconfig'}")
    for line in (
        "kubectl get ml,pods,nodes",
        "kubectl describe pythonjob digits",
        "kubectl logs -f pyjob-digits-worker-0",
        f"curl -s {metrics_url} | grep -E 'mlctl_gpu|reconcile_time_seconds_count'",
    ):
        story.command(line)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stopped.set)
    await stopped.wait()
