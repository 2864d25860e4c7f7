"""Spark itself: a driver that asks our API server for its executors, and counts words with them."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from contextlib import aclosing

import pytest
from distributed import Frameworks, has_own_addresses
from plane import MANIFESTS, ROOT, condition, phase

from hack.demo import cluster
from hack.demo.cluster import SPARK_JOB
from hack.demo.kinds import LEAST_JAVA, java_version
from mlctl_core.client.errors import NotFoundError
from mlctl_core.objects.kinds import CONFIG_MAP, POD, ROLE_BINDING, SERVICE, SERVICE_ACCOUNT

pytestmark = pytest.mark.heavy

SAMPLE = MANIFESTS / "samples" / "words.yaml"
DRIVER = "sparkjob-words-driver"
# Two JVMs and their Python, on a machine that may do much else.
PATIENCE = 600
# What the sample does not say of itself: where the work was done, and as what.
TELLS = """\
import os
from pyspark.sql import SparkSession
sc = SparkSession.builder.getOrCreate().sparkContext
where = lambda _: (os.environ["SPARK_EXECUTOR_POD_NAME"], os.environ["GREETING"], os.getcwd())
print("work was done by", sorted(set(sc.parallelize(range(64), 8).map(where).collect())))
print("application", sc.applicationId)
"""


@pytest.fixture
async def spark(kubeconfig, namespace):
    if java_version() < LEAST_JAVA:
        pytest.skip(f"no Java {LEAST_JAVA} or newer on PATH, which Spark runs on")
    if not await has_own_addresses(namespace):
        pytest.skip("this kernel gives pods no addresses of their own: executors find no driver")
    frameworks = Frameworks(kubeconfig, namespace.client)
    command = ["python", str(ROOT / "hack" / "demo" / "spark_entrypoint.py")]
    await frameworks.add("spark", "Spark", requirements="spark", command=command)
    await frameworks.add_size("spark", cpu="1", memory="1Gi")


def sample(tells=TELLS, **more):
    [found] = cluster.documents([SAMPLE])
    spec = found["spec"] | {"size": "spark", **more}
    files = spec["source"]["inline"]
    spec["source"] = {"inline": {**files, "words.py": tells + files["words.py"]}}
    return {**found, "spec": spec}


def counted(text):
    return Counter(word for word in re.split("[^a-z]+", text.lower()) if word)


class Executors:
    """Every pod of an executor that there ever was in a namespace."""

    def __init__(self, namespace):
        self._namespace = namespace
        self.seen = {}

    async def watch(self):
        events = self._namespace.client.watch(
            POD, self._namespace.name, label_selector="spark-role=executor"
        )
        async with aclosing(events):
            async for event in events:
                pod = json.loads(event.raw)
                self.seen[pod["metadata"]["name"]] = pod


@pytest.fixture
async def executors(namespace):
    found = Executors(namespace)
    watching = asyncio.create_task(found.watch())
    yield found
    watching.cancel()
    await asyncio.wait([watching])


async def test_two_executors_count_the_words_of_a_poem(spark, namespace, manager, executors):
    job = sample(env=[{"name": "GREETING", "value": "hello"}])
    await namespace.apply(job, SPARK_JOB)
    ended = await namespace.ended("words", SPARK_JOB, patience=PATIENCE)
    log = await namespace.log(DRIVER)
    assert phase(ended) == "Succeeded", (ended["status"], log)
    assert condition(ended, "Succeeded") == "True"

    words = counted(job["spec"]["source"]["inline"]["poem.txt"])
    metrics = ended["status"]["metrics"]
    assert metrics["words"]["value"] == str(words.total())
    for word, count in words.most_common(1):
        assert metrics[word]["value"] == str(count)

    names = ["sparkjob-words-1-exec-1", "sparkjob-words-1-exec-2"]
    assert sorted(executors.seen) == names
    work = [(name, "hello", "/mlctl/work") for name in names]
    assert f"work was done by {work}" in log
    driver = await namespace.get(DRIVER, POD)
    for pod in executors.seen.values():
        [owner] = pod["metadata"]["ownerReferences"]
        assert (owner["name"], owner["uid"]) == (DRIVER, driver["metadata"]["uid"])
        assert pod["metadata"]["labels"]["mlctl.dev/attempt"] == "1"
        [container] = pod["spec"]["containers"]
        amounts = {"cpu": "1", "memory": "1Gi"}
        assert container["resources"] == {"requests": amounts, "limits": amounts}
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
        assert not any("serviceaccount" in m["mountPath"] for m in container["volumeMounts"])

    await nothing_stays(namespace)


async def test_executors_come_as_the_work_does(spark, namespace, manager, executors):
    job = sample(dynamicAllocation={"min": 0, "max": 2}, executor={"instances": 1}, tells="")
    await namespace.apply(job, SPARK_JOB)
    ended = await namespace.ended("words", SPARK_JOB, patience=PATIENCE)
    assert phase(ended) == "Succeeded", (ended["status"], await namespace.log(DRIVER))
    assert 1 <= len(executors.seen) <= 2
    await nothing_stays(namespace)


async def nothing_stays(namespace):
    """Delete the job: all that was there for it goes."""
    await namespace.client.delete(SPARK_JOB, "words", namespace.name)
    own = {"kube-root-ca.crt", "default"}
    async with asyncio.timeout(60):
        for kind in (POD, SERVICE, CONFIG_MAP, SERVICE_ACCOUNT, ROLE_BINDING):
            while {o["metadata"]["name"] for o in await namespace.all(kind)} - own:
                await asyncio.sleep(0.1)
    with pytest.raises(NotFoundError):
        await namespace.client.get(SPARK_JOB, "words", namespace.name)
