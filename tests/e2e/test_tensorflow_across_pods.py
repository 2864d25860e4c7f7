"""TensorFlow itself on two pods: it finds its peers by the TF_CONFIG and the names that we give."""

from __future__ import annotations

import pytest
from distributed import Frameworks, has_own_addresses
from plane import MANIFESTS, condition, phase

from hack.demo import cluster
from hack.demo.cluster import TENSORFLOW_JOB
from mlctl_core.objects.kinds import POD

pytestmark = pytest.mark.heavy

SAMPLE = MANIFESTS / "samples" / "digits_on_two_workers.yaml"
# What the sample does not say of itself.
TELLS = """\
import tensorflow as tf
resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
print(f"task {resolver.task_type} {resolver.task_id} of {resolver.cluster_spec().as_dict()}")
"""


def sample():
    """The sample job, on this test's framework, which brings what the sample has installed."""
    [found] = cluster.documents([SAMPLE])
    spec = {k: v for k, v in found["spec"].items() if k != "dependencies"}
    spec |= {"framework": "tensorflow", "size": "training"}
    spec["source"] = {"inline": {"train.py": TELLS + spec["source"]["inline"]["train.py"]}}
    return {**found, "spec": spec}


@pytest.fixture
async def tensorflow(kubeconfig, namespace):
    frameworks = Frameworks(kubeconfig, namespace.client)
    await frameworks.add("tensorflow", "TensorFlow", requirements="tensorflow")
    await frameworks.add_size("training", cpu="1", memory="2Gi")


async def test_two_workers_train_one_model(tensorflow, namespace, manager):
    if not await has_own_addresses(namespace):
        pytest.skip("this kernel gives pods no addresses of their own: two cannot serve at 2222")
    await namespace.apply(sample(), TENSORFLOW_JOB)
    ended = await namespace.ended("digits", TENSORFLOW_JOB, patience=300)
    logs = [await namespace.log(f"tfjob-digits-worker-{index}") for index in (0, 1)]

    assert phase(ended) == "Succeeded", (ended["status"], logs)
    assert condition(ended, "Succeeded") == "True"
    assert float(ended["status"]["metrics"]["accuracy"]["value"]) > 0.9
    hosts = [
        f"tfjob-digits-worker-{index}.tfjob-digits.{namespace.name}.svc:2222" for index in (0, 1)
    ]
    for index, log in enumerate(logs):
        assert f"task worker {index} of {{'worker': {hosts}}}" in log
    accuracies = {line for log in logs for line in log.splitlines() if line.startswith("accuracy")}
    assert len(accuracies) == 1, "workers that train in step have one model"


async def test_one_worker_trains_alone_without_a_cluster(tensorflow, namespace, manager):
    code = "import os, tensorflow as tf\nprint('TF_CONFIG' in os.environ, tf.reduce_sum([1, 2]))"
    alone = sample()
    alone["metadata"]["name"] = "alone"
    del alone["spec"]["roles"]
    alone["spec"]["source"]["inline"]["train.py"] = code
    await namespace.apply(alone, TENSORFLOW_JOB)
    ended = await namespace.ended("alone", TENSORFLOW_JOB, patience=300)

    assert phase(ended) == "Succeeded", ended["status"]
    assert "False tf.Tensor(3" in await namespace.log("tfjob-alone-worker-0")
    assert [pod["metadata"]["name"] for pod in await namespace.all(POD)] == ["tfjob-alone-worker-0"]
