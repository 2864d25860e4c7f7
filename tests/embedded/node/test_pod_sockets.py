"""Servers of two pods at one port: real processes, where the kernel allows it."""

from __future__ import annotations

import sys

import pytest

from mlctl_core.clock import SystemClock
from mlctl_core.embedded.node.container_log import ContainerLog
from mlctl_core.embedded.node.isolation import find_root, has_addresses
from mlctl_core.embedded.node.log_reader import LogOptions, read_log
from mlctl_core.embedded.node.process import LaunchSpec, Mount, start_process

CLOCK = SystemClock()
ADDRESS, OTHER = "127.201.2.3", "127.201.2.4"


@pytest.fixture
async def root(tmp_path):
    found = await find_root(tmp_path / "state", CLOCK)
    if found is None or not await has_addresses(found, tmp_path / "state", CLOCK):
        pytest.skip("this kernel gives pods no addresses of their own")
    return found


@pytest.fixture
def run(root, tmp_path):
    """Runs Python code in a container of that address; returns its exit code and output."""

    async def run(code, *, address=ADDRESS, hostname="p-0", mounts=()):
        log = ContainerLog(tmp_path / address / "0.log", CLOCK)
        spec = LaunchSpec(
            argv=[sys.executable, "-I", "-c", f"import socket\n{code}"],
            env={},
            cwd="/",
            root=root,
            mounts=mounts,
            hostname=hostname,
            address=address,
        )
        process = await start_process(spec, log, CLOCK)
        exit_code = await process.wait()
        blocks = read_log(log.path, LogOptions(follow=True), log)
        return exit_code, b"".join([block async for block in blocks]).decode()

    return run


# A port that is free for a moment: containers share the host's.
FREE = """
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
"""


async def printed(run, code):
    exit_code, output = await run(code)
    assert exit_code == 0, output
    return output.split()


async def test_a_server_at_the_wildcard_listens_at_the_pods_address(run):
    code = FREE + "print(socket.create_server(('', port)).getsockname() == ('%s', port))"
    assert await printed(run, code % ADDRESS) == ["True"]


async def test_so_does_one_for_both_versions_of_ip(run):
    code = """
server = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
print(server.getsockname()[0], socket.create_connection(("%s", port)).getpeername()[0])
"""
    assert await printed(run, FREE + code % ADDRESS) == [f"::ffff:{ADDRESS}", ADDRESS]


async def test_two_pods_serve_at_one_port_and_each_finds_itself_at_its_loopback(run):
    code = """
def serve(address):
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    server.bind((address, port))
    server.listen()
    return server
other, own = serve("%s"), serve("")
for host in ("127.0.0.1", "localhost", "%s"):
    print(socket.create_connection((host, port)).getpeername()[0])
"""
    found = await printed(run, FREE + code % (OTHER, ADDRESS))
    assert found == [ADDRESS, ADDRESS, ADDRESS]


async def test_a_port_that_is_taken_is_an_error_as_ever(run):
    code = """
server = socket.create_server(("", port))
try:
    socket.create_server(("", port))
except OSError as error:
    print(error.errno)
"""
    assert await printed(run, FREE + code) == ["98"]


async def test_sockets_that_cannot_clash_are_left_as_they_are(run):
    code = """
import tempfile
def bound(address, family=socket.AF_INET, kind=socket.SOCK_STREAM):
    one = socket.socket(family, kind)
    one.bind(address)
    return one.getsockname()
print(bound(("", 0))[0], bound(("127.0.0.1", 0))[0], bound(("127.9.9.9", port))[0])
print(bound(("", port), kind=socket.SOCK_DGRAM)[0])
bound(tempfile.mkdtemp() + "/unix", socket.AF_UNIX)
"""
    assert await printed(run, FREE + code) == ["0.0.0.0", "127.0.0.1", "127.9.9.9", "0.0.0.0"]


async def test_the_hosts_loopback_is_where_it_was(run):
    code = """
server = socket.create_server(("127.0.0.1", 0))
print(socket.create_connection(server.getsockname()).getpeername()[0])
server.close()
try:
    socket.create_connection(("127.0.0.1", port))
except ConnectionRefusedError:
    print("refused")
"""
    assert await printed(run, FREE + code) == ["127.0.0.1", "refused"]


async def test_servers_of_threads_and_of_children_are_caught_too(run):
    code = """
import subprocess, sys, threading
listen = "import socket; print(socket.create_server(('', %d)).getsockname()[0])" % port
thread = threading.Thread(target=exec, args=(listen,))
thread.start()
thread.join()
print(subprocess.run([sys.executable, "-c", listen], capture_output=True, text=True).stdout)
"""
    assert await printed(run, FREE + code) == [ADDRESS, ADDRESS]


async def test_the_machine_is_called_by_the_pods_name_and_finds_itself(run, tmp_path):
    hosts = tmp_path / "hosts"
    hosts.write_text(f"127.0.0.1\tlocalhost\n{ADDRESS}\tp-0.svc.ns.svc p-0\n")
    exit_code, output = await run(
        "print(socket.gethostname(), socket.gethostbyname('p-0'), socket.getfqdn())",
        mounts=[Mount(hosts, "/etc/hosts", read_only=True)],
    )
    assert (exit_code, output.split()) == (0, ["p-0", ADDRESS, "p-0.svc.ns.svc"])


async def test_a_container_that_is_stopped_while_it_waits_ends_at_once(run):
    exit_code, _ = await run("import os, signal; os.kill(os.getpid(), signal.SIGTERM)")
    assert exit_code == 143
