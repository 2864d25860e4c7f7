"""Whole nodes against an API server: what kubectl and controllers see of them."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
import yaml

from mlctl_core.client.errors import BadRequestError
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


@pytest.fixture
def images(tmp_path):
    file = tmp_path / "images.yaml"
    file.write_text(yaml.safe_dump({"python": {"env": {"PYTHONUNBUFFERED": "1"}}, "sh": None}))
    return file


def sh(script, **fields):
    return {"name": "main", "image": "sh", "command": ["/bin/sh", "-c", script], **fields}


def pod(name, *containers, node="n", **spec):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "nodeName": node,
            "restartPolicy": "Never",
            "containers": list(containers),
            **spec,
        },
    }


def exists(path):
    return Path(path).exists()


def state(found, index=0):
    return found["status"]["containerStatuses"][index]["state"]


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
    await plane.create(POD, pod("job", main, initContainers=[init], volumes=volumes))
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
    await plane.create(POD, pod("short", sh("sleep 0.2")))
    await plane.phase("short", "Succeeded")

    assert writes[-1] == "Succeeded"
    assert len(writes) <= 3


async def test_a_log_is_followed_to_the_end(plane, images, tmp_path):
    await plane.nodes("name=n", images=images)
    gate = tmp_path / "gate"
    script = f"echo one; while ! test -e {gate}; do sleep 0.01; done; echo two"
    await plane.create(POD, pod("talker", sh(script)))
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
    await plane.create(POD, pod("stuck", {"name": "main", "image": "none", "command": ["x"]}))
    found = await plane.until(
        lambda p: p and "waiting" in str(p["status"].get("containerStatuses")), "stuck"
    )
    assert state(found)["waiting"]["reason"] in ("ErrImagePull", "ImagePullBackOff")

    with pytest.raises(BadRequestError, match='container "main" in pod "stuck" is waiting'):
        await plane.client.pod_log("stuck", "default")
    assert (await plane.event("Failed", "stuck"))["type"] == "Warning"


@pytest.mark.parametrize(
    ("main", "code", "reason"),
    [
        (sh("exit 3"), 3, "Error"),
        (sh("kill -TERM $$$$"), 143, "Error"),
        (sh("", command=["no-such-program"]), 128, "StartError"),
    ],
)
async def test_a_failure_has_an_exit_code_and_a_reason(plane, images, main, code, reason):
    await plane.nodes("name=n", images=images)
    await plane.create(POD, pod("failing", main))
    found = await plane.phase("failing", "Failed")

    terminated = state(found)["terminated"]
    assert (terminated["exitCode"], terminated["reason"]) == (code, reason)


async def test_missing_configuration_keeps_a_pod_waiting_until_it_is_there(
    plane, images, monkeypatch
):
    await plane.nodes("name=n", images=images)
    volumes = [{"name": "v", "configMap": {"name": "late"}}]
    await plane.create(POD, pod("patient", sh("exit 0"), volumes=volumes))
    event = await plane.event("FailedMount", "patient")
    assert event["note"] == 'MountVolume.SetUp failed for volume "v" : configmap "late" not found'

    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "late"}}
    await plane.create(CONFIG_MAP, config)
    assert await plane.phase("patient", "Succeeded")


async def test_a_deleted_pod_gets_its_grace_and_goes(plane, images):
    await plane.nodes("name=n", images=images)
    await plane.create(POD, pod("leaving", sh("trap 'exit 5' TERM; while :; do sleep 0.01; done")))
    await plane.phase("leaving", "Running")
    seen = []

    def note(found):
        seen.append(found)
        return found is None

    gone = asyncio.create_task(plane.until(note, "leaving"))
    await plane.client.delete(POD, "leaving", "default")
    await gone

    last = next(found for found in reversed(seen) if found is not None)
    assert last["status"]["phase"] == "Failed"
    assert state(last)["terminated"]["exitCode"] == 5


async def test_a_pod_that_ignores_sigterm_is_killed_after_its_grace(plane, images):
    await plane.nodes("name=n", images=images)
    await plane.create(POD, pod("stubborn", sh("trap '' TERM; while :; do sleep 0.01; done")))
    await plane.phase("stubborn", "Running")
    await plane.client.delete(POD, "stubborn", "default", grace_period_seconds=1)

    assert await plane.until(lambda found: found is None, "stubborn") is None


async def test_a_name_can_be_used_again_at_once(plane, images):
    await plane.nodes("name=n", images=images)
    first = await plane.create(POD, pod("again", sh("sleep 1000")))
    await plane.phase("again", "Running")
    await plane.client.delete(POD, "again", "default", grace_period_seconds=0)
    second = await plane.create(POD, pod("again", sh("exit 0")))
    found = await plane.phase("again", "Succeeded")

    assert found["metadata"]["uid"] == second["metadata"]["uid"] != first["metadata"]["uid"]


async def test_a_finalizer_holds_the_object_and_not_the_processes(plane, images):
    await plane.nodes("name=n", images=images)
    body = pod("held", sh("sleep 1000"))
    body["metadata"]["finalizers"] = ["mlctl.dev/tracking"]
    await plane.create(POD, body)
    await plane.phase("held", "Running")
    await plane.client.delete(POD, "held", "default")
    found = await plane.phase("held", "Failed")
    assert state(found)["terminated"]["exitCode"] == 143

    await plane.client.patch(POD, "held", {"metadata": {"finalizers": None}}, "default")
    assert await plane.until(lambda p: p is None, "held") is None


async def test_a_container_over_its_memory_limit_is_killed_as_oom(plane, images):
    await plane.nodes("name=n", images=images)
    main = {
        "name": "main",
        "image": "python",
        "command": [sys.executable, "-c", "x = bytearray(300 << 20); import time; time.sleep(99)"],
        "resources": {"limits": {"memory": "100Mi"}},
    }
    await plane.create(POD, pod("greedy", main))
    found = await plane.phase("greedy", "Failed")

    terminated = state(found)["terminated"]
    assert (terminated["exitCode"], terminated["reason"]) == (137, "OOMKilled")


async def test_the_deadline_ends_a_pod(plane, images):
    await plane.nodes("name=n", images=images)
    await plane.create(POD, pod("late", sh("sleep 1000"), activeDeadlineSeconds=1))
    found = await plane.phase("late", "Failed")

    assert found["status"]["reason"] == "DeadlineExceeded"


async def test_a_container_restarts_and_its_previous_log_is_kept(plane, images):
    await plane.nodes("name=n", images=images)
    script = "test -e /data/x && { echo second; sleep 1000; }; touch /data/x; echo first; exit 1"
    main = sh(script, volumeMounts=[{"name": "data", "mountPath": "/data"}])
    await plane.create(
        POD,
        pod("retry", main, restartPolicy="OnFailure", volumes=[{"name": "data", "emptyDir": {}}]),
    )
    found = await plane.until(
        lambda p: (
            p
            and [
                c
                for c in p["status"].get("containerStatuses", ())
                if c["restartCount"] == 1 and "running" in c["state"]
            ]
        ),
        "retry",
    )

    assert found["status"]["containerStatuses"][0]["lastState"]["terminated"]["exitCode"] == 1
    path = POD.path("default", "retry", "log")
    assert await plane.client.request("GET", path, params={"previous": "true"}) == b"first\n"
    assert await plane.client.request("GET", path) == b"second\n"


async def test_a_bug_in_starting_one_container_stops_no_other(plane, images, monkeypatch):
    await plane.nodes("name=n", images=images)
    launch_spec = container_run.launch_spec

    def broken(a_pod, *args, **options):
        if a_pod.metadata.name == "unlucky":
            raise KeyError("bug")
        return launch_spec(a_pod, *args, **options)

    monkeypatch.setattr(container_run, "launch_spec", broken)
    await plane.create(POD, pod("unlucky", sh("exit 0")))
    await plane.create(POD, pod("lucky", sh("exit 0")))
    await plane.phase("lucky", "Succeeded")

    found = await plane.until(lambda p: p and p["status"].get("containerStatuses"), "unlucky")
    assert state(found)["waiting"]["reason"] == "CreateContainerError"


async def test_a_pod_that_does_not_fit_on_its_node_fails(plane, images):
    await plane.nodes("name=n,gpus=1", images=images)
    main = sh("exit 0", resources={"limits": {"nvidia.com/gpu": "2"}})
    await plane.create(POD, pod("greedy", main))
    found = await plane.phase("greedy", "Failed")

    assert found["status"]["reason"] == "UnexpectedAdmissionError"
    await plane.event("UnexpectedAdmissionError", "greedy")


async def test_a_crash_loop_is_told_in_an_event(plane, images):
    await plane.nodes("name=n", images=images)
    await plane.create(POD, pod("crash", sh("exit 1"), restartPolicy="Always"))
    event = await plane.event("BackOff", "crash")

    assert event["note"].startswith("Back-off restarting failed container main in pod crash_")


async def test_when_nodes_stop_their_processes_and_files_are_gone(plane, images, tmp_path):
    stop = await plane.nodes("name=n", images=images, directory=tmp_path / "state")
    pid_file = tmp_path / "running"
    await plane.create(POD, pod("running", sh(f"touch {pid_file}; exec sleep 1000")))
    found = await plane.phase("running", "Running")
    pid = int(found["status"]["containerStatuses"][0]["containerID"].removeprefix("process://"))
    await stop()

    assert not exists(f"/proc/{pid}")


async def test_a_pod_of_an_earlier_node_process_is_failed_and_not_started_twice(plane, images):
    stop = await plane.nodes("name=n", images=images)
    await plane.create(POD, pod("orphan", sh("sleep 1000")))
    await plane.phase("orphan", "Running")
    await stop()
    await plane.nodes("name=n", images=images)
    found = await plane.phase("orphan", "Failed")

    assert state(found)["terminated"]["reason"] == "ContainerStatusUnknown"


async def test_both_kinds_of_nodes_run_side_by_side(plane, images):
    await plane.nodes("name=n", "name=s,pods=simulated,gpus=8", images=images)
    simulated = pod("pretend", {"name": "main", "image": "any"}, node="s")
    simulated["metadata"]["annotations"] = {"sim.mlctl.dev/run-for": "0s"}
    await plane.create(POD, simulated)
    await plane.create(POD, pod("real", sh("echo real")))
    await plane.phase("real", "Succeeded")
    await plane.phase("pretend", "Succeeded")

    assert await plane.client.pod_log("real", "default") == b"real\n"
    assert b"simulated" in await plane.client.pod_log("pretend", "default")
