"""The demo's view of the cluster: apply files, follow one job, delete it, all over HTTP."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import yaml

from mlctl_core.client.errors import NotFoundError
from mlctl_core.objects.kinds import CRD, POD, Kind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from pathlib import Path

    from mlctl_core.client.client import Client
    from mlctl_core.objects.json import Json

FIELD_MANAGER = "demo"
# As long as any step of the demo may take; the job itself is done in seconds.
PATIENCE_SECONDS = 120
PYTHON_JOB = Kind("mlctl.dev", "v1alpha1", "PythonJob", "pythonjobs")
TENSORFLOW_JOB = Kind("mlctl.dev", "v1alpha1", "TensorFlowJob", "tensorflowjobs")
SPARK_JOB = Kind("mlctl.dev", "v1alpha1", "SparkJob", "sparkjobs")
_CATALOGUE = {
    "Framework": Kind("mlctl.dev", "v1alpha1", "Framework", "frameworks", namespaced=False),
    "Size": Kind("mlctl.dev", "v1alpha1", "Size", "sizes", namespaced=False),
    "PythonJob": PYTHON_JOB,
    "SparkJob": SPARK_JOB,
    "TensorFlowJob": TENSORFLOW_JOB,
    "CustomResourceDefinition": CRD,
}


def documents(paths: Iterable[Path]) -> list[Json]:
    """Return every object of the YAML files, kustomizations left out."""
    found = [doc for path in sorted(paths) for doc in yaml.safe_load_all(path.read_text()) if doc]
    return [doc for doc in found if doc["kind"] in _CATALOGUE]


async def apply(client: Client, objects: Iterable[Json]) -> None:
    """Apply the objects as `kubectl apply --server-side` does."""
    for obj in objects:
        kind = _CATALOGUE[obj["kind"]]
        place = {"namespace": "default"} if kind.namespaced else {}
        body = {**obj, "metadata": {**place, **obj["metadata"]}}
        await client.apply(kind, body, field_manager=FIELD_MANAGER, force=True)


async def wait_established(client: Client, names: Iterable[str]) -> None:
    """Wait until the server serves the kinds of these CRDs."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        for name in names:
            while not _established(json.loads(await client.get(CRD, name))):
                await asyncio.sleep(0.05)


def _established(crd: Json) -> bool:
    conditions = crd.get("status", {}).get("conditions", [])
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)


async def states(client: Client, name: str) -> AsyncIterator[Json]:
    """Yield the job in each state that a watch shows, from now on."""
    page = await client.list_page(PYTHON_JOB, "default")
    for item in page.items:
        if (job := json.loads(item))["metadata"]["name"] == name:
            yield job
    version = page.resource_version
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            async for event in client.watch(PYTHON_JOB, "default", resource_version=version):
                job = json.loads(event.raw)
                version = job["metadata"]["resourceVersion"]
                if event.type in {"ADDED", "MODIFIED"} and job["metadata"]["name"] == name:
                    yield job


async def follow_log(client: Client, pod: str) -> AsyncIterator[str]:
    """Yield the lines of the pod's main container as they are written."""
    rest = b""
    async for chunk in client.follow_pod_log(pod, "default", container="main"):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.decode(errors="replace")


async def pod(client: Client, name: str) -> Json | None:
    """Return the pod, if there is one."""
    try:
        found: dict[str, Any] = json.loads(await client.get(POD, name, "default"))
    except NotFoundError:
        return None
    return found


async def delete_and_wait(client: Client, name: str) -> None:
    """Delete the job and wait until it and its pods are gone."""
    await client.delete(PYTHON_JOB, name, "default")
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await _exists(client, name) or (await client.list_page(POD, "default")).items:
            await asyncio.sleep(0.05)


async def _exists(client: Client, name: str) -> bool:
    try:
        await client.get(PYTHON_JOB, name, "default")
    except NotFoundError:
        return False
    return True
