"""The manager out of its image, with a read-only root and a user without rights, runs a job."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
from contextlib import asynccontextmanager

import pytest
from plane import PATIENCE, PRINTS_A_METRIC, job

from hack.demo.processes import wait_for_line
from hack.image import archive, container

pytestmark = pytest.mark.heavy

PYTHON = "/usr/local/bin/python"
FREE_PORTS = ("--metrics-bind-address=127.0.0.1:0", "--health-probe-bind-address=127.0.0.1:0")


@pytest.fixture(scope="module")
def root(image_archive, tmp_path_factory):
    folder = tmp_path_factory.mktemp("image")
    made = folder / "root"
    made.mkdir()
    subprocess.run(["tar", "-xf", image_archive, "-C", folder], check=True)
    [described] = json.loads((folder / "manifest.json").read_text())
    for layer in described["Layers"]:
        subprocess.run(["tar", "-xzf", folder / layer, "-C", made], check=True)
    if reason := container.refusal(made, [PYTHON, "-c", ""], archive.ENVIRONMENT):
        pytest.skip(f"no namespaces on this machine: {reason}")
    return made


@pytest.fixture
def mounted(kubeconfig, tmp_path):
    """The credentials, where the image's user may read them."""
    folder = tmp_path / "mounted"
    folder.mkdir()
    shutil.copyfile(kubeconfig, folder / "kubeconfig")
    for path in (folder, folder / "kubeconfig"):
        path.chmod(0o755)
    return folder


@asynccontextmanager
async def manager(root, mounted, log, *flags):
    """The image's entrypoint as process 1; it must end well when it is told to."""
    program = [*archive.ENTRYPOINT, "--kubeconfig=/tmp/mounted/kubeconfig", *FREE_PORTS, *flags]
    command = container.command(root, program, archive.ENVIRONMENT, {"/tmp/mounted": mounted})
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(*command, stdout=output, stderr=output)
    try:
        await wait_for_line(process, log, "caches filled", PATIENCE)
        yield
        os.kill(container.inner(process.pid), signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            assert await process.wait() == 0, log.read_text()
    finally:
        if process.returncode is None:
            # Its child goes with it.
            process.kill()
            await process.wait()


async def test_a_job_succeeds(root, mounted, namespace, tmp_path):
    flags = ("--namespaces", namespace.name, "--metrics-secure")
    async with manager(root, mounted, tmp_path / "manager.log", *flags):
        await namespace.apply(job("digits", PRINTS_A_METRIC))
        ended = await namespace.ended("digits")
    assert ended["status"]["phase"] == "Succeeded"
    assert ended["status"]["metrics"]["accuracy"]["value"] == "0.97"
    lines = [json.loads(line) for line in (tmp_path / "manager.log").read_text().splitlines()]
    assert [line for line in lines if line["level"] in {"warning", "error"}] == []
