"""How a root file system becomes layers and an archive, tried on a small one."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import oci_layout
import pytest

from hack.image import __main__ as program
from hack.image import archive, libraries
from hack.image.layers import layers

ROOT = Path(__file__).parents[2]
NAME = "mlctl.local/manager:1.2.3"
EPOCH = 1_000_000_000
PARTS = (("code", lambda name: name.startswith("app")), ("rest", lambda _name: True))


@pytest.fixture
def root(tmp_path):
    made = tmp_path / "root"
    (made / "app").mkdir(parents=True)
    (made / "app" / "main.py").write_text("print()\n")
    (made / "bin").mkdir()
    (made / "bin" / "run").write_bytes(b"\x7fELF")
    (made / "bin" / "run").chmod(0o700)
    (made / "bin" / "go").symlink_to("run")
    (made / "tmp").mkdir()
    (made / "tmp").chmod(0o1777)
    return made


def entries(layer):
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        return {entry.name: entry for entry in tar}


def test_the_layout_is_what_its_descriptors_say(root, tmp_path):
    digest = archive.write(tmp_path / "i.tar", NAME, layers(root, PARTS, EPOCH), EPOCH)
    layout = oci_layout.read(tmp_path / "i.tar")
    assert layout.descriptor["digest"] == digest
    assert [line["comment"] for line in layout.config["history"]] == ["code", "rest"]


def test_every_engine_finds_the_name_where_it_looks(root, tmp_path):
    archive.write(tmp_path / "i.tar", NAME, layers(root, PARTS, EPOCH), EPOCH)
    annotations = oci_layout.read(tmp_path / "i.tar").descriptor["annotations"]
    assert annotations["io.containerd.image.name"] == NAME
    assert annotations["org.opencontainers.image.ref.name"] == "1.2.3"


def test_the_description_for_docker_names_the_same_blobs(root, tmp_path):
    archive.write(tmp_path / "i.tar", NAME, layers(root, PARTS, EPOCH), EPOCH)
    layout = oci_layout.read(tmp_path / "i.tar")
    [described] = oci_layout.json.loads(layout.files["manifest.json"])
    path = "blobs/{}".format
    assert described["RepoTags"] == [NAME]
    assert described["Config"] == path(layout.manifest["config"]["digest"].replace(":", "/"))
    assert described["Layers"] == [
        path(layer["digest"].replace(":", "/")) for layer in layout.manifest["layers"]
    ]


def test_every_file_is_in_the_first_layer_that_wants_it(root):
    code, rest = (oci_layout.gzip.decompress(x.compressed) for x in layers(root, PARTS, EPOCH))
    assert list(entries(code)) == ["app", "app/main.py"]
    assert list(entries(rest)) == ["bin", "bin/go", "bin/run", "tmp"]


def test_files_belong_to_root_and_are_for_everyone_to_read(root):
    _, rest = (entries(oci_layout.gzip.decompress(x.compressed)) for x in layers(root, PARTS, 0))
    assert {(entry.uid, entry.gid, entry.uname) for entry in rest.values()} == {(0, 0, "")}
    modes = {name: entry.mode for name, entry in rest.items()}
    assert modes == {"bin": 0o755, "bin/go": 0o777, "bin/run": 0o755, "tmp": 0o1777}
    assert rest["bin/go"].linkname == "run"


def test_neither_the_time_nor_the_umask_nor_the_owner_of_files_matters(root):
    first = layers(root, PARTS, EPOCH)
    for path in root.rglob("*"):
        os.utime(path, (1, 1), follow_symlinks=False)
    (root / "app" / "main.py").chmod(0o600)
    (root / "app").chmod(0o700)
    assert layers(root, PARTS, EPOCH) == first


def test_the_configuration_is_that_of_a_user_without_rights():
    config = archive.configuration([], EPOCH)
    assert config["config"]["User"] == "65532:65532"
    assert config["os"] == "linux"
    assert config["created"] == "2001-09-09T01:46:40Z"


class TestCommandLine:
    @pytest.fixture
    def run(self, monkeypatch):
        def call(*arguments):
            monkeypatch.setattr(sys, "argv", ["hack.image", *map(str, arguments)])
            return program.main()

        return call

    def test_one_of_the_two_is_asked_for(self, run, capsys):
        with pytest.raises(SystemExit) as ended:
            run()
        assert ended.value.code == 2
        assert "give --archive or --root" in capsys.readouterr().err

    def test_a_folder_that_is_there_is_left_alone(self, run, capsys, tmp_path):
        (tmp_path / "mine").write_text("kept")
        assert run("--root", tmp_path) == 1
        assert str(tmp_path) in capsys.readouterr().err
        assert [path.name for path in tmp_path.iterdir()] == ["mine"]

    def test_elsewhere_than_on_linux_it_says_so_before_it_begins(self, run, monkeypatch, capsys):
        monkeypatch.setattr(libraries.sys, "platform", "darwin")
        assert run("--archive", "nowhere/x.tar") == 1
        assert "images are made on Linux with glibc only" in capsys.readouterr().err


def test_what_was_made_is_told_by_name_digest_and_size(root, tmp_path, monkeypatch):
    monkeypatch.setattr(program.contents, "write", lambda made: shutil.copytree(root, made / "app"))
    told = program.build(tmp_path / "build" / "manager.tar")
    layout = oci_layout.read(tmp_path / "build" / "manager.tar")
    assert f"{tmp_path}/build/manager.tar: {program.name()}@{layout.descriptor['digest']}" in told
    assert re.search(r"^0\.0 MB compressed: .*, 0\.0 MB application$", told, re.MULTILINE)


def test_make_image_writes_the_archive_into_build():
    command = ["make", "--dry-run", "image"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "-m hack.image --archive build/manager.tar" in shown


def test_a_library_that_is_missing_is_named(tmp_path, monkeypatch):
    (tmp_path / "program").write_bytes(b"\x7fELF")

    def ldd(command, **_):
        return subprocess.CompletedProcess(command, 0, stdout="\tlibodd.so.1 => not found\n")

    monkeypatch.setattr(libraries.subprocess, "run", ldd)
    with pytest.raises(libraries.NotFoundError, match=r"program needs libodd.so.1"):
        libraries.complete(tmp_path)


def test_a_root_of_another_c_library_is_refused(tmp_path, monkeypatch):
    (tmp_path / "program").write_bytes(b"\x7fELF")

    def ldd(command, **_):
        out = "\t/lib/ld-musl-x86_64.so.1 (0x7f0000000000)\n"
        return subprocess.CompletedProcess(command, 0, stdout=out)

    monkeypatch.setattr(libraries.subprocess, "run", ldd)
    with pytest.raises(libraries.NotFoundError, match="glibc"):
        libraries.complete(tmp_path)
