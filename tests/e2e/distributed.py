"""What tests of programs that run on several pods share."""

from __future__ import annotations

import json

import yaml
from plane import FRAMEWORK, ROOT, SIZE, framework, size

from hack.demo import cluster
from hack.demo.environment import framework_environment
from mlctl_core.objects.kinds import POD

PROBE = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "probe"},
    "spec": {
        "restartPolicy": "Never",
        "containers": [{"name": "main", "image": "test.local/python:3", "command": ["true"]}],
    },
}


class Frameworks:
    """Adds frameworks and sizes to a plane that runs, with the images that they need."""

    def __init__(self, kubeconfig, client):
        self._images = kubeconfig.parent / "images.yaml"
        self._client = client

    async def add(self, name, kind, *, requirements="", **spec):
        """A framework of that type; `requirements` names the lock file of its environment."""
        obj = framework(name)
        image = obj["spec"]["images"]["cpu"]
        if requirements:
            image = f"test.local/{name}"
            lock = ROOT / "requirements" / f"{requirements}.txt"
            self._map(image, await framework_environment(requirements, lock))
        images = {"cpu": image, "gpu": image}
        obj["spec"] |= {"type": kind, "images": images, **spec}
        await cluster.apply(self._client, [obj])
        return await self._client.get(FRAMEWORK, name)

    async def add_size(self, name, **spec):
        """A size."""
        await cluster.apply(self._client, [size(name, **spec)])
        return await self._client.get(SIZE, name)

    def _map(self, image, environment):
        images = yaml.safe_load(self._images.read_text())
        images[image] = {"path": str(environment), "env": {"TF_CPP_MIN_LOG_LEVEL": "1"}}
        # Whole at once: the nodes may look at any time.
        fresh = self._images.with_suffix(".new")
        fresh.write_text(yaml.safe_dump(images))
        fresh.replace(self._images)


async def has_own_addresses(namespace):
    """Whether the kernel lets pods have addresses of their own."""
    await namespace.create(POD, PROBE)
    found = await namespace.until("probe", lambda o: o["status"].get("podIP"), POD)
    await namespace.client.delete(POD, "probe", namespace.name, grace_period_seconds=0)
    return found["status"]["podIP"] != found["status"]["hostIP"]


def environment_of(pod):
    """The literal variables of a pod's main container."""
    [main] = [c for c in pod["spec"]["containers"] if c["name"] == "main"]
    return {v["name"]: v["value"] for v in main["env"] if "value" in v}


def tf_config_of(pod):
    """What a pod is told of its cluster; None when it is told nothing."""
    text = environment_of(pod).get("TF_CONFIG")
    return json.loads(text) if text else None
