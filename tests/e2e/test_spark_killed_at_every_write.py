"""A manager that is killed at each write of a SparkJob's life: one driver, and nothing stays."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import aclosing
from itertools import count
from pathlib import Path

import pytest
from distributed import Frameworks
from plane import PATIENCE, phase

from hack.demo.cluster import SPARK_JOB
from mlctl_core.objects.kinds import CONFIG_MAP, POD, ROLE_BINDING, SERVICE, SERVICE_ACCOUNT
from mlctl_core.testing.proxy import Point, Strike

pytestmark = pytest.mark.heavy

STAND_IN = Path(__file__).with_name("spark_stand_in.py")
# Of any life: account, binding, Service, settings, code, driver; three steps of the status and the
# finalizer.
LEAST_WRITES = 9


def job(name):
    return {
        "apiVersion": "mlctl.dev/v1alpha1",
        "kind": "SparkJob",
        "metadata": {"name": name},
        "spec": {
            "framework": "spark-to-be-killed",
            "size": "spark-to-be-killed",
            "entrypoint": "count.py",
            "source": {"inline": {"count.py": "print()"}},
        },
    }


@pytest.fixture
async def pods(kubeconfig, namespace):
    """The names of all pods that there ever were, one for each UID."""
    frameworks = Frameworks(kubeconfig, namespace.client)
    await frameworks.add("spark-to-be-killed", "Spark", command=["python", str(STAND_IN)])
    await frameworks.add_size("spark-to-be-killed", cpu="100m", memory="1Gi")
    seen = {}

    async def watch():
        version = (await namespace.client.list_all(POD, namespace.name)).resource_version
        while True:
            watch = namespace.client.watch(POD, namespace.name, resource_version=version)
            async with aclosing(watch) as events:
                async for event in events:
                    metadata = json.loads(event.raw)["metadata"]
                    version = metadata["resourceVersion"]
                    if event.type in {"ADDED", "MODIFIED", "DELETED"}:
                        seen[metadata["uid"]] = metadata["name"]

    watching = asyncio.create_task(watch())
    yield seen
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


@pytest.mark.parametrize("point", list(Point), ids=lambda point: point.name.lower())
async def test_a_driver_is_made_once_and_nothing_of_it_stays(
    pods, namespace, manager, proxy, point
):
    for number in count(1):
        if not await live(pods, namespace, manager, proxy, number=number, point=point):
            break
    assert number > LEAST_WRITES


async def live(pods, namespace, manager, proxy, *, number, point):
    """A life with a strike at its k-th write, and its deletion; whether it came to the strike."""
    name, before, struck = f"count-{number}", len(proxy.writes), asyncio.Event()

    async def kill():
        await manager.kill()
        struck.set()

    proxy.strike = Strike(lambda write: write.number == before + number, point, kill)
    await namespace.apply(job(name), SPARK_JOB)
    waits = {asyncio.create_task(struck.wait()), asyncio.create_task(end_of(namespace, name))}
    _, left = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    if came := proxy.strike is None:
        await struck.wait()
        await manager.start()
    proxy.strike = None

    ended = await end_of(namespace, name)
    assert phase(ended) == "Succeeded", ended["status"]
    assert ended["status"]["metrics"]["executors"]["value"] == "1"
    assert (ended["status"]["attempt"], ended["status"]["infraRestarts"]) == (1, 0)
    made = Counter(pod for pod in pods.values() if pod.startswith(f"sparkjob-{name}-"))
    assert made == Counter([f"sparkjob-{name}-driver", f"sparkjob-{name}-1-exec-1"])

    await namespace.client.delete(SPARK_JOB, name, namespace.name)
    async with asyncio.timeout(PATIENCE):
        while await children(namespace, name):
            await asyncio.sleep(0.05)
    return came


async def end_of(namespace, name):
    return await namespace.ended(name, SPARK_JOB)


async def children(namespace, name):
    kinds = (POD, SERVICE, CONFIG_MAP, SERVICE_ACCOUNT, ROLE_BINDING)
    found = [obj for kind in kinds for obj in await namespace.all(kind)]
    own = (f"sparkjob-{name}", f"sparkjob-{name}-")
    names = [obj["metadata"]["name"] for obj in found]
    return [each for each in names if each == own[0] or each.startswith(own[1])]
