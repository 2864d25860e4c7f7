"""The story of one job: ten lines of YAML, a pod, an accuracy; then the same on a GPU.

It has come true only if everything it claims was seen: the accuracy in the job's status, the
node of the second pod, and the gauge that Prometheus would scrape.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hack.demo import cluster
from hack.demo.gauge import GAUGE, LABELS, highest
from hack.demo.installation import CPU_NODE, GPU_NODE, ROOT, SAMPLES
from hack.demo.run import WANTED_ACCURACY, Run, run

if TYPE_CHECKING:
    from hack.demo.show import Story
    from mlctl_core.client.client import Client

SAMPLE = SAMPLES / "digits.yaml"
FRAMEWORKS = ("scikit-learn",)
COMMANDS = ("kubectl describe pythonjob digits", "kubectl logs -f pyjob-digits-worker-0")
_SMALL, _LARGE = "small", "gpu-large"
_POD = "pyjob-digits-worker-0"


async def tell(client: Client, metrics_url: str, story: Story) -> bool:
    """Run the job small, then on a GPU, and check what is claimed."""
    [job] = cluster.documents([SAMPLE])
    name, sample = job["metadata"]["name"], SAMPLE.relative_to(ROOT)
    story.heading("A data scientist's job, as it is written")
    story.command(f"kubectl apply -f {sample}")
    async with highest(metrics_url) as while_small:
        small = await run(client, story, job, _POD)

    story.heading(f"The only edit: size: {_SMALL} becomes size: {_LARGE}")
    story.command(f"kubectl delete pythonjob {name}")
    await cluster.delete_and_wait(client, job)
    story.say("deleted", "the job, its pod and its code are gone")
    story.command(f"sed 's/size: {_SMALL}/size: {_LARGE}/' {sample} | kubectl apply -f -")
    larger = {**job, "spec": {**job["spec"], "size": _LARGE}}
    async with highest(metrics_url) as while_large:
        large = await run(client, story, larger, _POD)
    return _judge(story, (small, while_small.value), (large, while_large.value))


def _judge(story: Story, small: tuple[Run, float], large: tuple[Run, float]) -> bool:
    """Hold what was seen against what was promised."""
    labels = ",".join(f'{key}="{value}"' for key, value in LABELS.items())
    story.heading("What was promised")
    outcomes = []
    for size, (seen, gauge), node, gpus in (
        (_SMALL, small, CPU_NODE, 0),
        (_LARGE, large, GPU_NODE, 1),
    ):
        claims = (
            (seen.is_good, f"{size}: {seen.phase}, accuracy {seen.accuracy} ≥ {WANTED_ACCURACY}"),
            (seen.nodes == node, f"{size} ran on {seen.nodes}"),
            (gauge == gpus, f"{GAUGE}{{{labels}}} was {gauge:g} while {size} ran"),
        )
        outcomes += [story.verdict(holds=holds, text=text) for holds, text in claims]
    return all(outcomes)
