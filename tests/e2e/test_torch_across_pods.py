"""Torchrun's part played by a stand-in: what it is told, how it is called, whom it can reach.

PyTorch's own wheel brings gigabytes for GPUs; the stand-in takes its command line and its
variables as torch.distributed.run does, and meets the others where it would.
"""

from __future__ import annotations

import pytest
from distributed import Frameworks, has_own_addresses
from plane import job, phase

# Options before the script, then the script with its arguments; a rendezvous of all at the
# master's port, of which each prints its rank and who came.
TORCHRUN = """\
import os, runpy, socket, sys, time
env = os.environ
rank, nodes = int(env["PET_NODE_RANK"]), int(env["PET_NNODES"])
master = env["PET_MASTER_ADDR"], int(env["PET_MASTER_PORT"])
if rank == 0:
    server = socket.create_server(("", master[1]))
    peers = [server.accept()[0] for _ in range(nodes - 1)]
    names = sorted(peer.recv(99).decode() for peer in peers)
    print("rank 0 met", *names)
    for peer in peers:
        peer.close()
else:
    while True:
        try:
            master_connection = socket.create_connection(master)
            break
        except OSError:
            time.sleep(0.05)
    master_connection.send(socket.gethostname().encode())
    master_connection.recv(1)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
SCRIPT = (
    "import os, sys; print('script', os.environ['RANK'], os.environ['WORLD_SIZE'], sys.argv[1:])"
)


@pytest.fixture
async def torch(kubeconfig, namespace, tmp_path):
    package = tmp_path / "torch" / "distributed"
    package.mkdir(parents=True)
    (package / "run.py").write_text(TORCHRUN)
    frameworks = Frameworks(kubeconfig, namespace.client)
    # Its modules come after the job's own, as those of an image do.
    variable = {"name": "PYTHONPATH", "value": str(tmp_path)}
    await frameworks.add("torch-stand-in", "PyTorch", env=[variable])


async def test_replicas_meet_at_worker_0_and_run_the_script(torch, namespace, manager):
    if not await has_own_addresses(namespace):
        pytest.skip("this kernel gives pods no addresses of their own")
    three = job("three", SCRIPT, framework="torch-stand-in", replicas=3, processesPerReplica=2)
    await namespace.apply({**three, "spec": {**three["spec"], "args": ["--lr", "0.1"]}})
    ended = await namespace.ended("three")
    logs = [await namespace.log(f"pyjob-three-worker-{index}") for index in range(3)]

    assert phase(ended) == "Succeeded", (ended["status"], logs)
    assert "rank 0 met pyjob-three-worker-1 pyjob-three-worker-2" in logs[0]
    for index, log in enumerate(logs):
        assert f"script {index} 6 ['--lr', '0.1']" in log


async def test_replicas_of_a_framework_without_torchrun_are_refused_until_that_is_mended(
    torch, namespace, manager
):
    await namespace.apply(job("two", "print('accuracy=1')", replicas=2))
    waiting = await namespace.until("two", lambda o: o.get("status", {}).get("reason"))
    assert waiting["status"]["reason"] == "FrameworkUnsuitable"
    assert "spec.replicas" in waiting["status"]["message"]
    await namespace.apply(job("two", "print('accuracy=1')", replicas=1))
    assert phase(await namespace.ended("two")) == "Succeeded"
