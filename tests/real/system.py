"""The whole thing as it is installed: manifests/ applied, nodes, and the manager under its token.

The manager sees all namespaces, elects itself, and serves its metrics as the Deployment says.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager, contextmanager

import attrs
import yaml
from installation import SYSTEM, Installation, eventually
from managers import ACCOUNT, IMAGE, ManagerProcess, Team, framework, installed, job
from prometheus_client.parser import text_string_to_metric_families

from hack.demo.installation import images as images_of_samples
from mlctl_core.client.client import Client
from mlctl_core.client.config import load_config
from mlctl_core.clock import SystemClock
from mlctl_core.testing.control_plane import ControlPlaneOptions
from mlctl_core.testing.kubernetes.audit import audit_policy
from mlctl_core.testing.kubernetes.component import Component

MANAGER = f"system:serviceaccount:{SYSTEM}:{ACCOUNT}"
SCRAPER = "prometheus"
CPU_NODE, GPU_NODE, SIMULATED_NODE = "cpu-1", "gpu-1", "sim-1"
GPU = "nvidia.com/gpu"
SIMULATED = "mlctl.dev/simulated"
NODES = (
    f"name={CPU_NODE},pods=process,cpu=32,memory=64Gi",
    f"name={GPU_NODE},pods=process,cpu=32,memory=64Gi,gpus=4,taint={GPU}=present:NoSchedule",
    f"name={SIMULATED_NODE},pods=simulated,gpus=8,label={SIMULATED}=true,taint={SIMULATED}:NoSchedule",
)
WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
PATIENCE = 60


def size(name, **spec):
    return {
        "apiVersion": "mlctl.dev/v1alpha1",
        "kind": "Size",
        "metadata": {"name": name},
        "spec": {"cpu": "100m", "memory": "64Mi", **spec},
    }


ON_SIMULATED = {
    "nodeSelector": {SIMULATED: "true"},
    "tolerations": [{"key": SIMULATED, "operator": "Exists", "effect": "NoSchedule"}],
}
CATALOGUE = (
    framework("test"),
    size("test"),
    size("simulated", gpu={"resource": GPU, "count": 2}, **ON_SIMULATED),
    size("simulated-cpu", memory="4Gi", **ON_SIMULATED),
    size("huge", cpu="4000"),
)


@contextmanager
def installed_with_nodes(folder):
    """The installation, audited as to the manager, with nodes that run samples."""
    options = ControlPlaneOptions(audit_policy=audit_policy("Request", [MANAGER]))
    with installed(options) as made:
        for obj in CATALOGUE:
            made.admin.must("apply", "-f", "-", body=obj)
        reader = "--clusterrole=mlctl-metrics-reader"
        account = f"--serviceaccount=default:{SCRAPER}"
        made.admin.must("create", "serviceaccount", SCRAPER)
        made.admin.must("create", "clusterrolebinding", SCRAPER, reader, account)
        images = folder / "images.yaml"
        paths = {IMAGE: sys.prefix, **asyncio.run(images_of_samples(["scikit-learn"]))}
        images.write_text(
            yaml.safe_dump({name: {"path": str(path), "env": {}} for name, path in paths.items()})
        )
        command = [sys.executable, "-m", "mlctl_core.embedded.node"]
        command += ["--kubeconfig", str(made.plane.kubeconfig), "--images", str(images)]
        command += [argument for node in NODES for argument in ("--node", node)]
        nodes = Component(command, folder / "nodes.log", SystemClock())
        try:
            nodes.wait_until(lambda: nodes.find("(ready)") is not None, "ready line", PATIENCE)
            yield made
        finally:
            nodes.stop(PATIENCE)


@attrs.frozen
class System:
    """The installation and its one manager."""

    installation: Installation
    manager: ManagerProcess
    scraper: str
    """A token by which metrics may be read."""

    async def metrics(self):
        """Values by name and labels."""
        status, text = await self.manager.get("/metrics", self.scraper, secure=True)
        assert status == 200, text
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    async def gpus_allocated(self, node):
        samples = await self.metrics()
        return samples["mlctl_gpu_allocated", (("node", node), ("resource", GPU))]

    def requests(self, namespace=None):
        """What the manager asked of the API server, in this order."""
        return [
            event
            for event in self.installation.plane.audit_events()
            if namespace is None or event.get("objectRef", {}).get("namespace") == namespace
        ]

    def writes(self, namespace=None):
        """Its writes but for the Lease, which it renews."""
        return [
            (event["verb"], event["objectRef"]["resource"], event["objectRef"].get("name"))
            for event in self.requests(namespace)
            if event["verb"] in WRITES and event["objectRef"]["resource"] != "leases"
        ]

    def refused(self):
        """What it asked for without having the right to."""
        return [
            (event["verb"], event["requestURI"])
            for event in self.requests()
            if event["annotations"]["authorization.k8s.io/decision"] != "allow"
        ]

    def touched(self, resource):
        """Requests for objects of a resource."""
        return [
            (event["verb"], event["requestURI"])
            for event in self.requests()
            if event.get("objectRef", {}).get("resource") == resource
        ]


@asynccontextmanager
async def managed(installation, folder):
    """Run the manager as its Deployment does."""
    kubeconfig = installation.manager().kubeconfig
    manager = ManagerProcess(kubeconfig, folder / "manager.log", "--metrics-secure")
    token = token_of(installation.plane.kubeconfig_for_service_account("default", SCRAPER))
    try:
        await manager.start()
        await manager.line("leading")
        yield System(installation, manager, token)
    finally:
        await manager.stop()


def token_of(kubeconfig):
    [user] = yaml.safe_load(kubeconfig.read_text())["users"]
    return user["user"]["token"]


@asynccontextmanager
async def tenant(installation, namespace):
    """A user who has the role edit in a namespace of their own, and nothing else."""
    user = installation.tenant(f"{namespace}-user", namespace)
    probe = job("probe")
    probe["metadata"]["namespace"] = namespace
    # The role and its aggregation reach the authorizer by watches.
    eventually(lambda: user.tries_to_create(probe).succeeded)
    account = ("get", "serviceaccount", "default", f"-n{namespace}")
    eventually(lambda: installation.admin.kubectl(*account).succeeded)
    async with Client(load_config(str(user.kubeconfig))) as client:
        yield Team(client, namespace), user
