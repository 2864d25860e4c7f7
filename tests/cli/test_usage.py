"""What every command of `mlctl` has in common: which cluster, bad words, and the exit code."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time

import pytest
import yaml

from mlctl_core.cli.main import main
from mlctl_core.embedded.apiserver.server import ApiServer, ApiServerOptions

COMMANDS = ("get", "why", "logs", "explain", "suspend", "resume", "crds")


def process(*words, **options):
    """The command as a process of its own."""
    command = [sys.executable, "-m", "mlctl_core.cli.main", *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, **options)


def test_help_names_every_command(anywhere):
    answer = anywhere("--help")
    assert answer.code == 0
    assert all(f"\n    {command} " in answer.out for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_argument_is_explained(anywhere, command):
    answer = anywhere(command, "--help")
    assert answer.code == 0
    # An entry and what it is stand two spaces apart, or on two lines.
    entries = re.split(r"\n  (?=[-\w])", answer.out)[1:]
    assert entries
    assert all(len(re.split(r"  +|\n", entry.strip(), maxsplit=1)) > 1 for entry in entries)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("frobnicate",),
        ("get", "-o", "xml"),
        ("get", "--no-such-flag"),
        ("why",),
        ("why", "a", "b"),
        ("explain",),
        ("crds", "-n", "x"),
    ],
)
def test_bad_usage_is_exit_code_2(anywhere, words):
    answer = anywhere(*words)
    assert (answer.code, answer.out) == (2, "")
    assert "error:" in answer.err


@pytest.mark.parametrize("before", [True, False])
def test_where_to_look_may_be_said_before_or_after_the_command(
    anywhere, plane, namespace, monkeypatch, before
):
    namespace.job("digits")
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    config = yaml.safe_load(plane.kubeconfig.read_text())
    where = ("--kubeconfig", str(plane.kubeconfig), "-n", namespace.name)
    where += ("--context", config["current-context"])
    words = (*where, "get") if before else ("get", *where)
    assert "pythonjob/digits" in anywhere(*words).out


def test_the_context_says_the_namespace(anywhere, plane, namespace, monkeypatch, tmp_path):
    namespace.job("digits")
    config = yaml.safe_load(plane.kubeconfig.read_text())
    config["contexts"][0]["context"]["namespace"] = namespace.name
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(config))
    monkeypatch.setenv("KUBECONFIG", str(path))
    assert "pythonjob/digits" in anywhere("get").out


@pytest.fixture
def no_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def config(server="https://127.0.0.1:1"):
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "mine", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "mine",
    }


NO_CLUSTER = {
    "no kubeconfig": (None, (), "no cluster configured"),
    "a kubeconfig that is not there": (None, ("--kubeconfig", "nope"), "kubeconfig nope: no such"),
    "one that is no YAML": ("{{{", (), "not valid YAML (line 1)"),
    "one that is no kubeconfig": ("a: b", (), "no context is named and none current"),
    "an empty one": ("", (), "not a complete kubeconfig"),
    "an unknown context": (config(), ("--context", "other"), "no context other; it has mine"),
    "a server that is not there": (
        config(),
        (),
        "cannot connect to 127.0.0.1:1: Connection refused",
    ),
    "a host that is not there": (
        config("https://no-such-host.invalid"),
        (),
        "cannot connect to no-such-host.invalid:443: ",
    ),
}


@pytest.mark.parametrize("case", NO_CLUSTER.values(), ids=NO_CLUSTER)
def test_a_cluster_that_cannot_be_reached_is_one_line_and_exit_code_1(
    no_home, capsys, monkeypatch, case
):
    kubeconfig, words, said = case
    monkeypatch.chdir(no_home)
    if kubeconfig is not None:
        path = no_home / "config"
        path.write_text(kubeconfig if isinstance(kubeconfig, str) else yaml.safe_dump(kubeconfig))
        monkeypatch.setenv("KUBECONFIG", str(path))
    assert main([*words, "get"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("mlctl: ")
    assert said in err
    assert err.count("\n") == 1


def test_credentials_that_are_refused_are_one_line(anywhere, plane, monkeypatch, tmp_path):
    config = yaml.safe_load(plane.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": "wrong"}
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(config))
    answer = anywhere("--kubeconfig", str(path), "get")
    assert answer.code == 1
    assert answer.err.startswith("mlctl: 401 Unauthorized")
    assert answer.err.count("\n") == 1


async def test_a_cluster_without_the_kinds_says_how_to_get_them(tmp_path, capsys):
    async with ApiServer(ApiServerOptions(tls=False)) as server:
        path = tmp_path / "config"
        path.write_text(yaml.safe_dump(server.kubeconfig()))
        code = await asyncio.to_thread(main, ["--kubeconfig", str(path), "get"])
    err = capsys.readouterr().err
    assert code == 1
    assert "install the CRDs first (kubectl apply -k manifests/crds)" in err


def test_a_reader_that_has_seen_enough_is_no_error(plane, namespace):
    for number in range(30):
        namespace.job(f"job-{number}")
    flags = ("--kubeconfig", str(plane.kubeconfig), "-n", namespace.name)
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "mlctl_core.cli.main", *flags, "get", "-o", "yaml"]
    ended = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_ctrl_c_ends_a_followed_log_without_a_word(plane, namespace):
    namespace.job("digits")
    namespace.pod("digits", "echo one; exec sleep 600")
    flags = ("--kubeconfig", str(plane.kubeconfig), "-n", namespace.name)
    with process(*flags, "logs", "-f", "digits") as command:
        until = time.monotonic() + 60
        line = ""
        while line != "one\n" and time.monotonic() < until:
            line = command.stdout.readline()
        command.send_signal(signal.SIGINT)
        out, err = command.communicate(timeout=60)
    assert (command.returncode, out) == (130, "")
    assert "Traceback" not in err
