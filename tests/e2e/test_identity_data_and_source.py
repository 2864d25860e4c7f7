"""Jobs that wait for an identity, read datasets, and get their code from elsewhere."""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import zipfile

import pytest
from inputs import DATASET, IDENTITY, config_map, of, secret
from plane import job, phase, reason
from web_files import serving

from mlctl_core.objects.kinds import CONFIG_MAP, SECRET

TOUCH = {"metadata": {"annotations": {"example.org/touched": "1"}}}


async def test_a_job_waits_for_its_identity_and_starts_by_itself(namespace, manager):
    code = """
import os, pathlib
print("accuracy=" + os.environ["TOKEN"])
assert pathlib.Path("/settings/a").read_text() == "b"
assert pathlib.Path(os.environ["HADOOP_CONF_DIR"], "core-site.xml").read_text() == "<x/>"
"""
    await namespace.apply(job("digits", code, identity="alice"))
    await namespace.until("digits", lambda o: reason(o) == "IdentityNotFound")
    identity = {
        "hadoop": {"configMap": "hadoop"},
        "secrets": [{"name": "token", "env": [{"name": "TOKEN", "key": "token"}]}],
        "configMaps": [{"name": "settings", "mountPath": "/settings"}],
    }
    await namespace.create(IDENTITY, of(IDENTITY, "alice", identity))
    missing = "no ConfigMap named hadoop"
    waiting = await namespace.until("digits", lambda o: missing in o["status"]["message"])
    assert reason(waiting) == "IdentityNotReady"
    assert phase(waiting) == "Pending"
    await namespace.create(CONFIG_MAP, config_map("hadoop", **{"core-site_xml": "<x/>"}))
    await namespace.create(CONFIG_MAP, config_map("settings", a="b"))
    await namespace.create(SECRET, secret("token", token="0.5"))
    # It would be found by itself within half a minute.
    await namespace.client.patch(IDENTITY, "alice", TOUCH, namespace.name)
    ended = await namespace.ended("digits")
    assert phase(ended) == "Succeeded", ended["status"]
    assert ended["status"]["metrics"]["accuracy"]["value"] == "0.5"


async def test_a_dataset_is_staged_if_its_hash_is_right(namespace, manager, tmp_path):
    (tmp_path / "digits.csv").write_bytes(b"1,2\n")
    right = hashlib.sha256(b"1,2\n").hexdigest()
    code = """
import os, pathlib
path = pathlib.Path(os.environ["MLCTL_DATASET_IN"])
assert path.name == "digits.csv"
print("rows=" + str(len(path.read_text().splitlines())))
"""
    with serving(tmp_path) as web:
        spec = {"uri": f"{web.url}/digits.csv", "mode": "Stage"}
        await namespace.create(DATASET, of(DATASET, "good", {**spec, "sha256": right}))
        await namespace.create(DATASET, of(DATASET, "bad", {**spec, "sha256": "0" * 64}))
        for name in ("good", "bad"):
            await namespace.apply(job(name, code, datasets=[{"name": name, "as": "in"}]))
        good, bad = await namespace.ended("good"), await namespace.ended("bad")
    assert phase(good) == "Succeeded", good["status"]
    assert good["status"]["metrics"]["rows"]["value"] == "1"
    [dataset] = good["status"]["lineage"]["datasets"]
    assert dataset == {"name": "good", "uri": spec["uri"], "version": f"sha256:{right}"}
    assert (phase(bad), reason(bad)) == ("Failed", "DatasetFailed")
    assert f"should have {'0' * 64}" in bad["status"]["message"]


async def test_a_job_waits_for_its_dataset(namespace, manager):
    code = "import os; assert os.environ['MLCTL_DATASET_DIGITS'] == 's3://bucket/digits'"
    await namespace.apply(job("digits", code, datasets=[{"name": "digits"}]))
    await namespace.until("digits", lambda o: reason(o) == "DatasetNotFound")
    await namespace.create(DATASET, of(DATASET, "digits", {"uri": "s3://bucket/digits"}))
    ended = await namespace.ended("digits")
    assert phase(ended) == "Succeeded", ended["status"]


@pytest.fixture
def repository(tmp_path):
    """The folder of a web server with the bare repository code.git, and its commit."""
    if shutil.which("git") is None:
        pytest.skip("there is no git here")

    def git(*words, cwd):
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *words]
        return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout

    work, web = tmp_path / "work", tmp_path / "web"
    (work / "src").mkdir(parents=True)
    (work / "src" / "train.py").write_text("from helper import value; print(f'accuracy={value}')")
    (work / "src" / "helper.py").write_text("value = 0.75")
    git("init", "--quiet", "--initial-branch=main", cwd=work)
    git("add", "--all", cwd=work)
    git("commit", "--quiet", "--message=first", cwd=work)
    git("clone", "--quiet", "--bare", str(work), str(web / "code.git"), cwd=tmp_path)
    git("update-server-info", cwd=web / "code.git")
    return web, git("rev-parse", "HEAD", cwd=work).strip()


def of_git(url, **spec):
    return {
        "source": {"git": {"url": url, "subdirectory": "src", **spec}},
        "entrypoint": "train.py",
    }


async def test_code_from_git_runs_and_its_commit_is_recorded(namespace, manager, repository):
    web, commit = repository
    with serving(web) as server:
        url = f"{server.url}/code.git"
        await namespace.apply(job("digits", **of_git(url, ref="main")))
        await namespace.apply(job("none", **of_git(url, ref="nowhere")))
        digits, none = await namespace.ended("digits"), await namespace.ended("none")
    assert phase(digits) == "Succeeded", digits["status"]
    assert digits["status"]["metrics"]["accuracy"]["value"] == "0.75"
    assert digits["status"]["lineage"]["codeHash"] == f"git:{commit}"
    assert (phase(none), reason(none)) == ("Failed", "SourceFailed")
    assert "git ended with exit code" in none["status"]["message"]
    assert "nowhere" in none["status"]["message"]


async def test_code_from_an_archive_runs(namespace, manager, tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("package/__init__.py", "")
        archive.writestr("package/train.py", "print('accuracy=0.25')")
    (tmp_path / "code.zip").write_bytes(buffer.getvalue())
    with serving(tmp_path) as web:
        source = {"uri": f"{web.url}/code.zip"}
        await namespace.apply(job("digits", source=source, entrypoint="package.train"))
        ended = await namespace.ended("digits")
    assert phase(ended) == "Succeeded", ended["status"]
    assert ended["status"]["metrics"]["accuracy"]["value"] == "0.25"
