"""The roles of a TensorFlowJob at work, with any Python in the place of TensorFlow."""

from __future__ import annotations

import asyncio

import pytest
from distributed import Frameworks, tf_config_of
from plane import SIZE, phase, reason

from hack.demo.cluster import TENSORFLOW_JOB
from mlctl_core.objects.kinds import CONFIG_MAP, POD, SERVICE

FOR_EVER = "import time; time.sleep(600)"
# Parameter servers serve until they are told to stop; the others have something to do.
BY_ROLE = """\
import json, os, time
task = json.loads(os.environ["TF_CONFIG"])["task"]
if task["type"] in ("ps", "evaluator"):
    time.sleep(600)
print("accuracy=0.9")
"""


def job(name, code=BY_ROLE, roles=None, **spec):
    return {
        "apiVersion": "mlctl.dev/v1alpha1",
        "kind": "TensorFlowJob",
        "metadata": {"name": name},
        "spec": {
            "framework": "tensorflow-stand-in",
            "size": "small",
            "entrypoint": "train.py",
            "source": {"inline": {"train.py": code}},
            **({"roles": roles} if roles else {}),
            **spec,
        },
    }


@pytest.fixture
async def jobs(kubeconfig, namespace, manager):
    frameworks = Frameworks(kubeconfig, namespace.client)
    await frameworks.add("tensorflow-stand-in", "TensorFlow")
    await frameworks.add("tensorflow-all", "TensorFlow", tensorflow={"evaluatorInCluster": True})
    return Jobs(namespace)


class Jobs:
    def __init__(self, namespace):
        self._namespace = namespace

    async def apply(self, obj):
        await self._namespace.apply(obj, TENSORFLOW_JOB)

    async def until(self, name, wanted):
        return await self._namespace.until(name, wanted, TENSORFLOW_JOB)

    async def ended(self, name):
        return await self._namespace.ended(name, TENSORFLOW_JOB)

    async def pods(self):
        return {pod["metadata"]["name"]: pod for pod in await self._namespace.all(POD)}


EVERY_ROLE = {
    "chief": {"replicas": 1},
    "worker": {"replicas": 2},
    "ps": {"replicas": 1},
    "evaluator": {"replicas": 1},
}


async def test_each_replica_is_told_of_its_cluster_and_the_chief_ends_the_job(jobs, namespace):
    await jobs.apply(job("mnist", roles=EVERY_ROLE))
    running = await jobs.until("mnist", lambda o: phase(o) in {"Running", "Succeeded"})
    assert running["status"]["replicaStatuses"]["worker"]["desired"] == 2
    ended = await jobs.ended("mnist")
    assert phase(ended) == "Succeeded", ended["status"]
    assert ended["status"]["metrics"]["accuracy"]["value"] == "0.9"

    pods = await jobs.pods()
    told = tf_config_of(pods["tfjob-mnist-chief-0"])
    assert told["task"] == {"type": "chief", "index": 0}
    assert sorted(told["cluster"]) == ["chief", "ps", "worker"]
    assert told["cluster"]["chief"] == [
        f"tfjob-mnist-chief-0.tfjob-mnist.{namespace.name}.svc:2222"
    ]
    # What serves for ever is stopped with the job.
    async with asyncio.timeout(60):
        while {"tfjob-mnist-ps-0", "tfjob-mnist-evaluator-0"} & set(await jobs.pods()):
            await asyncio.sleep(0.1)


async def test_a_framework_may_have_the_evaluator_listed_everywhere(jobs):
    roles = {"worker": {"replicas": 1}, "evaluator": {"replicas": 1}}
    await jobs.apply(job("mnist", FOR_EVER, roles, framework="tensorflow-all"))
    await jobs.until("mnist", lambda o: phase(o) == "Running")
    told = tf_config_of((await jobs.pods())["tfjob-mnist-worker-0"])
    assert sorted(told["cluster"]) == ["evaluator", "worker"]


async def test_all_workers_have_to_succeed_where_the_job_says_so(jobs):
    code = "import json, os, sys; sys.exit(json.loads(os.environ['TF_CONFIG'])['task']['index'])"
    roles = {"worker": {"replicas": 2}}
    await jobs.apply(job("all", code, roles, successPolicy="AllWorkers"))
    failed = await jobs.ended("all")
    assert (phase(failed), reason(failed)) == ("Failed", "AppError")


async def test_a_worker_without_parameter_servers_takes_all_with_it(jobs):
    """The others would wait for it in vain."""
    code = """\
import json, os, sys, time
if json.loads(os.environ["TF_CONFIG"])["task"]["index"] == 1:
    time.sleep(1)
    sys.exit(3)
time.sleep(600)
"""
    await jobs.apply(job("pair", code, {"worker": {"replicas": 2}}, backoffLimit=1))
    again = await jobs.until("pair", lambda o: o.get("status", {}).get("attempt") == 2)
    assert again["status"]["restarts"] == 1
    assert again["status"]["restartHistory"][0]["pod"] == "tfjob-pair-worker-1"
    ended = await jobs.ended("pair")
    assert (phase(ended), reason(ended)) == ("Failed", "BackoffLimitExceeded")
    assert ended["status"]["restarts"] == 1


async def test_a_worker_that_parameter_servers_serve_is_replaced_alone(jobs, namespace):
    roles = {"worker": {"replicas": 2}, "ps": {"replicas": 1}}
    await jobs.apply(job("served", FOR_EVER, roles))
    await jobs.until("served", lambda o: phase(o) == "Running")
    before = await jobs.pods()
    await namespace.client.delete(POD, "tfjob-served-worker-1", namespace.name)
    await namespace.until(
        "tfjob-served-worker-1",
        lambda o: (
            o["metadata"]["uid"] != before["tfjob-served-worker-1"]["metadata"]["uid"]
            and phase(o) == "Running"
        ),
        POD,
    )
    after = await jobs.pods()
    for name in ("tfjob-served-worker-0", "tfjob-served-ps-0"):
        assert after[name]["metadata"]["uid"] == before[name]["metadata"]["uid"]
    job_now = await jobs.until("served", lambda o: o["status"].get("infraRestarts"))
    assert job_now["status"]["attempt"] == 1


async def test_a_size_of_a_role_that_is_not_there_is_waited_for(jobs, kubeconfig, namespace):
    roles = {"worker": {"replicas": 1, "size": "not-yet"}}
    await jobs.apply(job("sized", "print('accuracy=1')", roles))
    waiting = await jobs.until("sized", lambda o: reason(o) == "SizeNotFound")
    assert waiting["status"]["message"].startswith("spec.roles.worker.size: there is no Size")
    await Frameworks(kubeconfig, namespace.client).add_size("not-yet")
    try:
        assert phase(await jobs.ended("sized")) == "Succeeded"
    finally:
        await namespace.client.delete(SIZE, "not-yet")


async def test_a_service_of_somebody_elses_is_left_alone_and_waited_for(jobs, namespace):
    foreign = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "tfjob-taken"},
        "spec": {"clusterIP": "None", "selector": {"app": "somebody-elses"}},
    }
    before = (await namespace.create(SERVICE, foreign))["metadata"]
    await jobs.apply(job("taken", "print('accuracy=1')", {"worker": {"replicas": 2}}))
    blocked = await jobs.until("taken", lambda o: reason(o) == "NameTaken")
    assert "Service tfjob-taken" in blocked["status"]["message"]
    [untouched] = await namespace.all(SERVICE)
    assert untouched["metadata"]["resourceVersion"] == before["resourceVersion"]
    await namespace.client.delete(SERVICE, "tfjob-taken", namespace.name)
    assert phase(await jobs.ended("taken")) == "Succeeded"


async def test_a_job_that_is_deleted_leaves_nothing(jobs, namespace):
    await jobs.apply(job("gone", FOR_EVER, EVERY_ROLE))
    await jobs.until("gone", lambda o: phase(o) == "Running")
    await namespace.client.delete(TENSORFLOW_JOB, "gone", namespace.name)
    await namespace.gone(TENSORFLOW_JOB, POD, SERVICE, CONFIG_MAP)


async def test_dependencies_are_refused_where_a_frameworks_packages_are_read_only(
    jobs, kubeconfig, namespace
):
    frameworks = Frameworks(kubeconfig, namespace.client)
    await frameworks.add("tensorflow-sealed", "TensorFlow", python={"packagesReadOnly": True})
    wanted = job("sealed", "print('accuracy=1')", framework="tensorflow-sealed")
    await jobs.apply({**wanted, "spec": {**wanted["spec"], "dependencies": ["pandas"]}})
    waiting = await jobs.until("sealed", lambda o: reason(o) == "DependenciesForbidden")
    assert "remove dependencies" in waiting["status"]["message"]
    await jobs.apply(wanted)
    assert phase(await jobs.ended("sealed")) == "Succeeded"
