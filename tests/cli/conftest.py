"""A control plane in a thread of this process, a namespace per test, and the command itself.

The command runs as a person's does: `main` on the main thread, a kubeconfig in the environment,
real HTTP to the server. Only what the controllers would have written is written by the tests.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest
import yaml

from mlctl_core.cli.main import main
from mlctl_core.client.client import Client
from mlctl_core.clock import SystemClock
from mlctl_core.embedded.apiserver.server import ApiServer, ApiServerOptions
from mlctl_core.embedded.node.agent import run_nodes
from mlctl_core.embedded.node.spec import parse_node_spec
from mlctl_core.objects.kinds import CRD, EVENT, NAMESPACE, POD, Kind

MANIFESTS = Path(__file__).parents[2] / "manifests"
JOB = Kind("mlctl.dev", "v1alpha1", "PythonJob", "pythonjobs")
FRAMEWORK = Kind("mlctl.dev", "v1alpha1", "Framework", "frameworks", namespaced=False)
SIZE = Kind("mlctl.dev", "v1alpha1", "Size", "sizes", namespaced=False)
IMAGE = "test.local/python:3"
NODE = "cpu-1"
# What is waited for takes well under a second; this only ends a test that waits in vain.
PATIENCE_SECONDS = 60
CATALOGUE = (
    (FRAMEWORK, "python", {"type": "Python", "version": "3", "images": {"cpu": IMAGE}}),
    (SIZE, "small", {"cpu": "100m", "memory": "64Mi"}),
    (SIZE, "large", {"cpu": "2", "memory": "1Gi"}),
)


class ControlPlane:
    """Called from the tests' thread, works in one of its own."""

    def __init__(self, loop, client, kubeconfig):
        self._loop = loop
        self.client = client
        self.kubeconfig = kubeconfig

    def run(self, coroutine):
        """Run it where the server runs, and return its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE_SECONDS)


@pytest.fixture(scope="session")
def plane(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plane")
    images = folder / "images.yaml"
    images.write_text(yaml.safe_dump({IMAGE: {"path": sys.prefix, "env": {}}}))
    started, ends = threading.Event(), []
    made = []

    async def serve():
        end = asyncio.Event()
        ends.append((asyncio.get_running_loop(), end))
        async with (
            ApiServer(ApiServerOptions(tls=False)) as server,
            Client(server.client_config()) as client,
        ):
            await _install(client)
            ready = asyncio.Event()
            spec = parse_node_spec(f"name={NODE},pods=process,cpu=16")
            nodes = run_nodes(client, [spec], clock=SystemClock(), images=images, ready=ready)
            task = asyncio.create_task(nodes)
            await ready.wait()
            kubeconfig = folder / "kubeconfig"
            kubeconfig.write_text(yaml.safe_dump(server.kubeconfig()))
            made.append(ControlPlane(asyncio.get_running_loop(), client, kubeconfig))
            started.set()
            await end.wait()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    assert started.wait(PATIENCE_SECONDS)
    yield made[0]
    [(loop, end)] = ends
    loop.call_soon_threadsafe(end.set)
    thread.join(PATIENCE_SECONDS)


async def _install(client):
    for file in sorted((MANIFESTS / "crds").glob("*s.yaml")):
        await client.create(CRD, yaml.safe_load(file.read_text()))
    async with asyncio.timeout(PATIENCE_SECONDS):
        for kind in (JOB, FRAMEWORK, SIZE):
            while not _is_established(await client.get(CRD, f"{kind.plural}.{kind.group}")):
                await asyncio.sleep(0.01)
    for kind, name, spec in CATALOGUE:
        await client.create(kind, manifest(kind, name, spec))


def _is_established(raw):
    conditions = json.loads(raw).get("status", {}).get("conditions", [])
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)


def manifest(kind, name, spec, **metadata):
    return {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "metadata": {"name": name, **metadata},
        "spec": spec,
    }


@pytest.fixture
def namespace(plane, request):
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    name = f"{words[:50].strip('-')}-{abs(hash(request.node.name)) % 10**6}"
    plane.run(plane.client.create(NAMESPACE, {"metadata": {"name": name}}))
    return Namespace(plane, name)


class Namespace:
    """What the controllers and the kubelets of a test's namespace would write."""

    def __init__(self, plane, name):
        self.plane = plane
        self.name = name

    def job(self, name="digits", status=None, **spec):
        """A PythonJob, with a status if one is given; returned as the server has it."""
        spec = {
            "framework": "python",
            "size": "small",
            "entrypoint": "train.py",
            "source": {"inline": {"train.py": "print('accuracy=0.9')\n"}},
            **spec,
        }
        client = self.plane.client
        made = self.plane.run(client.create(JOB, manifest(JOB, name, spec), self.name))
        if status is not None:
            body = {"status": status}
            made = self.plane.run(client.patch(JOB, name, body, self.name, subresource="status"))
        return json.loads(made)

    def pod(self, job, script="", *, node=NODE, status=None, prepare=None, **labels):
        """The job's pod: a shell script, or a status without a node that would change it."""
        labels = {
            "mlctl.dev/kind": "PythonJob",
            "mlctl.dev/name": job,
            "mlctl.dev/role": "worker",
            "mlctl.dev/index": "0",
        } | {f"mlctl.dev/{key}": value for key, value in labels.items()}
        name = f"pyjob-{job}-{labels['mlctl.dev/role']}-{labels['mlctl.dev/index']}"
        spec = {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "containers": [_shell("main", script)],
            **({"nodeName": node} if node else {}),
            **({"initContainers": [_shell("dependencies", prepare)]} if prepare else {}),
        }
        client = self.plane.client
        body = manifest(POD, name, spec, labels=labels)
        self.plane.run(client.create(POD, body, self.name))
        if status is not None:
            body = {"status": status}
            self.plane.run(client.patch(POD, name, body, self.name, subresource="status"))
        return name

    def read(self, job):
        """The job as the server has it."""
        return json.loads(self.plane.run(self.plane.client.get(JOB, job, self.name)))

    def jobs(self):
        """The names of all jobs."""
        page = self.plane.run(self.plane.client.list_all(JOB, self.name))
        return [json.loads(item)["metadata"]["name"] for item in page.items]

    def delete(self, job):
        """Delete a job."""
        self.plane.run(self.plane.client.delete(JOB, job, self.name))

    def ended(self, pod):
        """Wait until the pod has ended."""

        async def wait():
            while True:
                found = json.loads(await self.plane.client.get(POD, pod, self.name))
                if found["status"].get("phase") in {"Succeeded", "Failed"}:
                    return
                await asyncio.sleep(0.02)

        self.plane.run(wait())

    def warning(self, job, reason, note):
        """An event about a job."""
        body = {
            **manifest(EVENT, f"{job['metadata']['name']}.{reason.lower()}", {}),
            "type": "Warning",
            "reason": reason,
            "note": note,
            "action": "Reconcile",
            "eventTime": "2026-01-01T00:00:00.000000Z",
            "reportingController": "mlctl",
            "reportingInstance": "mlctl-0",
            "regarding": {
                "kind": "PythonJob",
                "name": job["metadata"]["name"],
                "namespace": self.name,
                "uid": job["metadata"]["uid"],
            },
        }
        del body["spec"]
        self.plane.run(self.plane.client.create(EVENT, body, self.name))


def _shell(name, script):
    return {"name": name, "image": IMAGE, "command": ["/bin/sh", "-c", script]}


@attrs.frozen
class Answer:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def lines(self):
        return self.out.splitlines()

    @property
    def table(self):
        """The cells of what was printed, by line."""
        return [re.split(r" {3,}", line) for line in self.lines]


@pytest.fixture
def anywhere(plane, capsys, monkeypatch):
    """Run `mlctl WORDS…` against the test's control plane; bad usage is an answer too."""
    monkeypatch.setenv("KUBECONFIG", str(plane.kubeconfig))

    def run(*words):
        try:
            code = main(words)
        except SystemExit as exited:
            code = exited.code
        return Answer(code, *capsys.readouterr())

    return run


@pytest.fixture
def mlctl(anywhere, namespace):
    """Run `mlctl WORDS…` in the test's namespace."""
    return lambda *words: anywhere("-n", namespace.name, *words)


@pytest.fixture
def running(plane, namespace, capsys, monkeypatch):
    """`with running(WORDS…) as command`: the command runs beside the block, which may wait."""
    monkeypatch.setenv("KUBECONFIG", str(plane.kubeconfig))

    @contextmanager
    def run(*words):
        command = Beside(("-n", namespace.name, *words), capsys)
        command.thread.start()
        try:
            yield command
        finally:
            command.thread.join(PATIENCE_SECONDS)

    return run


class Beside:
    """A command that runs in a thread."""

    def __init__(self, words, capsys):
        self.code = None
        self.out = self.err = ""
        self._capsys = capsys
        self.thread = threading.Thread(target=self._run, args=(words,), daemon=True)

    def _run(self, words):
        self.code = main(words)

    def read(self):
        """Take up what it has printed since."""
        out, err = self._capsys.readouterr()
        self.out += out
        self.err += err

    def wait_for(self, said):
        """Wait until it has said what is wanted."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not said(self):
            assert time.monotonic() < until, (self.out, self.err)
            time.sleep(0.01)
            self.read()

    def end(self):
        """Wait until it has ended."""
        self.thread.join(PATIENCE_SECONDS)
        self.read()
        return Answer(self.code, self.out, self.err)
