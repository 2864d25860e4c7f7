"""scikit-learn itself, on a real data set, as the sample of the manifests has it."""

from __future__ import annotations

import pytest
from distributed import Frameworks
from plane import phase

from hack.demo import cluster
from hack.demo.size import SAMPLE

pytestmark = pytest.mark.heavy


async def test_the_sample_job_learns_the_digits(kubeconfig, namespace, manager):
    frameworks = Frameworks(kubeconfig, namespace.client)
    await frameworks.add("scikit-learn", "Python", requirements="scikit-learn")
    await frameworks.add_size("learning", cpu="1", memory="1Gi")
    [sample] = cluster.documents([SAMPLE])
    sample["spec"]["size"] = "learning"
    await namespace.apply(sample)
    ended = await namespace.ended("digits", patience=300)
    assert phase(ended) == "Succeeded", ended["status"]
    assert float(ended["status"]["metrics"]["accuracy"]["value"]) > 0.95
