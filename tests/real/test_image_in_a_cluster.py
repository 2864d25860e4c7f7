"""The manager out of its image as its Deployment starts it: flags, token, root and user."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
import yaml
from installation import MANIFESTS, ROOT, SYSTEM
from managers import ACCOUNT, PATIENCE, installed, job, node, phase, team
from system import MANAGER, token_of

from hack.demo.processes import wait_for_line
from hack.image import archive, container
from mlctl_core.testing.control_plane import ControlPlaneOptions
from mlctl_core.testing.kubernetes.audit import audit_policy

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
# Of the Deployment's flags only the ports are others: they may be taken on this machine.
FREE_PORTS = ("--metrics-bind-address=127.0.0.1:0", "--health-probe-bind-address=127.0.0.1:0")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    made = tmp_path_factory.mktemp("image") / "root"
    command = [sys.executable, "-m", "hack.image", "--root", str(made)]
    subprocess.run(command, check=True, cwd=ROOT)
    # The layers of an archive are for everyone to read, whatever the umask.
    subprocess.run(["chmod", "-R", "a+rX", str(made)], check=True)
    if reason := container.refusal(made, ["/usr/local/bin/python", "-c", ""], archive.ENVIRONMENT):
        pytest.skip(f"no namespaces on this machine: {reason}")
    return made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(tmp_path_factory):
    options = ControlPlaneOptions(audit_policy=audit_policy("Metadata", [MANAGER]))
    with installed(options) as made:
        async with node(made, tmp_path_factory.mktemp("node")):
            yield made


@pytest.fixture
def account(cluster, tmp_path):
    """What the kubelet mounts of the manager's ServiceAccount."""
    path = cluster.plane.kubeconfig_for_service_account(SYSTEM, ACCOUNT)
    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    (folder / "token").write_text(token_of(path))
    (folder / "namespace").write_text(SYSTEM)
    roots = cluster.admin.get("configmap kube-root-ca.crt", "--namespace=default")
    (folder / "ca.crt").write_text(roots["data"]["ca.crt"])
    for file in (folder, *folder.iterdir()):
        file.chmod(0o755)
    return folder


def flags():
    documents = yaml.safe_load_all((MANIFESTS / "base/deployment.yaml").read_text())
    [deployment] = [found for found in documents if found["kind"] == "Deployment"]
    [manager] = deployment["spec"]["template"]["spec"]["containers"]
    assert "command" not in manager
    return [*manager["args"], *FREE_PORTS]


@asynccontextmanager
async def manager(root, cluster, account, log):
    """The image's entrypoint as process 1; it must end well when it is told to."""
    address = urlsplit(cluster.plane.url)
    environment = {
        **archive.ENVIRONMENT,
        "KUBERNETES_SERVICE_HOST": address.hostname,
        "KUBERNETES_SERVICE_PORT": str(address.port),
    }
    program = [*archive.ENTRYPOINT, *flags()]
    # The root's /var/run is a link, which a mount is not made through.
    mounts = {SERVICE_ACCOUNT.removeprefix("/var"): account}
    command = container.command(root, program, environment, mounts)
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(*command, stdout=output, stderr=output)
    try:
        await wait_for_line(process, log, "leading", PATIENCE)
        yield
        os.kill(container.inner(process.pid), signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            assert await process.wait() == 0, log.read_text()
    finally:
        if process.returncode is None:
            # Its child goes with it.
            process.kill()
            await process.wait()


async def test_it_leads_runs_a_job_and_gives_the_lease_back(root, cluster, account, tmp_path):
    log = tmp_path / "manager.log"
    async with team(cluster, "team-image") as namespace:
        async with manager(root, cluster, account, log):
            await namespace.create(job("digits"))
            ended = await namespace.ended("digits")
            lease = cluster.admin.get("lease mlctl", f"--namespace={SYSTEM}")
        assert phase(ended) == "Succeeded"
        assert ended["status"]["metrics"]["accuracy"]["value"] == "0.97"
    assert lease["spec"]["holderIdentity"]
    released = cluster.admin.get("lease mlctl", f"--namespace={SYSTEM}")
    assert not released["spec"].get("holderIdentity")
    # A kind that is new may be refused for a moment yet, which is a warning.
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line for line in lines if line["level"] == "error"] == []
    refused = [
        (event["verb"], event["requestURI"])
        for event in cluster.plane.audit_events()
        if event["annotations"]["authorization.k8s.io/decision"] != "allow"
    ]
    assert refused == []
