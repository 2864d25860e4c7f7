"""What Spark itself says of libraries and programs that are not there, and what comes of it."""

from __future__ import annotations

import asyncio

import pytest
from plane import phase, reason
from test_spark_itself import PATIENCE, sample, spark  # noqa: F401 # a fixture

from hack.demo.cluster import SPARK_JOB

pytestmark = pytest.mark.heavy

BAD = {
    "library": (
        {"dependencies": ["org.example:none:1"]},
        "DependencyFailed",
        # Whether or not there is a way to the repository from here.
        ("Spark finds no org.example:none:1.", "the repository of libraries did not answer."),
    ),
    "jar": (
        {"entrypoint": "local:///opt/none.jar"},
        "EntrypointNotFound",
        ("spec.entrypoint: there is no local:///opt/none.jar.",),
    ),
    "class": (
        {"entrypoint": "local:///opt/none.jar", "mainClass": "org.example.Main"},
        "EntrypointNotFound",
        ("spec.entrypoint: there is no local:///opt/none.jar.",),
    ),
    "file": (
        {"entrypoint": "local:///opt/none.py"},
        "EntrypointNotFound",
        ("spec.entrypoint: there is no local:///opt/none.py.",),
    ),
}


async def test_what_is_not_there_is_named(spark, namespace, manager):  # noqa: F811 # the fixture
    for name, (spec, _, _) in BAD.items():
        await namespace.apply({**sample(**spec), "metadata": {"name": name}}, SPARK_JOB)
    ends = (namespace.ended(name, SPARK_JOB, PATIENCE) for name in BAD)
    for ended in await asyncio.gather(*ends):
        _, wanted, words = BAD[ended["metadata"]["name"]]
        assert (phase(ended), reason(ended)) == ("Failed", wanted), ended["status"]
        assert any(each in ended["status"]["message"] for each in words), ended["status"]
