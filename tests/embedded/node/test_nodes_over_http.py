"""Whole nodes against an API server: what kubectl and controllers see of them."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from node_pods import api_pod, sh, state

from mlctl_core.client.errors import BadRequestError
from mlctl_core.embedded.apiserver import pod_garbage
from mlctl_core.embedded.node import container_run
from mlctl_core.objects.kinds import CONFIG_MAP, LEASE, NODE, POD

TRAIN = """
import os, sys
print("args", *sys.argv[1:])
print("node", os.environ["NODE"], "mode", os.environ["MODE"])
print(open("/dependencies/done").read())
open("result", "w").write("x")
open("/dev/termination-log", "w").write("accuracy=0.97")
"""


def exists(path):
    return Path(path).exists()


async def test_a_node_registers_and_renews_its_lease(plane):
    await plane.nodes("name=n,cpu=2,gpus=1,pods=simulated")
    node = await plane.get(NODE, "n")
    await plane.until(lambda lease: lease, "n", LEASE, "kube-node-lease")

    assert node["status"]["allocatable"]["nvidia.com/gpu"] == "1"
    assert {c["type"]: c["status"] for c in node["status"]["conditions"]}["Ready"] == "True"


async def test_a_node_that_comes_back_takes_over_its_object(plane):
    stop = await plane.nodes("name=n,cpu=2,pods=simulated")
    before = await plane.get(NODE, "n")
    await stop()
    await plane.nodes("name=n,cpu=4,pods=simulated,label=a=b")
    after = await plane.get(NODE, "n")

    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["status"]["capacity"]["cpu"] == "4"
    assert after["metadata"]["labels"]["a"] == "b"


async def test_a_job_runs_from_its_volumes_to_its_last_words(plane, images):
    await plane.nodes("name=n", images=images)
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "code", "namespace": "default"},
        "data": {"train.py": TRAIN, "mode": "fast"},
    }
    await plane.create(CONFIG_MAP, config)
    dependencies = {"name": "dependencies", "mountPath": "/dependencies"}
    init = sh("echo installed > /dependencies/done", name="init", volumeMounts=[dependencies])
    main = {
        "name": "main",
        "image": "python",
        "command": [sys.executable, "/mlctl/code/train.py"],
        "args": ["--node=$(NODE)"],
        "workingDir": "/mlctl/work",
        "env": [
            {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
            {"name": "MODE", "valueFrom": {"configMapKeyRef": {"name": "code", "key": "mode"}}},
        ],
        "volumeMounts": [
            {"name": "code", "mountPath": "/mlctl/code"},
            {"name": "work", "mountPath": "/mlctl/work"},
            dependencies,
        ],
    }
    volumes = [
        {"name": "code", "configMap": {"name": "code"}},
        {"name": "work", "emptyDir": {}},
        {"name": "dependencies", "emptyDir": {}},
    ]
    await plane.create(POD, api_pod("job", main, initContainers=[init], volumes=volumes))
    found = await plane.phase("job", "Succeeded", "Failed")

    log = (await plane.client.pod_log("job", "default", container="main")).decode()
    assert found["status"]["phase"] == "Succeeded", log
    assert state(found)["terminated"]["message"] == "accuracy=0.97"
    assert log == "args --node=n\nnode n mode fast\ninstalled\n\n"


async def test_a_pods_life_takes_few_writes(plane, images, monkeypatch):
    await plane.nodes("name=n", images=images)
    writes = []
    patch = plane.client.patch

    async def counted(kind, name, body, *args, **options):
        if kind == POD:
            writes.append(body["status"]["phase"])
        return await patch(kind, name, body, *args, **options)

    monkeypatch.setattr(plane.client, "patch", counted)
    await plane.create(POD, api_pod("short", sh("sleep 0.2")))
    await plane.phase("short", "Succeeded")

    assert writes[-1] == "Succeeded"
    assert len(writes) <= 3


async def test_a_log_is_followed_to_the_end(plane, images, tmp_path):
    await plane.nodes("name=n", images=images)
    gate = tmp_path / "gate"
    script = f"echo one; while ! test -e {gate}; do sleep 0.01; done; echo two"
    await plane.create(POD, api_pod("talker", sh(script)))
    await plane.phase("talker", "Running")
    seen = b""
    async for chunk in plane.client.follow_pod_log("talker", "default"):
        seen += chunk
        if seen == b"one\n":
            gate.touch()

    assert seen == b"one\ntwo\n"
    assert await plane.client.pod_log("talker", "default", tail_lines=1) == b"two\n"


async def test_there_is_no_log_of_a_container_that_waits(plane, images):
    await plane.nodes("name=n", images=images)
    await plane.create(POD, api_pod("stuck", {"name": "main", "image": "none", "command": ["x"]}))
    found = await plane.until(
        lambda p: p and "waiting" in str(p["status"].get("containerStatuses")), "stuck"
    )
    assert state(found)["waiting"]["reason"] in ("ErrImagePull", "ImagePullBackOff")

    words = "image can't be pulled|trying and failing to pull image"
    with pytest.raises(
        BadRequestError, match=f'container "main" in pod "stuck" is waiting to start: ({words})'
    ):
        await plane.client.pod_log("stuck", "default")
    assert (await plane.event("Failed", "stuck"))["type"] == "Warning"


async def test_a_log_says_what_the_status_says_while_init_containers_are_at_it(plane, images):
    await plane.nodes("name=n", images=images)
    init = sh("sleep 1000", name="init")
    await plane.create(POD, api_pod("slow", sh("exit 0"), initContainers=[init]))
    found = await plane.until(
        lambda p: p and "running" in str(p["status"].get("initContainerStatuses")), "slow"
    )
    reason = state(found)["waiting"]["reason"]
    assert reason == "PodInitializing"
    with pytest.raises(BadRequestError, match=f"is waiting to start: {reason}"):
        await plane.client.pod_log("slow", "default")


async def test_a_container_that_starts_is_told_as_a_kubelet_tells_it(plane, images):
    await plane.nodes("name=n", images=images)
    await plane.create(POD, api_pod("p", sh("exit 0")))
    await plane.phase("p", "Succeeded")
    told = {
        reason: (await plane.event(reason, "p"))["note"]
        for reason in ("Pulled", "Created", "Started")
    }
    assert told == {
        "Pulled": 'Container image "sh" already present on machine',
        "Created": "Container created: main",
        "Started": "Container started: main",
    }


async def test_the_processes_of_a_deleted_nodes_pods_end(plane, images, monkeypatch):
    monkeypatch.setattr(pod_garbage, "QUARANTINE_SECONDS", 0.1)
    await plane.nodes("name=n", images=images)
    await plane.create(POD, api_pod("p", sh("exec sleep 1000")))
    found = await plane.phase("p", "Running")
    pid = found["status"]["containerStatuses"][0]["containerID"].removeprefix("process://")
    await plane.client.delete(NODE, "n")
    await plane.until(lambda pod: pod is None, "p")
    async with asyncio.timeout(60):
        while exists(f"/proc/{pid}"):
            await asyncio.sleep(0.02)


async def test_a_bug_in_starting_one_container_stops_no_other(plane, images, monkeypatch):
    await plane.nodes("name=n", images=images)
    launch_spec = container_run.launch_spec

    def broken(a_pod, *args, **options):
        if a_pod.metadata.name == "unlucky":
            raise KeyError("bug")
        return launch_spec(a_pod, *args, **options)

    monkeypatch.setattr(container_run, "launch_spec", broken)
    await plane.create(POD, api_pod("unlucky", sh("exit 0")))
    await plane.create(POD, api_pod("lucky", sh("exit 0")))
    await plane.phase("lucky", "Succeeded")

    found = await plane.until(lambda p: p and p["status"].get("containerStatuses"), "unlucky")
    assert state(found)["waiting"]["reason"] == "CreateContainerError"


async def test_when_nodes_stop_their_processes_and_files_are_gone(plane, images, tmp_path):
    stop = await plane.nodes("name=n", images=images, directory=tmp_path / "state")
    pid_file = tmp_path / "running"
    await plane.create(POD, api_pod("running", sh(f"touch {pid_file}; exec sleep 1000")))
    found = await plane.phase("running", "Running")
    pid = int(found["status"]["containerStatuses"][0]["containerID"].removeprefix("process://"))
    await stop()

    assert not exists(f"/proc/{pid}")


async def test_a_pod_of_an_earlier_node_process_is_failed_and_not_started_twice(plane, images):
    stop = await plane.nodes("name=n", images=images)
    await plane.create(POD, api_pod("orphan", sh("sleep 1000")))
    await plane.phase("orphan", "Running")
    await stop()
    await plane.nodes("name=n", images=images)
    found = await plane.phase("orphan", "Failed")

    assert state(found)["terminated"]["reason"] == "ContainerStatusUnknown"


async def test_both_kinds_of_nodes_run_side_by_side(plane, images):
    await plane.nodes("name=n", "name=s,pods=simulated,gpus=8", images=images)
    simulated = api_pod("pretend", {"name": "main", "image": "any"}, node="s")
    simulated["metadata"]["annotations"] = {"sim.mlctl.dev/run-for": "0s"}
    await plane.create(POD, simulated)
    await plane.create(POD, api_pod("real", sh("echo real")))
    await plane.phase("real", "Succeeded")
    await plane.phase("pretend", "Succeeded")

    assert await plane.client.pod_log("real", "default") == b"real\n"
    assert b"simulated" in await plane.client.pod_log("pretend", "default")
