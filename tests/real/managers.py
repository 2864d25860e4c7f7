"""The manager as a process under its own ServiceAccount, and a node, on a real control plane."""

from __future__ import annotations

import asyncio
import base64
import json
import signal
import ssl
import sys
from contextlib import asynccontextmanager, contextmanager

import aiohttp
import yaml
from installation import MANIFESTS, ROOT, SYSTEM, Installation, User

from hack.demo.processes import stop, wait_for_line
from mlctl_core.client.client import Client
from mlctl_core.client.config import load_config
from mlctl_core.client.errors import NotFoundError
from mlctl_core.objects.kinds import (
    CONFIG_MAP,
    NAMESPACE,
    POD,
    ROLE_BINDING,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    Kind,
)
from mlctl_core.testing.control_plane import ControlPlane
from mlctl_core.testing.kubernetes.assets import assets_from_environment_or_cache

ACCOUNT = "mlctl-manager"
JOB = Kind("mlctl.dev", "v1alpha1", "PythonJob", "pythonjobs")
FRAMEWORK = Kind("mlctl.dev", "v1alpha1", "Framework", "frameworks", namespaced=False)
SIZE = Kind("mlctl.dev", "v1alpha1", "Size", "sizes", namespaced=False)
IMAGE = "test.local/python:3"
# A generous bound on what takes seconds: a test fails on it, none waits for it.
PATIENCE = 90
# Asks the kernel (of Linux) to end a process with the tests, however those end.
ENDS_WITH_US = (
    sys.executable,
    "-c",
    """\
import ctypes, os, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, int(sys.argv[1]))
os.execv(sys.argv[2], sys.argv[2:])
""",
)


@contextmanager
def installed(options):
    """A control plane with these options and manifests/ applied."""
    assets = assets_from_environment_or_cache()
    with ControlPlane(assets, options) as plane:
        admin = User(assets.kubectl, plane.kubeconfig)
        admin.must("apply", "-k", "manifests/crds")
        admin.must("wait", "--for=condition=Established", "crd", "--all", f"--timeout={PATIENCE}s")
        admin.must("apply", "-k", str(MANIFESTS))
        # The Deployment's image is not to be had; the tests' processes are the manager.
        admin.must("delete", "deployment", "mlctl-manager", f"-n{SYSTEM}")
        admin.must("apply", "-f", "-", body=framework("test"))
        admin.must("apply", "-f", "-", body=SMALL)
        yield Installation(plane, assets.kubectl, admin)


def framework(name):
    """A Framework of which only this machine's own Python is needed."""
    return {
        "apiVersion": "mlctl.dev/v1alpha1",
        "kind": "Framework",
        "metadata": {"name": name},
        "spec": {"type": "Python", "version": "3", "images": {"cpu": IMAGE, "gpu": IMAGE}},
    }


SMALL = {
    "apiVersion": "mlctl.dev/v1alpha1",
    "kind": "Size",
    "metadata": {"name": "test"},
    "spec": {"cpu": "100m", "memory": "64Mi"},
}


def job(name, code="print('accuracy=0.97')", **spec):
    """A PythonJob that runs the code."""
    wanted = {
        "framework": "test",
        "size": "test",
        "entrypoint": "main.py",
        "source": {"inline": {"main.py": code}},
        **spec,
    }
    return {
        "apiVersion": JOB.api_version,
        "kind": JOB.name,
        "metadata": {"name": name},
        "spec": wanted,
    }


def pod_of(name):
    return f"pyjob-{name}-worker-0"


def credential(kubeconfig):
    """How the audit log names the token of a kubeconfig; empty if that has none."""
    [user] = yaml.safe_load(kubeconfig.read_text())["users"] or [{"user": {}}]
    if "token" not in user["user"]:
        return ""
    payload = user["user"]["token"].split(".")[1]
    return "JTI=" + json.loads(base64.urlsafe_b64decode(payload + "=="))["jti"]


class ManagerProcess:
    """`python -m controllers`, which can be killed, stopped and woken."""

    def __init__(self, kubeconfig, log, *flags):
        self._arguments = [
            *("-m", "controllers", "--kubeconfig", str(kubeconfig)),
            *("--leader-elect", "--leader-elect-namespace", SYSTEM),
            *("--metrics-bind-address", "127.0.0.1:0"),
            *("--health-probe-bind-address", "127.0.0.1:0", *flags),
        ]
        self.credential = credential(kubeconfig)
        self.log = log
        self.process = None

    async def start(self):
        """Start it, and wait until its caches are filled; it may lead or stand by."""
        with self.log.open("ab") as output:
            self.process = await asyncio.create_subprocess_exec(
                # A manager that a test has stopped hears nothing gentler.
                *(*ENDS_WITH_US, str(int(signal.SIGKILL)), sys.executable),
                *self._arguments,
                stdout=output,
                stderr=output,
                cwd=ROOT,
                start_new_session=True,
            )
        await self.line("caches filled")
        return self

    async def line(self, word):
        """The first line of its log with the word, now or later."""
        return json.loads(await wait_for_line(self.process, self.log, word, PATIENCE))

    @property
    def identity(self):
        """By which it holds the Lease, once it leads."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return next((line["identity"] for line in lines if line["event"] == "leading"), None)

    def send(self, number):
        self.process.send_signal(number)

    async def ended(self):
        """Its exit code, once it has one."""
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait()

    async def stop(self):
        """End it, however it is."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGCONT)
            await stop(self.process)

    async def port(self, path):
        return (await self.line(f'"{path}"'))["port"]

    async def get(self, path, token=None, *, secure=False):
        """Status and text of one of its endpoints; its certificate is taken as it is."""
        any_certificate = ssl.create_default_context()
        any_certificate.check_hostname = False
        any_certificate.verify_mode = ssl.CERT_NONE
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"{'https' if secure else 'http'}://127.0.0.1:{await self.port(path)}{path}"
        async with (
            aiohttp.ClientSession() as session,
            session.get(url, headers=headers, ssl=any_certificate) as answer,
        ):
            return answer.status, await answer.text()


@asynccontextmanager
async def node(installation, folder):
    """A node that runs pods as processes of this machine's Python."""
    images = folder / "images.yaml"
    images.write_text(yaml.safe_dump({IMAGE: {"path": sys.prefix, "env": {}}}))
    log = folder / "node.log"
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            # With the grace that a node needs to end its pods.
            *(*ENDS_WITH_US, str(int(signal.SIGTERM)), sys.executable),
            *("-m", "mlctl_core.embedded.node", "--kubeconfig", str(installation.admin.kubeconfig)),
            *("--node", "name=node-1,pods=process,cpu=16", "--images", str(images)),
            stdout=output,
            stderr=output,
            cwd=ROOT,
            start_new_session=True,
        )
    try:
        await wait_for_line(process, log, "ready", PATIENCE)
        yield
    finally:
        await stop(process)


class Team:
    """One namespace, and what its users do there."""

    def __init__(self, client, name):
        self.client = client
        self.name = name

    async def create(self, body):
        made = await self.client.create(kind_named(body["kind"]), body, self.name)
        return json.loads(made)

    async def patch(self, name, patch, kind=JOB):
        await self.client.patch(kind, name, patch, self.name)

    async def delete(self, name, kind=JOB):
        await self.client.delete(kind, name, self.name)

    async def all(self, kind=POD):
        page = await self.client.list_all(kind, self.name)
        return [json.loads(item) for item in page.items]

    async def until(self, name, wanted, kind=JOB):
        """The object of that name, once it is as wanted."""
        last = None
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    try:
                        last = json.loads(await self.client.get(kind, name, self.name))
                        if wanted(last):
                            return last
                    except NotFoundError:
                        pass
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"{kind.name} {name} stayed {json.dumps(last)}") from None

    async def ended(self, name):
        return await self.until(name, lambda o: phase(o) in {"Succeeded", "Failed"})

    async def running(self, name):
        return await self.until(name, lambda o: phase(o) == "Running")

    async def gone(self, name, kind=JOB):
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    await self.client.get(kind, name, self.name)
                except NotFoundError:
                    return
                await asyncio.sleep(0.1)


def kind_named(name):
    """A kind that teams make objects of."""
    known = (POD, CONFIG_MAP, SECRET, SERVICE, SERVICE_ACCOUNT, ROLE_BINDING)
    found = {kind.name: kind for kind in known}
    return found.get(name) or Kind("mlctl.dev", "v1alpha1", name, OURS[name])


OURS = {
    "Identity": "identities",
    "JVMJob": "jvmjobs",
    "PythonJob": "pythonjobs",
    "SparkJob": "sparkjobs",
    "TensorFlowJob": "tensorflowjobs",
}


def phase(obj):
    return obj.get("status", {}).get("phase")


def reason(obj):
    return obj.get("status", {}).get("reason")


@asynccontextmanager
async def team(installation, name):
    """A new namespace, seen as an administrator sees it."""
    async with Client(load_config(str(installation.admin.kubeconfig))) as client:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        await client.create(NAMESPACE, body)
        yield Team(client, name)
