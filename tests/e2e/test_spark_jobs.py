"""SparkJobs with a stand-in for Spark: what becomes of driver, executors and all the rest."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from distributed import Frameworks
from plane import ManagerProcess, condition, phase, reason

from hack.demo.cluster import SPARK_JOB
from mlctl_core.objects.kinds import CONFIG_MAP, POD, ROLE_BINDING, SERVICE, SERVICE_ACCOUNT

STAND_IN = Path(__file__).with_name("spark_stand_in.py")
DRIVER = "sparkjob-count-driver"
CHILDREN = (POD, SERVICE, CONFIG_MAP, SERVICE_ACCOUNT, ROLE_BINDING)


def job(*args, **spec):
    return {
        "apiVersion": "mlctl.dev/v1alpha1",
        "kind": "SparkJob",
        "metadata": {"name": "count"},
        "spec": {
            "framework": "spark-stand-in",
            "size": "spark",
            "entrypoint": "count.py",
            "args": list(args),
            "executor": {"instances": 2},
            "source": {"inline": {"count.py": "print()"}},
            **spec,
        },
    }


@pytest.fixture
async def spark(kubeconfig, namespace):
    frameworks = Frameworks(kubeconfig, namespace.client)
    await frameworks.add("spark-stand-in", "Spark", command=["python", str(STAND_IN)])
    await frameworks.add_size("spark", cpu="100m", memory="1Gi")


async def names(namespace, kind):
    own = {"kube-root-ca.crt", "default"}
    return {obj["metadata"]["name"] for obj in await namespace.all(kind)} - own


async def running(namespace, name=DRIVER):
    return await namespace.until(name, lambda pod: pod["status"].get("phase") == "Running", POD)


def executors_run(job):
    """Whether the status says that both executors run; it does within ten seconds."""
    counts = job["status"].get("replicaStatuses", {}).get("executor", {})
    return (counts.get("desired"), counts.get("running")) == (2, 2)


async def test_a_driver_makes_its_executors_and_nothing_of_it_stays(spark, namespace, manager):
    await namespace.apply(job(), SPARK_JOB)
    ended = await namespace.ended("count", SPARK_JOB)
    assert phase(ended) == "Succeeded", (ended["status"], await namespace.log(DRIVER))
    assert ended["status"]["metrics"]["executors"]["value"] == "2"
    assert ended["status"]["replicaStatuses"]["driver"]["succeeded"] == 1

    assert await names(namespace, SERVICE) == {"sparkjob-count-driver-svc"}
    assert await names(namespace, SERVICE_ACCOUNT) == {"sparkjob-count"}
    assert await names(namespace, ROLE_BINDING) == {"sparkjob-count"}
    assert await names(namespace, CONFIG_MAP) == {"sparkjob-count-conf", "sparkjob-count-code"}
    pods = {pod["metadata"]["name"]: pod for pod in await namespace.all(POD)}
    assert pods.keys() == {DRIVER, "sparkjob-count-1-exec-1", "sparkjob-count-1-exec-2"}

    await namespace.client.delete(SPARK_JOB, "count", namespace.name)
    for kind in CHILDREN:
        for name in await names(namespace, kind):
            await gone(namespace, kind, name)


async def gone(namespace, kind, name):
    async with asyncio.timeout(60):
        while name in await names(namespace, kind):
            await asyncio.sleep(0.05)


async def test_another_attempt_has_a_new_driver_and_new_executors(spark, namespace, manager):
    await namespace.apply(job("fail", backoffLimit=1), SPARK_JOB)
    ended = await namespace.ended("count", SPARK_JOB)
    assert phase(ended) == "Succeeded", ended["status"]
    assert ended["status"]["restarts"] == 1
    [restart] = ended["status"]["restartHistory"]
    assert (restart["pod"], restart["exitCode"]) == (DRIVER, 3)
    assert "attempt=2 of spark-" in await namespace.log(DRIVER)
    # The executors of the first went with their driver, before there was another.
    assert not any("-1-exec-" in name for name in await names(namespace, POD))


async def test_a_manager_that_comes_back_finds_its_driver(
    spark, namespace, proxy, kubeconfig, tmp_path
):
    manager = ManagerProcess(kubeconfig, namespace.name, tmp_path)
    await manager.start()
    await namespace.apply(job("wait"), SPARK_JOB)
    before = await running(namespace)
    await running(namespace, "sparkjob-count-1-exec-2")
    shown = await namespace.until("count", executors_run, SPARK_JOB)
    page = f"http://sparkjob-count-driver-svc.{namespace.name}.svc:4040"
    assert shown["status"]["links"] == {"ui": page}
    assert shown["status"]["resources"] == {"cpu": "300m", "memory": "3Gi"}
    await manager.kill()
    await manager.start()
    try:
        found = await namespace.until("count", lambda o: phase(o) == "Running", SPARK_JOB)
        assert found["status"]["attempt"] == 1
        pods = {pod["metadata"]["name"]: pod for pod in await namespace.all(POD)}
        assert pods[DRIVER]["metadata"]["uid"] == before["metadata"]["uid"]
        assert len(pods) == 3

        await namespace.apply(job("wait", suspend=True), SPARK_JOB)
        await namespace.until("count", lambda o: phase(o) == "Suspended", SPARK_JOB)
        for name in pods:
            await gone(namespace, POD, name)
    finally:
        await manager.stop()


async def test_a_service_of_somebody_else_is_left_alone(spark, namespace, manager):
    other = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "sparkjob-count-driver-svc"},
        "spec": {"ports": [{"port": 80}], "selector": {"app": "mine"}},
    }
    await namespace.create(SERVICE, other)
    await namespace.apply(job(), SPARK_JOB)
    waiting = await namespace.until("count", lambda o: reason(o) == "NameTaken", SPARK_JOB)
    assert "sparkjob-count-driver-svc" in waiting["status"]["message"]
    assert not await names(namespace, POD)

    await namespace.client.delete(SERVICE, "sparkjob-count-driver-svc", namespace.name)
    ended = await namespace.ended("count", SPARK_JOB)
    assert condition(ended, "Succeeded") == "True"


async def test_what_somebody_deletes_beside_a_driver_is_made_again(spark, namespace, manager):
    await namespace.apply(job("wait"), SPARK_JOB)
    driver = await running(namespace)
    for kind, name in (
        (SERVICE, "sparkjob-count-driver-svc"),
        (CONFIG_MAP, "sparkjob-count-conf"),
        (SERVICE_ACCOUNT, "sparkjob-count"),
        (ROLE_BINDING, "sparkjob-count"),
    ):
        [first] = [o for o in await namespace.all(kind) if o["metadata"]["name"] == name]
        uid = first["metadata"]["uid"]
        await namespace.client.delete(kind, name, namespace.name)
        await namespace.until(name, lambda o, uid=uid: o["metadata"]["uid"] != uid, kind)
    again = await namespace.get(DRIVER, POD)
    assert again["metadata"]["uid"] == driver["metadata"]["uid"]


async def test_a_size_that_spark_does_not_fit_into_is_told(spark, namespace, manager):
    await namespace.apply(job(size="small"), SPARK_JOB)
    told = await namespace.until("count", lambda o: reason(o) == "SizeUnsuitable", SPARK_JOB)
    assert "needs 896Mi" in told["status"]["message"]
    await namespace.apply(job(), SPARK_JOB)
    assert phase(await namespace.ended("count", SPARK_JOB)) == "Succeeded"
