"""The demo's view of the cluster: apply files, follow one job, delete it, all over HTTP."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

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
JVM_JOB = Kind("mlctl.dev", "v1alpha1", "JVMJob", "jvmjobs")
_KINDS = {
    "Framework": Kind("mlctl.dev", "v1alpha1", "Framework", "frameworks", namespaced=False),
    "Size": Kind("mlctl.dev", "v1alpha1", "Size", "sizes", namespaced=False),
    "JVMJob": JVM_JOB,
    "PythonJob": PYTHON_JOB,
    "SparkJob": SPARK_JOB,
    "TensorFlowJob": TENSORFLOW_JOB,
    "CustomResourceDefinition": CRD,
}


def documents(paths: Iterable[Path]) -> list[Json]:
    """Return every object of the YAML files, kustomizations left out."""
    found = [doc for path in sorted(paths) for doc in yaml.safe_load_all(path.read_text()) if doc]
    return [doc for doc in found if doc["kind"] in _KINDS]


async def apply(client: Client, objects: Iterable[Json]) -> None:
    """Apply the objects as `kubectl apply --server-side` does."""
    for obj in objects:
        kind = _KINDS[obj["kind"]]
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
    # null where a kube-apiserver has not looked at the CRD yet
    conditions = (crd.get("status") or {}).get("conditions") or []
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)


async def states(client: Client, job: Json) -> AsyncIterator[Json]:
    """Yield the job in each state that a watch shows, from now on."""
    kind, name = _KINDS[job["kind"]], job["metadata"]["name"]
    page = await client.list_page(kind, "default")
    for item in page.items:
        if (state := json.loads(item))["metadata"]["name"] == name:
            yield state
    version = page.resource_version
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            async for event in client.watch(kind, "default", resource_version=version):
                state = json.loads(event.raw)
                version = state["metadata"]["resourceVersion"]
                if event.type in {"ADDED", "MODIFIED"} and state["metadata"]["name"] == name:
                    yield state


async def follow_log(client: Client, pod: str) -> AsyncIterator[str]:
    """Yield the lines of the pod's main container as they are written."""
    rest = b""
    async for chunk in client.follow_pod_log(pod, "default", container="main"):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.decode(errors="replace")


async def pods(client: Client, job: Json) -> list[Json]:
    """Return the pods that the job has."""
    selector = f"mlctl.dev/kind={job['kind']},mlctl.dev/name={job['metadata']['name']}"
    page = await client.list_page(POD, "default", label_selector=selector)
    return [json.loads(item) for item in page.items]


async def delete_and_wait(client: Client, job: Json) -> None:
    """Delete the job and wait until it and its pods are gone."""
    kind, name = _KINDS[job["kind"]], job["metadata"]["name"]
    await client.delete(kind, name, "default")
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await _exists(client, kind, name) or (await client.list_page(POD, "default")).items:
            await asyncio.sleep(0.05)


async def _exists(client: Client, kind: Kind, name: str) -> bool:
    try:
        await client.get(kind, name, "default")
    except NotFoundError:
        return False
    return True
