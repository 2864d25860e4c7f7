from __future__ import annotations

import asyncio

import pytest
from plane import JOB, condition, job, phase

from mlctl_core.objects.kinds import CONFIG_MAP, POD


async def settled(proxy):
    """Wait until no write has come for a while; what is measured is that none comes."""
    seen = -1
    while seen != len(proxy.writes):
        seen = len(proxy.writes)
        await asyncio.sleep(0.5)


async def test_a_job_succeeds_with_its_metric_in_status_and_few_writes(namespace, manager, proxy):
    await namespace.apply(job("digits"))
    ended = await namespace.ended("digits")
    assert phase(ended) == "Succeeded", ended["status"]
    assert condition(ended, "Succeeded") == "True"
    assert condition(ended, "Failed") != "True"
    assert ended["status"]["metrics"]["accuracy"]["value"] == "0.97"
    await namespace.released("digits")
    await settled(proxy)
    by_resource = {}
    for write in proxy.writes:
        by_resource.setdefault((write.method, write.resource), []).append(write)
    assert len(by_resource.pop(("PATCH", "pythonjobs/status"))) <= 5
    counts = {what: len(writes) for what, writes in by_resource.items()}
    assert counts == {("POST", "pods"): 1, ("POST", "configmaps"): 1, ("PATCH", "pods"): 1}
    assert [news.json()["reason"] for news in proxy.news] == ["SuccessfulCreate", "Completed"]


async def test_an_idle_manager_writes_nothing(namespace, manager, proxy):
    await namespace.apply(job("digits"))
    await namespace.ended("digits")
    await namespace.released("digits")
    await settled(proxy)
    before = len(proxy.writes)
    await manager.stop()
    await manager.start()
    await settled(proxy)
    assert len(proxy.writes) == before


async def test_metrics_show_reconciling_and_who_holds_which_gpu(namespace, manager):
    await namespace.apply(job("digits", "import time; time.sleep(60)", size="gpu"))
    await namespace.until("digits", lambda o: phase(o) == "Running")
    samples = await manager.metrics()
    gpu = (("node", "gpu-1"), ("resource", "nvidia.com/gpu"))
    assert samples["mlctl_gpu_allocated", gpu] == 1
    assert samples["mlctl_gpu_free_largest_block", gpu] == 1
    controller = (("controller", "pythonjob"),)
    assert samples["controller_runtime_reconcile_time_seconds_count", controller] >= 3
    assert samples["controller_runtime_reconcile_errors_total", controller] == 0
    names = {name for name, _ in samples}
    assert {"workqueue_depth", "workqueue_adds_total", "rest_client_requests_total"} <= names


@pytest.mark.parametrize("moment", ["Pending", "Running"])
async def test_a_job_deleted_at_any_time_leaves_nothing(namespace, manager, moment):
    await namespace.apply(job("digits", "import time; time.sleep(60)"))
    if moment == "Running":
        await namespace.until("digits", lambda o: phase(o) == "Running")
    await namespace.client.delete(JOB, "digits", namespace.name)
    await namespace.gone(JOB, POD, CONFIG_MAP)


async def test_the_same_name_again_at_once_is_another_job(namespace, manager):
    await namespace.apply(job("digits", "import time; time.sleep(60)"))
    first = await namespace.until("digits", lambda o: phase(o) == "Running")
    await namespace.client.delete(JOB, "digits", namespace.name)
    await namespace.gone(JOB)
    await namespace.apply(job("digits"))
    ended = await namespace.ended("digits")
    assert ended["metadata"]["uid"] != first["metadata"]["uid"]
    assert phase(ended) == "Succeeded", ended["status"]
    [pod] = await namespace.all(POD)
    assert pod["metadata"]["ownerReferences"][0]["uid"] == ended["metadata"]["uid"]


async def test_a_stopped_manager_exits_cleanly(namespace, manager):
    assert await manager.stop() == 0
