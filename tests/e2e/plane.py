"""A control plane and managers as real processes, and the few words the tests need for them."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from contextlib import aclosing, asynccontextmanager, contextmanager
from http import HTTPStatus
from pathlib import Path

import aiohttp
import yaml
from prometheus_client.parser import text_string_to_metric_families

from hack.demo import cluster
from hack.demo.processes import stop, wait_for_line
from mlctl_core.client.client import Client
from mlctl_core.client.config import load_config
from mlctl_core.client.errors import NotFoundError
from mlctl_core.objects.kinds import CONFIG_MAP, NAMESPACE, POD, Kind

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "manifests"
IMAGE = "test.local/python:3"
# A generous bound on what takes about a second: a test fails on it, none waits for it.
PATIENCE = 60
JOB = cluster.PYTHON_JOB
FRAMEWORK = Kind("mlctl.dev", "v1alpha1", "Framework", "frameworks", namespaced=False)
SIZE = Kind("mlctl.dev", "v1alpha1", "Size", "sizes", namespaced=False)
PRINTS_A_METRIC = "print('accuracy=0.97')"


def framework(name):
    """A Framework of which only this machine's own Python is needed."""
    return {
        "apiVersion": "mlctl.dev/v1alpha1",
        "kind": "Framework",
        "metadata": {"name": name},
        "spec": {"type": "Python", "version": "3", "images": {"cpu": IMAGE, "gpu": IMAGE}},
    }


def size(name, **spec):
    """A Size, small unless told."""
    return {
        "apiVersion": "mlctl.dev/v1alpha1",
        "kind": "Size",
        "metadata": {"name": name},
        "spec": {"cpu": "100m", "memory": "64Mi", **spec},
    }


CATALOGUE = [
    framework("python"),
    size("small"),
    size("gpu", gpu={"resource": "nvidia.com/gpu", "count": 1}),
    size("huge", cpu="4000"),
]


def job(name, code=PRINTS_A_METRIC, **spec):
    """A PythonJob that runs the code."""
    return {
        "apiVersion": "mlctl.dev/v1alpha1",
        "kind": "PythonJob",
        "metadata": {"name": name},
        "spec": {
            "framework": "python",
            "size": "small",
            "entrypoint": "main.py",
            "source": {"inline": {"main.py": code}},
            **spec,
        },
    }


@contextmanager
def control_plane(folder):
    """A control plane with the CRDs and a small catalogue; yields its kubeconfig."""
    kubeconfig, images = folder / "kubeconfig", folder / "images.yaml"
    images.write_text(yaml.safe_dump({IMAGE: {"path": sys.prefix, "env": {}}}))
    command = [sys.executable, "-m", "mlctl_core.embedded", "--kubeconfig-out", str(kubeconfig)]
    command += ["--images", str(images)]
    for node in ("name=cpu-1,pods=process,cpu=16", "name=gpu-1,pods=process,cpu=16,gpus=2"):
        command += ["--node", node]
    path = folder / "plane.log"
    with (
        path.open("w") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        try:
            asyncio.run(_install(process, path, kubeconfig))
            yield kubeconfig
        finally:
            process.terminate()


async def _install(process, log, kubeconfig):
    await wait_for_line(process, log, "ready https", PATIENCE)
    async with Client(load_config(str(kubeconfig))) as client:
        crds = cluster.documents((MANIFESTS / "crds").glob("*.yaml"))
        await cluster.apply(client, crds)
        await cluster.wait_established(client, [crd["metadata"]["name"] for crd in crds])
        await cluster.apply(client, CATALOGUE)


class ManagerProcess:
    """`python -m controllers` for one namespace, which can be killed and started again."""

    def __init__(self, kubeconfig, namespace, folder, *flags):
        self._arguments = [
            *("-m", "controllers", "--kubeconfig", str(kubeconfig), "--namespaces", namespace),
            *("--metrics-bind-address", "127.0.0.1:0"),
            *("--health-probe-bind-address", "127.0.0.1:0", *flags),
        ]
        self._folder = folder
        self._process = None
        self.log = None

    async def start(self):
        """Start it, and wait until its caches are filled."""
        earlier = len(list(self._folder.glob("manager-*.log")))
        self.log = self._folder / f"manager-{earlier + 1}.log"
        with self.log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *self._arguments,
                stdout=output,
                stderr=output,
                cwd=ROOT,
                start_new_session=True,
            )
        await wait_for_line(self._process, self.log, "caches filled", PATIENCE)

    async def kill(self):
        """SIGKILL: nothing is tidied up."""
        self._process.kill()
        await self._process.wait()

    async def stop(self):
        """SIGTERM; returns the exit code."""
        await stop(self._process)
        return self._process.returncode

    @property
    def peak_rss_bytes(self):
        """The most resident memory that it ever had."""
        lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        [peak] = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
        return int(peak) * 1024

    async def is_ready(self):
        """Whether /readyz says so."""
        status, _ = await self._ask("/readyz")
        return status == HTTPStatus.OK

    async def metrics(self):
        """The samples of /metrics: values by name and labels."""
        _, text = await self._ask("/metrics")
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    async def _ask(self, path):
        line = await wait_for_line(self._process, self.log, f'"{path}"', PATIENCE)
        address = json.loads(line)
        url = f"http://{address['host']}:{address['port']}{path}"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return response.status, await response.text()


@asynccontextmanager
async def managing(kubeconfig, namespace, folder, *flags):
    """Run a manager for a namespace; it must end well, unless it was killed."""
    process = ManagerProcess(kubeconfig, namespace, folder, *flags)
    await process.start()
    try:
        yield process
    finally:
        code = await process.stop()
    assert code in {0, -9}


def proxied_kubeconfig(path, url):
    """Write a kubeconfig that goes through a proxy, which has the credentials."""
    path.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "proxy",
                "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": ""}}],
                "clusters": [{"name": "proxy", "cluster": {"server": url}}],
            }
        )
    )
    return path


class Namespace:
    """One namespace of the plane, and what tests do in it."""

    def __init__(self, client, name):
        self.client = client
        self.name = name

    async def apply(self, obj, kind=JOB):
        """Create or change a job."""
        await self.client.apply(
            kind,
            {**obj, "metadata": {**obj["metadata"], "namespace": self.name}},
            field_manager="tests",
            force=True,
        )

    async def create(self, kind, obj):
        """Create an object, and return it as the server has it."""
        return json.loads(await self.client.create(kind, obj, self.name))

    async def get(self, name, kind=JOB):
        """The object, or None."""
        try:
            return json.loads(await self.client.get(kind, name, self.name))
        except NotFoundError:
            return None

    async def all(self, kind=POD):
        """All objects of a kind."""
        page = await self.client.list_all(kind, self.name)
        return [json.loads(item) for item in page.items]

    async def log(self, pod):
        """What a pod's main container has written."""
        return (await self.client.pod_log(pod, self.name, container="main")).decode()

    async def until(self, name, wanted, kind=JOB, patience=PATIENCE):
        """Wait until the object satisfies `wanted`, and return it."""
        last = None
        try:
            async with asyncio.timeout(patience):
                page = await self.client.list_all(kind, self.name)
                version = page.resource_version
                for item in page.items:
                    last = json.loads(item)
                    if last["metadata"]["name"] == name and wanted(last):
                        return last
                while True:
                    watch = self.client.watch(kind, self.name, resource_version=version)
                    async with aclosing(watch) as events:
                        async for event in events:
                            obj = json.loads(event.raw)
                            version = obj["metadata"]["resourceVersion"]
                            if event.type not in {"ADDED", "MODIFIED"}:
                                continue
                            if obj["metadata"]["name"] == name:
                                last = obj
                                if wanted(obj):
                                    return obj
        except TimeoutError:
            raise AssertionError(
                f"{kind.name} {name} stayed {json.dumps(last, indent=1)}"
            ) from None

    async def ended(self, name, kind=JOB, patience=PATIENCE):
        """Wait until the job has ended, and return it."""
        return await self.until(name, lambda o: phase(o) in {"Succeeded", "Failed"}, kind, patience)

    async def released(self, name):
        """Wait until the job's pod has been let go, which is the last write of a good life."""
        pod = f"pyjob-{name}-worker-0"
        return await self.until(pod, lambda o: not o["metadata"].get("finalizers"), POD)

    async def gone(self, *kinds):
        """Wait until no object of these kinds is left."""
        async with asyncio.timeout(PATIENCE):
            while any([await self._ours(kind) for kind in kinds]):
                await asyncio.sleep(0.02)

    async def _ours(self, kind):
        return [
            obj
            for obj in await self.all(kind)
            if kind is not CONFIG_MAP or obj["metadata"]["name"] != "kube-root-ca.crt"
        ]


def phase(obj):
    """The phase in an object's status."""
    return obj.get("status", {}).get("phase")


def reason(obj):
    """The reason in an object's status."""
    return obj.get("status", {}).get("reason")


def condition(obj, kind):
    """The status of a condition, or None."""
    found = [c for c in obj.get("status", {}).get("conditions", []) if c["type"] == kind]
    return found[0]["status"] if found else None


async def create_namespace(client, name):
    """Create a namespace."""
    await client.create(
        NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    )
