"""The whole image: what is in it, that it is the same every time, and that it runs."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import oci_layout
import pytest
import yaml

from hack.image import container

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).parents[2]
PYTHON = "/usr/local/bin/python"
MEGABYTE = 1_000_000
# What starts other things, changes who one is, or brings more in; by the names that they have
# anywhere.
NOT_FOR_A_SERVER = {
    *("sh", "bash", "dash", "ash", "zsh", "fish", "busybox", "toybox", "env", "xargs"),
    *("su", "sudo", "login", "chsh", "mount", "newgrp"),
    *("apt", "apt-get", "dpkg", "apk", "rpm", "dnf", "yum", "pip", "pip3", "uv", "conda", "npm"),
    *("curl", "wget", "nc", "ssh", "git", "gcc", "cc", "ld", "make", "perl", "gdb"),
}
# Python's own installers and debuggers' tools, as folders of modules.
NOT_IMPORTED = {"pip", "setuptools", "ensurepip", "venv", "idlelib", "lib2to3", "pytest"}


@pytest.fixture(scope="module")
def image(image_archive):
    return oci_layout.read(image_archive)


@pytest.fixture(scope="module")
def root(image_archive, tmp_path_factory):
    return oci_layout.unpack(image_archive, tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="module")
def run(root, image):
    """Run a program as a pod of the image would; skips where the kernel does not let us."""
    environment = dict(entry.split("=", 1) for entry in image.config["config"]["Env"])
    if reason := container.refusal(root, [PYTHON, "-c", ""], environment):
        pytest.skip(f"no namespaces on this machine: {reason}")

    def call(*program):
        command = container.command(root, program, environment)
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return call


class TestArchive:
    def test_it_is_small(self, image_archive):
        assert image_archive.stat().st_size < 150 * MEGABYTE

    def test_it_is_called_as_the_deployment_calls_it(self, image):
        documents = yaml.safe_load_all((ROOT / "manifests/base/deployment.yaml").read_text())
        [deployment] = [found for found in documents if found["kind"] == "Deployment"]
        [manager] = deployment["spec"]["template"]["spec"]["containers"]
        annotations = image.descriptor["annotations"]
        assert annotations["io.containerd.image.name"] == manager["image"]

    def test_what_changes_often_comes_last(self, image):
        comments = [line["comment"] for line in image.config["history"]]
        assert comments == ["interpreter", "dependencies", "application"]

    def test_the_same_tree_gives_the_same_bytes_wherever_it_lies(self, image, tmp_path):
        tree = tmp_path / "elsewhere"
        tree.mkdir()
        shutil.copytree(ROOT / "requirements", tree / "requirements")
        shutil.copyfile(ROOT / "pyproject.toml", tree / "pyproject.toml")
        for folder in ("apis", "controllers", "hack", "mlctl_core"):
            shutil.copytree(ROOT / folder, tree / folder)
        command = [sys.executable, "-m", "hack.image", "--archive", str(tmp_path / "again.tar")]
        # The current folder comes first, before where this project is installed from.
        environment = {**os.environ, "PYTHONHASHSEED": "4", "TZ": "Asia/Tokyo"}
        subprocess.run(command, cwd=tree, check=True, env=environment, umask=0o077)
        again = oci_layout.read(tmp_path / "again.tar")
        assert again.manifest == image.manifest


class TestContents:
    def test_there_is_one_program(self, image):
        folders = {"bin", "sbin"}
        programs = {
            entry.name
            for entry, _ in image.entries()
            if not entry.isdir() and folders & set(Path(entry.name).parts[:-1])
        }
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        names = {"python", "python3", version}
        assert programs == {f"usr/local/bin/{name}" for name in names}

    def test_there_is_no_shell_and_no_package_manager(self, image):
        for entry, content in image.entries():
            assert Path(entry.name).name not in NOT_FOR_A_SERVER or entry.isdir(), entry.name
            if content is not None and content.startswith(b"#!") and entry.mode & 0o111:
                # Modules of the standard library that could be run if there were an env.
                assert entry.name.startswith(("usr/local/lib/", "app/")), entry.name

    def test_there_are_no_modules_that_install_others(self, image):
        folders = {Path(name).name for name in image.names}
        assert not folders & NOT_IMPORTED

    def test_nothing_gives_more_rights_than_one_has(self, image):
        for entry, _ in image.entries():
            assert not entry.mode & (stat.S_ISUID | stat.S_ISGID), entry.name
            assert (entry.uid, entry.gid) == (0, 0), entry.name
            assert not entry.mode & 0o002 or entry.issym() or entry.name == "tmp", entry.name
            assert "SCHILY.xattr.security.capability" not in entry.pax_headers, entry.name
            assert entry.isfile() or entry.isdir() or entry.issym(), entry.name

    def test_every_link_leads_somewhere_within(self, root):
        for path in root.rglob("*"):
            if path.is_symlink():
                assert path.resolve().is_relative_to(root), path
                assert path.exists(), path

    def test_nothing_tells_about_the_machine_that_made_it(self, image, tmp_path_factory):
        # The interpreter knows how it was built; it is what it is.
        places = [str(ROOT).encode(), str(tmp_path_factory.getbasetemp()).encode()]
        for entry, content in image.entries():
            for place in places:
                assert place not in (content or b""), (entry.name, place)

    def test_only_what_is_locked_is_installed(self, image):
        locked = {
            line.split("==")[0]
            for line in (ROOT / "requirements/image.txt").read_text().splitlines()
            if "==" in line
        }
        installed = {
            part.split("-")[0].replace("_", "-").lower()
            for name in image.names
            for part in Path(name).parts
            if part.endswith(".dist-info")
        }
        assert installed
        assert installed <= locked

    def test_the_control_plane_of_laptops_is_not_in_it(self, image):
        assert "app/mlctl_core/manager/manager.py" in image.names
        for name in ("embedded", "testing"):
            assert f"app/mlctl_core/{name}" not in image.names


IMPORT_EVERYTHING = """
import importlib, pkgutil
def broken(name):
    raise
for package in ("apis", "controllers", "mlctl_core"):
    for module in pkgutil.walk_packages([f"/app/{package}"], f"{package}.", broken):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
            print(module.name)
"""
MAKE_A_CERTIFICATE = """
from mlctl_core.clock import SystemClock
from mlctl_core.manager.certificates import ServingCertificate, can_be_self_made
assert can_be_self_made()
print(ServingCertificate(None, clock=SystemClock()))
"""
TRY_TO_WRITE = """
import os, pathlib
for folder, _, files in os.walk("/"):
    if folder.startswith(("/proc", "/dev", "/sys")):
        continue
    try:
        pathlib.Path(folder, "written").touch()
    except OSError:
        continue
    print(folder)
"""
WHO = "import os; print(os.getuid(), os.getgid(), os.geteuid(), os.getpid())"
CAPABILITIES = "print(open('/proc/self/status').read())"
START_A_SHELL = "import subprocess; subprocess.run('true', shell=True)"


class TestRunning:
    def test_the_entrypoint_says_how_it_is_used(self, run, image):
        done = run(*image.config["config"]["Entrypoint"], "--help")
        assert done.returncode == 0, done.stderr
        assert "--leader-elect" in done.stdout

    def test_bad_usage_ends_in_2(self, run, image):
        assert run(*image.config["config"]["Entrypoint"], "--no-such-flag").returncode == 2

    def test_every_module_can_be_imported(self, run):
        done = run(PYTHON, "-c", IMPORT_EVERYTHING)
        assert done.returncode == 0, done.stderr
        assert {"controllers.registry", "mlctl_core.manager.leader"} <= set(done.stdout.split())

    def test_it_makes_the_certificate_for_its_metrics(self, run):
        done = run(PYTHON, "-c", MAKE_A_CERTIFICATE)
        assert done.returncode == 0, done.stderr

    def test_it_is_nobody_in_particular_and_process_1(self, run, image):
        user, group = image.config["config"]["User"].split(":")
        assert run(PYTHON, "-c", WHO).stdout.split() == [user, group, user, "1"]

    def test_it_has_no_capabilities(self, run):
        status = dict(
            line.split(":\t", 1)
            for line in run(PYTHON, "-c", CAPABILITIES).stdout.splitlines()
            if ":\t" in line
        )
        assert {int(status[name], 16) for name in ("CapPrm", "CapEff", "CapAmb")} == {0}

    def test_it_can_write_nowhere_but_in_tmp(self, run):
        written = set(run(PYTHON, "-c", TRY_TO_WRITE).stdout.split())
        # What a runtime mounts there is root's, whose number this is where we are not root.
        assert written - ({"/run"} if os.geteuid() else set()) == {"/tmp"}

    def test_there_is_no_shell_to_start(self, run):
        done = run(PYTHON, "-c", START_A_SHELL)
        assert "No such file or directory: '/bin/sh'" in done.stderr


def instructions():
    """(instruction, argument) of each stage of the Containerfile."""
    text = (ROOT / "Containerfile").read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    stages = []
    for line in lines:
        word, _, argument = line.partition(" ")
        if word == "FROM":
            stages.append([])
        if stages:
            stages[-1].append((word, argument))
    return stages


class TestContainerfile:
    def test_its_first_stage_makes_the_same_root(self, root, tmp_path):
        context = tmp_path / "build"
        context.mkdir()
        first, last = instructions()
        [target] = [argument.split()[-2] for word, argument in last if word == "COPY"]
        for word, argument in first:
            if word == "COPY":
                what, where = argument.split()
                copy(ROOT / what, context / where)
            if word == "RUN":
                made = tmp_path / "made"
                program, *arguments = argument.replace(target, str(made)).split()
                assert program == "python"
                subprocess.run([sys.executable, *arguments], cwd=context, check=True)
        assert tree(made) == tree(root)


def copy(what, where):
    """As the instruction COPY does."""
    if what.is_dir():
        shutil.copytree(what, where)
    else:
        where.mkdir(exist_ok=True)
        shutil.copyfile(what, where / what.name)


def tree(root):
    return {
        path.relative_to(root).as_posix(): (
            path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else None,
            # Who may run it; who may read it is for the layers to say.
            path.is_file() and bool(path.stat().st_mode & 0o100),
        )
        for path in root.rglob("*")
    }


def test_the_project_is_what_is_built(image):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    tag = image.descriptor["annotations"]["org.opencontainers.image.ref.name"]
    assert tag == project["version"]
