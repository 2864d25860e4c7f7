"""A restart costs nothing, however many jobs have ended before it."""

from __future__ import annotations

import asyncio
import math
import time

import pytest
from plane import (
    JOB,
    PATIENCE,
    Namespace,
    control_plane,
    create_namespace,
    job,
    managing,
    phase,
    proxied_kubeconfig,
)

from mlctl_core.client.client import Client
from mlctl_core.client.config import load_config
from mlctl_core.objects.kinds import CONFIG_MAP, NODE, POD
from mlctl_core.testing.proxy import FaultProxy

pytestmark = pytest.mark.heavy

FINISHED = 2000
READY_SECONDS = 5
MEMORY_BYTES = 150 * 1024 * 1024
# A busy machine makes a start slower, never faster: the best of some tells what it takes.
STARTS = 5
WRITERS = 16
NAME = "finished"
# No node agent looks after this one, so that pods that have ended can be put there.
ARCHIVE = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "archive"}}


class Finished:
    """A job that has really ended, its code and its pod: the pattern for any number of them."""

    def __init__(self, job, code, pod):
        self._job, self._code, self._pod = job, code, pod

    async def copy(self, namespace, number):
        """Put down what the manager leaves of a job with another name."""
        client, name = namespace.client, f"job-{number}"
        made = await namespace.create(JOB, self._fresh(self._job, name))
        status = {"status": self._job["status"]}
        await client.patch(JOB, name, status, namespace.name, subresource="status")
        uid = made["metadata"]["uid"]
        await namespace.create(CONFIG_MAP, self._fresh(self._code, f"pyjob-{name}-code", name, uid))
        pod = self._fresh(self._pod, f"pyjob-{name}-worker-0", name, uid)
        pod["spec"] = {**pod["spec"], "nodeName": ARCHIVE["metadata"]["name"]}
        await namespace.create(POD, pod)
        status = {"status": self._pod["status"]}
        await client.patch(
            POD, pod["metadata"]["name"], status, namespace.name, subresource="status"
        )

    @staticmethod
    def _fresh(obj, name, owner="", owner_uid=""):
        old = obj["metadata"]
        metadata = {"name": name, "labels": {**old.get("labels", {})}}
        if owner:
            metadata["labels"]["mlctl.dev/name"] = owner
            [reference] = old["ownerReferences"]
            metadata["ownerReferences"] = [{**reference, "name": owner, "uid": owner_uid}]
        kept = {field: value for field, value in obj.items() if field != "status"}
        return {**kept, "metadata": metadata}


@pytest.fixture
def plane_of_its_own(tmp_path):
    """A control plane that other tests need not share with so many objects."""
    with control_plane(tmp_path) as kubeconfig:
        yield kubeconfig


@pytest.fixture
async def crowd(plane_of_its_own, tmp_path):
    """The namespace of the jobs that have ended, and a proxy to reach it by."""
    config = load_config(str(plane_of_its_own))
    async with Client(config) as client, FaultProxy(config) as proxy:
        await create_namespace(client, NAME)
        namespace = Namespace(client, NAME)
        async with managing(plane_of_its_own, NAME, tmp_path):
            await namespace.apply(job("pattern"))
            ended = await namespace.ended("pattern")
            assert phase(ended) == "Succeeded"
            pod = await namespace.released("pattern")
        code = await namespace.get("pyjob-pattern-code", CONFIG_MAP)
        await client.create(NODE, ARCHIVE)
        pattern, numbers = Finished(ended, code, pod), iter(range(1, FINISHED))

        async def write():
            for number in numbers:
                await pattern.copy(namespace, number)

        await asyncio.gather(*(write() for _ in range(WRITERS)))
        yield namespace, proxy


async def test_a_manager_restarted_among_thousands_of_finished_jobs(crowd, tmp_path):
    """It is ready soon, small, writes nothing, and has time for the next job."""
    namespace, proxy = crowd
    config = proxied_kubeconfig(tmp_path / "proxied", proxy.url)
    quickest = math.inf
    for _ in range(STARTS):
        started = time.monotonic()
        async with managing(config, NAME, tmp_path) as manager:
            assert await manager.is_ready()
            quickest = min(quickest, time.monotonic() - started)
            await looked_at_all(manager)
            assert manager.peak_rss_bytes < MEMORY_BYTES
        assert proxy.writes == []
        if quickest < READY_SECONDS:
            break
    assert quickest < READY_SECONDS
    async with managing(config, NAME, tmp_path) as manager:
        await namespace.apply(job("one-more"))
        assert phase(await namespace.ended("one-more")) == "Succeeded"
        await namespace.released("one-more")
        assert manager.peak_rss_bytes < MEMORY_BYTES
    assert proxy.writes
    assert all("one-more" in write.path or b"one-more" in write.body for write in proxy.writes)


async def looked_at_all(manager):
    """Wait until every job has been reconciled and nothing is left to do."""
    async with asyncio.timeout(PATIENCE):
        while not await _is_idle(manager):
            await asyncio.sleep(0.1)


async def _is_idle(manager):
    samples = await manager.metrics()

    def total(name):
        return sum(
            value
            for (of, labels), value in samples.items()
            if of == name and ("controller", "pythonjob") in labels
        )

    return (
        total("controller_runtime_reconcile_total") >= FINISHED
        and total("workqueue_depth") == 0
        and total("controller_runtime_active_workers") == 0
    )
