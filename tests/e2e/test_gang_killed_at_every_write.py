from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import aclosing
from itertools import count

import pytest
from distributed import Frameworks
from plane import PATIENCE, phase

from hack.demo.cluster import TENSORFLOW_JOB
from mlctl_core.objects.kinds import CONFIG_MAP, POD, SERVICE
from mlctl_core.testing.proxy import Point, Strike

# The parameter server serves until it is told to stop; the workers have something to do.
CODE = """\
import json, os, time
if json.loads(os.environ["TF_CONFIG"])["task"]["type"] == "ps":
    time.sleep(600)
print("accuracy=0.97")
"""
# Of any life: four pods, code, Service; begun and succeeded in the status; three finalizers.
LEAST_WRITES = 11


def gang(name):
    return {
        "apiVersion": "mlctl.dev/v1alpha1",
        "kind": "TensorFlowJob",
        "metadata": {"name": name},
        "spec": {
            "framework": "tensorflow-gang",
            "size": "small",
            "entrypoint": "train.py",
            "source": {"inline": {"train.py": CODE}},
            "cleanPodPolicy": "All",
            "successPolicy": "AllWorkers",
            "roles": {"chief": {}, "worker": {"replicas": 2}, "ps": {}},
        },
    }


def workers(name):
    return [f"tfjob-{name}-{pod}" for pod in ("chief-0", "worker-0", "worker-1")]


def server(name):
    return f"tfjob-{name}-ps-0"


@pytest.mark.heavy
@pytest.mark.parametrize("point", list(Point), ids=lambda point: point.name.lower())
async def test_a_gang_whose_manager_is_killed_at_any_write_still_ends_once(
    kubeconfig, namespace, manager, proxy, point
):
    """SIGKILL at each write of a life in turn, a new manager after it: nothing twice, nothing lost.

    Lives are lived until one has no such write.
    """
    await Frameworks(kubeconfig, namespace.client).add("tensorflow-gang", "TensorFlow")
    async with Pods(namespace) as pods:
        for number in count(1):
            struck = await _live(pods, manager, proxy, number, point)
            if not struck:
                break
    assert number > LEAST_WRITES


class Pods:
    """Every pod of a namespace that there ever was, whoever knows that it was created."""

    def __init__(self, namespace):
        self.namespace = namespace
        self._names = {}

    async def __aenter__(self):
        page = await self.namespace.client.list_all(POD, self.namespace.name)
        self._watching = asyncio.create_task(self._watch(page.resource_version))
        return self

    async def __aexit__(self, *_):
        self._watching.cancel()
        await asyncio.gather(self._watching, return_exceptions=True)

    async def of(self, job):
        """The names of all that a job had, one for each UID."""
        # What is gone was seen before, so the watch has shown all once it has shown that.
        async with asyncio.timeout(PATIENCE):
            while not all(gone for _, gone in self._of(job)):
                await asyncio.sleep(0.02)
        return sorted(name for name, _ in self._of(job))

    def _of(self, job):
        return [known for known in self._names.values() if known[0].startswith(f"tfjob-{job}-")]

    async def _watch(self, version):
        while True:
            watch = self.namespace.client.watch(POD, self.namespace.name, resource_version=version)
            async with aclosing(watch) as events:
                async for event in events:
                    metadata = json.loads(event.raw)["metadata"]
                    version = metadata["resourceVersion"]
                    if event.type in {"ADDED", "MODIFIED", "DELETED"}:
                        self._names[metadata["uid"]] = metadata["name"], event.type == "DELETED"


async def _live(pods, manager, proxy, number, point):
    """A job's life with a strike at its k-th write; whether it came to that."""
    namespace, name, before = pods.namespace, f"gang-{number}", len(proxy.writes)
    struck = asyncio.Event()

    async def kill():
        await manager.kill()
        struck.set()

    proxy.strike = Strike(lambda write: write.number == before + number, point, kill)
    await namespace.apply(gang(name), TENSORFLOW_JOB)
    waits = {asyncio.create_task(struck.wait()), asyncio.create_task(_end(namespace, name))}
    _, left = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    if came := proxy.strike is None:
        await struck.wait()
        await manager.start()
    proxy.strike = None
    ended = await _end(namespace, name)
    assert phase(ended) == "Succeeded", ended["status"]
    assert ended["status"]["metrics"]["accuracy"]["value"] == "0.97"
    assert (ended["status"]["restarts"], ended["status"]["infraRestarts"]) == (0, 0)
    assert ended["status"]["attempt"] == 1
    made = Counter(await pods.of(name))
    assert made <= Counter((*workers(name), server(name))), "a pod was made twice"
    # Workers that are done before it is made again have no need of a parameter server.
    assert made - Counter([server(name)]) == Counter(workers(name))
    assert await _of_job(namespace, name, SERVICE) == [f"tfjob-{name}"]
    assert await _of_job(namespace, name, CONFIG_MAP) == [f"tfjob-{name}-code"]
    return came


async def _end(namespace, name):
    """Wait until the job has ended and its pods are gone, the last writes of its life."""
    ended = await namespace.ended(name, TENSORFLOW_JOB)
    async with asyncio.timeout(PATIENCE):
        while await _of_job(namespace, name, POD):
            await asyncio.sleep(0.02)
    return ended


async def _of_job(namespace, name, kind):
    found = [obj["metadata"] for obj in await namespace.all(kind)]
    return [o["name"] for o in found if o.get("labels", {}).get("mlctl.dev/name") == name]
