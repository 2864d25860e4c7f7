"""Processes that the demo starts end with it, whatever ends it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hack.demo.processes import ProcessFailedError, python, run_to_end, wait_for_line

ROOT = Path(__file__).parents[2]
# What is waited for takes milliseconds; this only ends a test that waits in vain.
PATIENCE_SECONDS = 60
# Held open by whoever has been started and by its children, so that its end is theirs.
HOLDS_A_PIPE = "sleep 600 & echo started; wait"


async def received(read):
    """What comes next on the other end of the pipe; nothing when nobody holds it any more."""
    loop, readable = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(read, readable.set)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await readable.wait()
    finally:
        loop.remove_reader(read)
    return os.read(read, 100)


@pytest.fixture
def pipe():
    read, write = os.pipe()
    os.set_inheritable(write, True)
    yield read, write
    os.close(read)


def script(write):
    """A script that writes into the pipe, and a command that can: other descriptors are closed."""
    return f"exec > /proc/{os.getpid()}/fd/{write}; {HOLDS_A_PIPE}"


async def test_a_command_that_fails_is_an_error_that_names_it():
    with pytest.raises(ProcessFailedError, match=r"sh -c exit 3: exit code 3"):
        await run_to_end("sh", "-c", "exit 3")


@pytest.mark.skipif(sys.platform != "linux", reason="opens a descriptor by its path in /proc")
async def test_a_command_that_is_cancelled_ends_with_its_children(pipe):
    read, write = pipe
    task = asyncio.create_task(run_to_end("sh", "-c", script(write)))
    assert await received(read) == b"started\n"
    os.close(write)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await received(read) == b""


@pytest.mark.skipif(sys.platform != "linux", reason="opens a descriptor by its path in /proc")
async def test_a_command_that_is_cancelled_while_it_is_started_ends_with_its_children(
    pipe, monkeypatch
):
    read, write = pipe
    popen = subprocess.Popen

    def slow(*args, **options):
        made = popen(*args, **options)
        assert os.read(read, 100) == b"started\n"
        task.cancel()
        return made

    monkeypatch.setattr(subprocess, "Popen", slow)
    task = asyncio.create_task(run_to_end("sh", "-c", script(write)))
    with pytest.raises(asyncio.CancelledError):
        await task
    os.close(write)
    assert await received(read) == b""


async def test_a_process_that_ends_before_its_line_is_an_error_with_the_end_of_its_log(tmp_path):
    log = tmp_path / "log"
    async with python(log, "-c", "print('no room'); raise SystemExit(4)") as process:
        with pytest.raises(ProcessFailedError, match=r"exit code 4\nno room"):
            await wait_for_line(process, log, "ready", PATIENCE_SECONDS)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_demo_stops_in_order_however_often_it_is_told_to(number, tmp_path):
    tour = tmp_path / "tour.py"
    tour.write_text(
        "import asyncio\n"
        "async def show(tour, *, keep):\n"
        "    try:\n"
        "        print('begun', flush=True)\n"
        "        await asyncio.sleep(600)\n"
        "    finally:\n"
        "        print('stopping', flush=True)\n"
        "        await asyncio.get_running_loop().run_in_executor(None, input)\n"
        "        print('in order', flush=True)\n"
    )
    code = (
        "import importlib.util, sys\n"
        f"spec = importlib.util.spec_from_file_location('hack.demo.tour', {str(tour)!r})\n"
        "sys.modules['hack.demo.tour'] = module = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
        "from hack.demo.__main__ import main\n"
        "sys.exit(main('size', keep=False))\n"
    )
    command = [sys.executable, "-c", code]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout.readline() == "begun\n"
        process.send_signal(number)
        assert process.stdout.readline() == "stopping\n"
        process.send_signal(number)
        process.send_signal(number)
        out, _ = process.communicate("\n", timeout=PATIENCE_SECONDS)
    assert out == "in order\nstopped; nothing is left running\n"
    assert process.returncode == 130
