"""The class that does the steps in images with a Java runtime alone."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from test_source_programs import repository, tarred, zipped  # noqa: F401 # a fixture
from web_files import serving

from controllers import jvm
from controllers.jobs.pod import tools

FOLDER = Path(jvm.__file__).parent
JDK = 17
"""Whose compiler makes the class that is checked in."""


@pytest.fixture(autouse=True)
def java():
    if shutil.which("java") is None:
        pytest.skip("there is no Java here")


def run(*words, env=None):
    command = ["java", "-XX:TieredStopAtLevel=1", "-cp", str(FOLDER), "Steps", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env, timeout=60)


def test_the_class_is_what_the_source_says(tmp_path):
    compiler = shutil.which("javac")
    version = compiler and subprocess.run(
        [compiler, "-version"], capture_output=True, text=True, check=True
    )
    if not version or not (version.stdout or version.stderr).startswith(f"javac {JDK}."):
        pytest.skip(f"there is no compiler of JDK {JDK} here")
    options = ["--release", "8", "-g:none", "-Xlint:-options", "-d", str(tmp_path)]
    subprocess.run([compiler, *options, str(FOLDER / "Steps.java")], check=True)
    assert [path.name for path in tmp_path.iterdir()] == ["Steps.class"]
    assert (tmp_path / "Steps.class").read_bytes() == (FOLDER / "Steps.class").read_bytes()


def test_it_is_what_the_config_map_holds():
    made = tools.config_map(tools.tools_of("JVM", "jvmjob-a"), "team", {})
    assert made["metadata"]["name"] == "jvmjob-a-tools"
    content = base64.b64decode(made["binaryData"]["Steps.class"])
    assert content == (FOLDER / "Steps.class").read_bytes()
    assert content[6:8] == b"\x00\x34", "of Java 8, so that every runtime reads it"


def test_its_steps_are_called_with_the_words_of_the_programs():
    java = tools.tools_of("JVM", "jvmjob-a")
    assert java.command("fetch", "copy", "a")[-3:] == ["Steps", "copy", "a"]
    assert java.command("install", "t")[-3:] == ["Steps", "jars", "t"]
    assert java.command("renew", "keep", "k")[-5:] == ["-Xmx8m", "Steps", "renew", "keep", "k"]
    assert java.command("checkout", "$(A)")[-2:] == ["checkout", "$$(A)"]


def test_a_file_is_copied_if_its_hash_is_right(tmp_path):
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "a.csv").write_bytes(b"1,2\n")
    right = hashlib.sha256(b"1,2\n").hexdigest()
    target, report = tmp_path / "in" / "a.csv", tmp_path / "report"
    with serving(tmp_path / "web") as web:
        done = run("copy", f"{web.url}/a.csv", target, right, report)
        assert done.returncode == 0, done.stderr
        assert target.read_bytes() == b"1,2\n"
        assert json.loads(report.read_text()) == {"sha256": right}
        wrong = run("copy", f"{web.url}/a.csv?key=secret", tmp_path / "b", "0" * 64, report)
        none = run("copy", f"{web.url}/none", tmp_path / "b", "", report)
    assert wrong.returncode == none.returncode == 1
    assert f"and should have {'0' * 64}" in wrong.stderr
    assert "secret" not in wrong.stderr
    assert "the server says 404" in none.stderr
    assert not (tmp_path / "b").exists()


def test_what_java_alone_cannot_read_is_said(tmp_path):
    done = run("copy", "hdfs://nn/a", tmp_path / "a", "", tmp_path / "report")
    assert done.returncode == 1
    assert "set the dataset's mode to Reference" in done.stderr


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_an_archive_is_unpacked_and_one_that_leads_elsewhere_refused(tmp_path, pack):
    deep = "d" * 60 + "/" + "e" * 60 + "/model.txt"
    files = {"Main.class": b"x" * 1000, "lib/model.txt": b"", deep: b"deep"}
    answers = [(200, {}, pack(files)), (200, {}, pack({"../evil": b""}))]
    target = tmp_path / "code"
    target.mkdir()
    with serving(tmp_path, answers) as web:
        good = run("unpack", f"{web.url}/code", target, "", tmp_path / "report")
        assert good.returncode == 0, good.stderr
        evil = run("unpack", f"{web.url}/code", target, "", tmp_path / "report")
    assert (target / "Main.class").read_bytes() == b"x" * 1000
    assert (target / deep).read_bytes() == b"deep"
    assert not (target / "passwd").is_symlink()
    assert evil.returncode == 1
    assert "leads out of it" in evil.stderr
    assert not (tmp_path / "evil").exists()


def test_a_jar_is_kept_as_it_is(tmp_path):
    target = tmp_path / "code"
    target.mkdir()
    with serving(tmp_path, [(200, {}, zipped({"A.class": b""}))]) as web:
        assert run("unpack", f"{web.url}/app.jar", target, "", tmp_path / "r").returncode == 0
    assert [path.name for path in target.iterdir()] == ["app.jar"]


def test_jars_by_address_are_got_and_their_hash_told(tmp_path):
    target = tmp_path / "dependencies"
    target.mkdir()
    answers = [(200, {}, b"one"), (200, {}, b"two")]
    with serving(tmp_path, answers) as web:
        jars = [f"{web.url}/one.jar", f"{web.url}/two%20x.jar?a=b"]
        done = run("jars", target, tmp_path, tmp_path / "report", *jars)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in target.iterdir()) == ["one.jar", "two_x.jar"]
    lines = "".join(
        f"{name} {hashlib.sha256(content).hexdigest()}\n"
        for name, content in (("one.jar", b"one"), ("two_x.jar", b"two"))
    )
    told = json.loads((tmp_path / "report").read_text())["dependencies"]
    assert told == f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"


def test_a_resolver_that_is_not_the_one_we_know_is_not_run(tmp_path):
    with serving(tmp_path, [(200, {}, b"something else")]) as web:
        env = {"PATH": "/usr/bin:/bin", "MAVEN_REPOSITORY_URL": web.url + "/"}
        done = run("jars", tmp_path, tmp_path, tmp_path / "report", "a:b:1", env=env)
        [(path, _)] = web.asked
    assert path.startswith("/org/apache/ivy/ivy/")
    assert done.returncode == 1
    assert "and should have" in done.stderr


@pytest.mark.parametrize(("ref", "number"), [("", 1), ("v1", 0), ("feature/x", 0), ("first", 0)])
def test_a_ref_is_checked_out(repository, tmp_path, ref, number):  # noqa: F811 # the fixture
    web, commits = repository
    target, report = tmp_path / "code", tmp_path / "report"
    target.mkdir()
    with serving(web) as server:
        ref = commits[0] if ref == "first" else ref
        words = (f"{server.url}/code.git", ref, "", target, tmp_path, "", report)
        done = run("checkout", *words)
    assert done.returncode == 0, done.stderr
    assert json.loads(report.read_text()) == {"commit": commits[number]}
    assert sorted(path.name for path in target.iterdir()) == ["lib", "train.py"]


def test_a_ref_or_directory_that_is_not_there_is_said(repository, tmp_path):  # noqa: F811
    web, _ = repository
    (tmp_path / "code").mkdir()
    rest = (tmp_path / "code", tmp_path, "", tmp_path / "report")
    with serving(web) as server:
        no_ref = run("checkout", f"{server.url}/code.git", "none", "", *rest)
        no_directory = run("checkout", f"{server.url}/code.git", "", "../..", *rest)
    assert no_ref.returncode == no_directory.returncode == 1
    assert "git checkout failed" in no_ref.stderr
    assert "source.git.subdirectory" in no_directory.stderr


def test_an_image_without_kinit_says_so(tmp_path):
    env = {"PATH": str(tmp_path)}
    command = [shutil.which("java"), "-cp", str(FOLDER), "Steps", "renew", "once", "/k", "a@R"]
    done = subprocess.run(
        [*command, str(tmp_path / "cc")], capture_output=True, text=True, env=env, check=False
    )
    assert done.returncode == 1
    assert "has no kinit" in done.stderr
