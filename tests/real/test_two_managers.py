"""Two replicas of the manager on a real control plane, and what becomes of the one that leads."""

from __future__ import annotations

import json
import signal
import time
from contextlib import asynccontextmanager

import pytest
from installation import SYSTEM
from managers import (
    ACCOUNT,
    ManagerProcess,
    installed,
    job,
    node,
    phase,
    pod_of,
    team,
)

from mlctl_core.client.client import Client
from mlctl_core.client.config import load_config
from mlctl_core.objects.kinds import LEASE, POD
from mlctl_core.testing.control_plane import ControlPlaneOptions
from mlctl_core.testing.kubernetes.audit import audit_policy

pytestmark = pytest.mark.real

TAKEOVER_SECONDS = 20
"""From the moment a leader dies, or is told to go, until another leads."""
JOBS = 6
WRITES = {"create", "update", "patch", "delete"}
CREDENTIAL = "authentication.kubernetes.io/credential-id"


@pytest.fixture(scope="module")
def cluster():
    user = f"system:serviceaccount:{SYSTEM}:{ACCOUNT}"
    options = ControlPlaneOptions(audit_policy=audit_policy("Metadata", [user]))
    with installed(options) as made:
        yield made


@pytest.fixture
async def two(cluster, tmp_path):
    """A leader and a standby, in this order."""
    # Each has a token of its own, by which the audit log tells them apart.
    leader = ManagerProcess(cluster.manager().kubeconfig, tmp_path / "first.log")
    standby = ManagerProcess(cluster.manager().kubeconfig, tmp_path / "second.log")
    try:
        await leader.start()
        await leader.line("leading")
        await standby.start()
        yield leader, standby
    finally:
        await leader.stop()
        await standby.stop()


@asynccontextmanager
async def at_work(cluster, tmp_path, name):
    """A team whose jobs are in all states of their lives while the block runs."""
    async with node(cluster, tmp_path), team(cluster, name) as made:
        # They wait for each other's end by a file: as long as the test says, no shorter.
        gate = tmp_path / "gate"
        code = (
            "import pathlib, time\n"
            f"gate = pathlib.Path({str(gate)!r})\n"
            "while not gate.exists():\n"
            "    time.sleep(0.05)\n"
            "print('accuracy=0.5')\n"
        )
        for number in range(JOBS):
            await made.create(job(f"long-{number}", code))
        for number in range(JOBS):
            await made.running(f"long-{number}")
        # These are being created when the leader goes.
        for number in range(JOBS):
            await made.create(job(f"short-{number}", "print('accuracy=0.5')"))
        made.open_the_gate = gate.touch
        yield made


async def taken_over(successor, begun):
    """Seconds until the other one leads."""
    await successor.line("leading")
    return time.monotonic() - begun


async def every_job_ended_once_and_well(made):
    made.open_the_gate()
    for kind in ("long", "short"):
        for number in range(JOBS):
            ended = await made.ended(f"{kind}-{number}")
            assert phase(ended) == "Succeeded", ended["status"]
            assert ended["status"]["metrics"]["accuracy"]["value"] == "0.5"
            # One attempt, by one pod.
            assert not ended["status"].get("restarts")
            assert not ended["status"].get("infraRestarts")
    pods = {pod["metadata"]["name"] for pod in await made.all(POD)}
    assert pods == {pod_of(f"{k}-{n}") for k in ("long", "short") for n in range(JOBS)}


def creations(cluster, namespace):
    """How often each pod of the namespace was created by a manager."""
    made = {}
    for event in cluster.plane.audit_events():
        ref = event.get("objectRef") or {}
        created = event["verb"] == "create" and ref.get("resource") == "pods"
        if created and ref["namespace"] == namespace and event["responseStatus"]["code"] == 201:
            made[ref.get("name")] = made.get(ref.get("name"), 0) + 1
    return made


async def lease(cluster):
    async with Client(load_config(str(cluster.admin.kubeconfig))) as client:
        return json.loads(await client.get(LEASE, "mlctl", SYSTEM))["spec"]


async def test_a_standby_is_ready_with_its_caches_filled_and_writes_nothing(cluster, two):
    leader, standby = two
    assert await standby.get("/readyz") == (200, "ok\n")
    assert (await lease(cluster))["holderIdentity"] == leader.identity
    _, text = await standby.get("/metrics")
    assert 'leader_election_master_status{name="mlctl"} 0.0' in text
    assert 'mlctl_cache_objects{kind="v1/Node"}' in text
    assert 'method="POST"' not in text
    assert 'method="PUT"' not in text


async def test_a_leader_that_is_killed_is_followed_and_the_jobs_end_once_and_well(
    cluster, two, tmp_path
):
    leader, standby = two
    async with at_work(cluster, tmp_path, "killed") as made:
        begun = time.monotonic()
        leader.send(signal.SIGKILL)
        assert await taken_over(standby, begun) < TAKEOVER_SECONDS
        await every_job_ended_once_and_well(made)
    assert set(creations(cluster, "killed").values()) == {1}


async def test_a_leader_that_is_told_to_go_is_followed_at_once(cluster, two, tmp_path):
    leader, standby = two
    async with at_work(cluster, tmp_path, "terminated") as made:
        begun = time.monotonic()
        leader.send(signal.SIGTERM)
        assert await leader.ended() == 0
        # It gave the Lease back, so nobody waits until it runs out.
        assert await taken_over(standby, begun) < TAKEOVER_SECONDS / 2
        await every_job_ended_once_and_well(made)
    assert set(creations(cluster, "terminated").values()) == {1}


async def test_a_leader_that_is_stopped_is_followed_and_writes_nothing_when_it_wakes(
    cluster, two, tmp_path
):
    leader, standby = two
    async with at_work(cluster, tmp_path, "stopped") as made:
        begun = time.monotonic()
        leader.send(signal.SIGSTOP)
        assert await taken_over(standby, begun) < TAKEOVER_SECONDS
        taken = (await lease(cluster))["acquireTime"]
        await every_job_ended_once_and_well(made)
        # Work of which it believes that it is its own.
        await made.patch("long-0", {"spec": {"suspend": True}})
        await made.create(job("after", "print('accuracy=0.5')"))
        leader.send(signal.SIGCONT)
        assert await leader.ended() == 1
        await made.ended("after")
    assert (await lease(cluster))["holderIdentity"] == standby.identity
    written = writes_from(cluster, leader)
    assert written
    assert not [event for event in written if received(event) > taken]
    assert set(creations(cluster, "stopped").values()) == {1}


def writes_from(cluster, manager):
    """What a manager wrote or tried to write, told by its token."""
    return [
        event
        for event in cluster.plane.audit_events()
        if event["verb"] in WRITES and manager.credential in event["user"]["extra"][CREDENTIAL]
    ]


def received(event):
    return event["requestReceivedTimestamp"]
