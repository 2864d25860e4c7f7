"""What the README says to type at clusters, typed: by hand, installing, and a test of one's own."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import asynccontextmanager

import pytest
import yaml
from readme_text import README, ROOT, fenced, indented, section

from hack.demo.installation import images as images_of_samples
from hack.demo.processes import stop, wait_for_line
from hack.image import __main__ as image
from mlctl_core.testing.control_plane import ControlPlane
from mlctl_core.testing.kubernetes.assets import (
    NEWEST,
    OLDEST,
    assets_from_environment_or_cache,
)

BY_HAND = "### By hand"
INSTALLING = "## Installing in a cluster"
TESTING = "### Testing it on a real API server"
FREE_PORTS = "--metrics-bind-address=127.0.0.1:0 --health-probe-bind-address=127.0.0.1:0"
# A generous bound on what takes seconds: a test fails on it, none waits for it.
PATIENCE = 120


def test_the_versions_of_kubernetes_are_those_that_tests_run_on():
    assert f"Kubernetes {OLDEST.minor} to {NEWEST.minor};" in section(INSTALLING)


def test_the_image_is_called_as_it_is_made():
    repository, _, tag = image.name().rpartition(":")
    _, kustomization, _, _ = indented(INSTALLING)
    [named] = yaml.safe_load(kustomization)["images"]
    assert (named["name"], named["newTag"]) == (repository, tag)
    assert f"docker://{named['newName']}:{tag}" in README


@pytest.fixture
def tree(tmp_path):
    """A checkout, in which `build` is empty."""
    shutil.copytree(ROOT / "manifests", tmp_path / "manifests")
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    for name in ("apis", "controllers", "mlctl_core"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    return tmp_path


def variables(**more):
    kubectl = assets_from_environment_or_cache().kubectl.parent
    kept = {name: value for name, value in os.environ.items() if name != "KUBECONFIG"}
    return {**kept, "PATH": f"{kubectl}:{os.environ['PATH']}", **more}


def typed(lines, tree, **more):
    """Run lines in a shell; all of them must succeed."""
    command = ["bash", "-ec", lines]
    done = subprocess.run(
        command,
        cwd=tree,
        env=variables(**more),
        capture_output=True,
        text=True,
        check=False,
        timeout=2 * PATIENCE,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@asynccontextmanager
async def terminal(lines, tree, log, word):
    """Run lines, the last of which stays, in a shell until the block ends."""
    *first, last = lines.splitlines()
    script = "\n".join([*first, f"exec {last}"])
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *("bash", "-ec", script),
            cwd=tree,
            env=variables(),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        await wait_for_line(process, log, word, PATIENCE)
        yield
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            assert await process.wait() == 0, log.read_text()
    finally:
        await stop(process)


@pytest.mark.real
async def test_the_demo_by_hand(tree):
    plane, manager, job = indented(BY_HAND)
    environments = set((await images_of_samples(["scikit-learn"])).values())
    # The environment that the first two lines make is kept by the demo already.
    (tree / "build").mkdir()
    (tree / "build" / "scikit-learn").symlink_to(environments.pop())
    venv, pip, *plane = plane.splitlines()
    assert venv.endswith(" -m venv build/scikit-learn")
    assert " install --require-hashes -r requirements/scikit-learn.txt" in pip
    # The ports may be taken on this machine.
    manager = f"{manager} {FREE_PORTS}"
    async with (
        terminal("\n".join(plane), tree, tree / "plane.log", "ready https"),
        terminal(manager, tree, tree / "manager.log", "caches filled"),
    ):
        out = await asyncio.to_thread(typed, job, tree)
    assert "accuracy=0.9" in out


@pytest.mark.real
def test_installing_and_removing(tree):
    _, kustomization, install, remove = indented(INSTALLING)
    (tree / "deploy").mkdir()
    (tree / "deploy" / "kustomization.yaml").write_text(kustomization)
    with ControlPlane() as plane:
        kubeconfig = str(plane.kubeconfig)
        typed(install, tree, KUBECONFIG=kubeconfig)
        get = "kubectl get deployment mlctl-manager -n mlctl-system -o json"
        deployment = json.loads(typed(get, tree, KUBECONFIG=kubeconfig))
        [manager] = deployment["spec"]["template"]["spec"]["containers"]
        assert manager["image"] == "registry.example.com/mlctl/manager:0.1.0"
        assert deployment["spec"]["replicas"] == 2
        typed(remove, tree, KUBECONFIG=kubeconfig)
        left = "kubectl get crds,clusterroles,namespaces,validatingadmissionpolicies -o name"
        assert "mlctl" not in typed(left, tree, KUBECONFIG=kubeconfig)


@pytest.mark.real
@pytest.mark.parametrize(
    "overlay", sorted(path.name for path in (ROOT / "manifests/overlays").iterdir())
)
def test_an_overlay_stands_in_place_of_the_manifests(tree, overlay):
    assert f"`manifests/overlays/{overlay}`" in section(INSTALLING)
    kustomization = indented(INSTALLING)[1].replace(
        "../manifests", f"../manifests/overlays/{overlay}"
    )
    (tree / "deploy").mkdir()
    (tree / "deploy" / "kustomization.yaml").write_text(kustomization)
    made = [o for o in yaml.safe_load_all(typed("kubectl kustomize deploy", tree)) if o]
    plain = [o for o in yaml.safe_load_all(typed("kubectl kustomize manifests", tree)) if o]
    names = [{(o["kind"], o["metadata"]["name"]) for o in objects} for objects in (plain, made)]
    assert names[0] < names[1]
    [manager] = [o for o in made if o["kind"] == "Deployment"]
    [container] = manager["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "registry.example.com/mlctl/manager:0.1.0"


@pytest.mark.real
def test_the_test_of_ones_own_passes(tmp_path):
    (tmp_path / "website.py").write_text(fenced("python", "## Writing a controller of your own"))
    (tmp_path / "test_website.py").write_text(fenced("python", TESTING))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_website.py"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=2 * PATIENCE
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^1 passed in ", done.stdout, re.MULTILINE), done.stdout
