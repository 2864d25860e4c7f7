import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlctl_core.testing.kubernetes import guard

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
PATIENCE = 30
SLEEPER = "import os; print(os.getpid(), flush=True); import time; time.sleep(1000)"


def guarded(*command, **options):
    return subprocess.Popen(
        [sys.executable, "-I", "-S", guard.__file__, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        **options,
    )


def is_gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def wait_gone(pid):
    end = time.monotonic() + PATIENCE
    while not is_gone(pid):
        assert time.monotonic() < end, f"process {pid} is still there"
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("raise SystemExit(0)", 0),
        ("raise SystemExit(3)", 3),
        ("import os; os.kill(os.getpid(), 9)", 128 + 9),
    ],
)
def test_the_exit_code_is_the_commands(program, code):
    with guarded(sys.executable, "-c", program) as process:
        assert process.wait(PATIENCE) == code


def test_a_command_that_cannot_start_is_named():
    with guarded("/nowhere/etcd", stderr=subprocess.PIPE) as process:
        assert process.wait(PATIENCE) == 127
        assert process.stderr.read() == b"/nowhere/etcd: No such file or directory\n"


def test_a_request_to_end_is_passed_on():
    with guarded(sys.executable, "-c", SLEEPER) as process:
        pid = int(process.stdout.readline())
        process.terminate()
        assert process.wait(PATIENCE) == 128 + signal.SIGTERM
        assert is_gone(pid)


def test_the_command_reads_nothing_from_the_pipe():
    with guarded(sys.executable, "-c", "import sys; print(repr(sys.stdin.read()))") as process:
        assert process.stdout.read() == b"''\n"


def test_the_command_ends_when_its_guard_is_killed():
    with guarded(sys.executable, "-c", SLEEPER) as process:
        pid = int(process.stdout.readline())
        process.kill()
        wait_gone(pid)


def test_the_command_ends_when_who_asked_is_killed():
    script = f"""
import json, subprocess, sys, time
guarded = subprocess.Popen(
    [sys.executable, "-I", "-S", {guard.__file__!r}, sys.executable, "-c", {SLEEPER!r}],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
)
print(json.dumps([guarded.pid, int(guarded.stdout.readline())]), flush=True)
time.sleep(1000)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as asker:
        pids = json.loads(asker.stdout.readline())
        os.kill(asker.pid, signal.SIGKILL)
    for pid in pids:
        wait_gone(pid)
