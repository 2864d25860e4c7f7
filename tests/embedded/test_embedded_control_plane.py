"""`python -m mlctl_core.embedded` as a process."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import sys

import pytest

from mlctl_core.client.client import Client
from mlctl_core.client.config import load_config
from mlctl_core.embedded.options import parse_arguments
from mlctl_core.objects.kinds import NODE, POD

PATIENCE = 60
"""Seconds: a test fails on it, none waits for it."""


async def start(*arguments):
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "mlctl_core.embedded",
        *map(str, arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONWARNINGS": "default"},
    )


async def ended(process):
    """Give the exit code and what was said."""
    out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    return process.returncode, out.decode(), err.decode()


async def ready_line(process):
    return (await asyncio.wait_for(process.stdout.readline(), PATIENCE)).decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_says_when_it_serves_and_stops_on_a_signal(tmp_path, number):
    kubeconfig = tmp_path / "kubeconfig"
    process = await start("--pods", "none", "--kubeconfig-out", kubeconfig)
    line = await ready_line(process)
    assert line.startswith("ready https://127.0.0.1:")
    assert stat.S_IMODE(kubeconfig.stat().st_mode) == 0o600
    async with Client(load_config(str(kubeconfig))) as client:
        assert client.config.server == line.split()[1]
        assert (await client.list_page(NODE)).items == []
    process.send_signal(number)
    assert (await ended(process))[:2] == (0, "")


async def test_a_pod_is_scheduled_and_run_on_the_nodes_asked_for(tmp_path):
    kubeconfig = tmp_path / "kubeconfig"
    nodes = ("--pods", "simulated", "--nodes", 2, "--gpus-per-node", 4)
    process = await start("--kubeconfig-out", kubeconfig, *nodes)
    await ready_line(process)
    async with Client(load_config(str(kubeconfig))) as client:
        assert len((await client.list_page(NODE)).items) == 2
        gpu = {"limits": {"nvidia.com/gpu": "1"}}
        body = {
            "metadata": {"name": "p", "annotations": {"sim.mlctl.dev/run-for": "0s"}},
            "spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "c", "image": "x", "resources": gpu}],
            },
        }
        await client.create(POD, body, "default")
        watch = client.watch(POD, "default", resource_version="0", timeout_seconds=PATIENCE)
        async for event in watch:
            if b'"phase":"Succeeded"' in event.raw:
                break
    process.terminate()
    assert (await ended(process))[0] == 0


async def test_a_port_that_is_taken_is_said_plainly():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, _, err = await ended(await start("--pods", "none", "--port", taken.getsockname()[1]))
    assert code == 1
    assert err.startswith("error: ")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--pods", "never"], "invalid choice"),
        (["--node", "cpu=4"], "has no name"),
        (["--node", "name=a", "--node", "name=a"], "named twice: a"),
        (["--port", "x"], "invalid int value"),
        (
            ["--kubeconfig-out", "no/such/folder/config"],
            "--kubeconfig-out: there is no folder no/such/folder: make it first",
        ),
        (["--kubeconfig-out", "."], "--kubeconfig-out: . is a folder: name a file in it"),
    ],
)
def test_bad_usage_ends_with_2(arguments, message, capsys):
    with pytest.raises(SystemExit) as ended:
        parse_arguments(arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_nodes_as_they_are_asked_for():
    assert [spec.name for spec in parse_arguments([]).node_specs] == ["node-1"]
    assert parse_arguments(["--pods", "none"]).node_specs == ()
    specs = parse_arguments(["--node", "name=g,pods=simulated,gpus=8"]).node_specs
    assert [(spec.name, spec.pods, spec.gpus) for spec in specs] == [("g", "simulated", 8)]
