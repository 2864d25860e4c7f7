"""Real processes: with namespaces where the machine allows them, and without."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from mlctl_core.clock import SystemClock
from mlctl_core.embedded.node.container_log import ContainerLog
from mlctl_core.embedded.node.isolation import find_root
from mlctl_core.embedded.node.log_reader import LogOptions, read_log
from mlctl_core.embedded.node.memory import container_memory
from mlctl_core.embedded.node.process import LaunchFailedError, LaunchSpec, Mount, start_process

CLOCK = SystemClock()
ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin"}


@pytest.fixture(params=["namespaces", "plain"])
async def root(request, tmp_path):
    if request.param == "plain":
        return None
    found = await find_root(tmp_path / "state", CLOCK)
    if found is None:
        pytest.skip("no mount namespaces here")
    return found


@pytest.fixture
def start(tmp_path, root):
    async def start(*argv, env=ENV, cwd="/", mounts=()):
        log = ContainerLog(tmp_path / "logs" / "0.log", CLOCK)
        spec = LaunchSpec(argv=argv, env=env, cwd=cwd, root=root, mounts=mounts)
        return await start_process(spec, log, CLOCK)

    return start


@pytest.fixture
def isolated(root):
    if root is None:
        pytest.skip("about namespaces")


def exists(path):
    return Path(path).exists()


async def output(process):
    blocks = read_log(process.log.path, LogOptions(follow=True), process.log)
    return b"".join([block async for block in blocks]).decode()


async def line(process):
    """The first line, as soon as it is there."""
    async for block in read_log(process.log.path, LogOptions(follow=True), process.log):
        return block.decode().splitlines()[0]
    return ""


async def test_output_and_exit_code_are_the_commands(start):
    process = await start("sh", "-c", "echo out; echo err >&2; exit 7")

    assert await process.wait() == 7
    assert sorted((await output(process)).split()) == ["err", "out"]


async def test_the_environment_is_what_was_given_and_nothing_else(start, monkeypatch):
    monkeypatch.setenv("NODE_PASSWORD", "secret")
    process = await start("env", env={**ENV, "A": "1 2"})
    await process.wait()
    names = {entry.partition("=")[0] for entry in (await output(process)).splitlines()}

    assert "A=1 2" in await output(process)
    assert names <= {"PATH", "A", "PWD", "SHLVL", "_", "LC_CTYPE"}


async def test_the_working_directory_is_the_one_that_was_given(start):
    process = await start("pwd", cwd="/usr")
    await process.wait()

    assert await output(process) == "/usr\n"


async def test_a_signal_that_ends_it_is_128_more(start):
    process = await start("sh", "-c", "kill -USR1 $$")

    assert await process.wait() == 128 + 10


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["no-such-program"], 'exec: "no-such-program": executable file not found in $PATH'),
        (["/no/such/file"], 'exec: "/no/such/file": no such file or directory'),
        (["/etc/passwd"], 'exec: "/etc/passwd": permission denied'),
    ],
)
async def test_a_command_that_cannot_be_executed_says_why(start, argv, message):
    with pytest.raises(LaunchFailedError) as caught:
        await start(*argv)

    assert (caught.value.stage, str(caught.value)) == ("exec", message)


async def test_sigterm_reaches_the_container_once_and_leaves_it_time(start):
    script = (
        "import signal, sys; term = {signal.SIGTERM}; "
        "signal.pthread_sigmask(signal.SIG_BLOCK, term); print('ready', flush=True); "
        "signal.sigwait(term); print('bye', signal.sigtimedwait(term, 0.2)); sys.exit(3)"
    )
    process = await start(sys.executable, "-c", script)
    assert await line(process) == "ready"
    process.terminate()

    assert await process.wait() == 3
    assert await output(process) == "ready\nbye None\n"


async def test_sigterm_ends_a_command_without_a_handler(start):
    process = await start("sleep", "1000")
    process.terminate()

    assert await process.wait() == 128 + 15


async def test_sigkill_cannot_be_refused(start):
    process = await start("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.01; done")
    assert await line(process) == "ready"
    process.terminate()
    process.kill()

    assert await process.wait() == 128 + 9


async def test_default_signal_handlers_are_restored(start):
    process = await start("sh", "-c", "yes | head -1; echo end")

    assert await process.wait() == 0
    assert await output(process) == "y\nend\n"


async def test_what_a_container_leaves_behind_ends_with_it(start):
    process = await start("sh", "-c", "sleep 1000 & echo $!")

    assert await process.wait() == 0  # and the output came to its end


async def test_even_a_daemon_ends_with_its_container(start, isolated):
    process = await start("sh", "-c", "setsid sleep 1000 & sleep 0.05; echo started")

    assert await asyncio.wait_for(process.wait(), 20) == 0


async def test_volumes_are_where_the_container_wants_them(start, isolated, tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "code/train.py").write_text("print(1)")
    (tmp_path / "work").mkdir()
    (tmp_path / "key").write_text("k3y")
    mounts = [
        Mount(tmp_path / "code", "/mlctl/code", read_only=True),
        Mount(tmp_path / "work", "/mlctl/work"),
        Mount(tmp_path / "code", "/usr/share/mlctl-test/deep", read_only=True),
        Mount(tmp_path / "key", "/var/run/secrets/mlctl-test/key"),
    ]
    script = (
        "cat /mlctl/code/train.py /usr/share/mlctl-test/deep/train.py "
        "/var/run/secrets/mlctl-test/key; echo new > made; "
        "(echo x > /mlctl/code/x) 2>/dev/null || echo read-only"
    )
    process = await start("sh", "-c", script, cwd="/mlctl/work", mounts=mounts)
    await process.wait()
    found = await output(process)

    assert found.startswith("print(1)print(1)k3y")
    assert found.endswith("read-only\n")
    assert (tmp_path / "work/made").read_text() == "new\n"
    assert list((tmp_path / "code").iterdir()) == [tmp_path / "code/train.py"]
    assert not exists("/mlctl")
    assert not exists("/usr/share/mlctl-test")


async def test_a_volume_may_lie_inside_another(start, isolated, tmp_path):
    (tmp_path / "outer").mkdir()
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner/file").write_text("in")
    mounts = [Mount(tmp_path / "inner", "/data/a/b"), Mount(tmp_path / "outer", "/data")]
    process = await start("cat", "/data/a/b/file", mounts=mounts)
    await process.wait()

    assert await output(process) == "in"


async def test_what_is_written_to_the_root_directory_vanishes(start, isolated):
    process = await start("sh", "-c", "echo x > /mlctl-test-file && cat /mlctl-test-file")
    await process.wait()

    assert await output(process) == "x\n"
    assert not exists("/mlctl-test-file")


async def test_devices_and_proc_work(start, isolated):
    script = "echo x > /dev/null && head -c1 /dev/zero | wc -c && test -d /proc/$$ && echo ok"
    process = await start("sh", "-c", script)
    await process.wait()

    assert (await output(process)).split() == ["1", "ok"]


async def test_a_volume_that_cannot_be_mounted_is_no_fault_of_the_program(
    start, isolated, tmp_path
):
    (tmp_path / "directory").mkdir()
    with pytest.raises(LaunchFailedError) as caught:
        await start("true", mounts=[Mount(tmp_path / "directory", "/etc/passwd")])

    assert (caught.value.stage, str(caught.value)) == ("mount", "not a directory: /etc/passwd")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="PR_SET_PDEATHSIG is Linux's")
async def test_containers_die_with_a_node_that_is_killed(tmp_path, root):
    """A process that starts a container and is killed: the container's output ends."""
    script = f"""
import asyncio, os, pathlib, signal
from mlctl_core.clock import SystemClock
from mlctl_core.embedded.node.container_log import ContainerLog
from mlctl_core.embedded.node.process import LaunchSpec, start_process

async def main():
    root = {str(root) if root is not None else None!r}
    spec = LaunchSpec(
        argv=["sh", "-c", "echo up > {tmp_path}/fifo; exec sleep 1000"],
        env={ENV!r}, cwd="/", root=root and pathlib.Path(root),
    )
    log = ContainerLog(pathlib.Path({str(tmp_path / "l.log")!r}), SystemClock())
    process = await start_process(spec, log, SystemClock())
    await process.wait()

asyncio.run(main())
"""
    os.mkfifo(tmp_path / "fifo")
    node = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE
    )
    reader = await asyncio.to_thread((tmp_path / "fifo").read_text)
    assert reader == "up\n"
    children = _descendants(node.pid)
    node.kill()
    await node.wait()

    assert children
    while not all(map(_is_zombie_or_gone, children)):
        await asyncio.sleep(0.01)


def _descendants(pid):
    found = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (thread / "children").read_text().split()):
            found += [child, *_descendants(child)]
    return found


def _is_zombie_or_gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


async def test_memory_is_that_of_the_container_and_its_children(start, root):
    hold = "x = bytearray(64 << 20)"
    script = (
        "import os, sys, time; os.fork(); " + hold + "; print('held', flush=True); time.sleep(1000)"
    )
    process = await start(sys.executable, "-c", script)
    blocks = read_log(process.log.path, LogOptions(follow=True), process.log)
    seen = b""
    async for block in blocks:
        seen += block
        if seen.count(b"held") == 2:
            break
    used = container_memory(process.pid, 2 if root is not None else 0)
    process.kill()
    await process.wait()

    assert 128 << 20 < used < 200 << 20
