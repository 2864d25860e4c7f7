"""How pods end, restart, wait and go on a whole node, seen through the API server."""

from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing

import pytest
from node_pods import api_pod, sh, state

from mlctl_core.objects.kinds import CONFIG_MAP, POD


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
    await plane.create(POD, api_pod("failing", main))
    found = await plane.phase("failing", "Failed")

    terminated = state(found)["terminated"]
    assert (terminated["exitCode"], terminated["reason"]) == (code, reason)


async def test_missing_configuration_keeps_a_pod_waiting_until_it_is_there(
    plane, images, monkeypatch
):
    await plane.nodes("name=n", images=images)
    volumes = [{"name": "v", "configMap": {"name": "late"}}]
    await plane.create(POD, api_pod("patient", sh("exit 0"), volumes=volumes))
    event = await plane.event("FailedMount", "patient")
    assert event["note"] == 'MountVolume.SetUp failed for volume "v" : configmap "late" not found'

    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "late"}}
    await plane.create(CONFIG_MAP, config)
    assert await plane.phase("patient", "Succeeded")


async def test_a_deleted_pod_gets_its_grace_and_goes(plane, images):
    await plane.nodes("name=n", images=images)
    script = "trap 'exit 5' TERM; echo ready; while :; do sleep 0.01; done"
    await plane.create(POD, api_pod("leaving", sh(script)))
    await plane.phase("leaving", "Running")
    async with aclosing(plane.client.follow_pod_log("leaving", "default")) as said:
        # A shell that runs has not set its trap yet.
        assert await anext(said) == b"ready\n"
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
    await plane.create(POD, api_pod("stubborn", sh("trap '' TERM; while :; do sleep 0.01; done")))
    await plane.phase("stubborn", "Running")
    await plane.client.delete(POD, "stubborn", "default", grace_period_seconds=1)

    assert await plane.until(lambda found: found is None, "stubborn") is None


async def test_a_name_can_be_used_again_at_once(plane, images):
    await plane.nodes("name=n", images=images)
    first = await plane.create(POD, api_pod("again", sh("sleep 1000")))
    await plane.phase("again", "Running")
    await plane.client.delete(POD, "again", "default", grace_period_seconds=0)
    second = await plane.create(POD, api_pod("again", sh("exit 0")))
    found = await plane.phase("again", "Succeeded")

    assert found["metadata"]["uid"] == second["metadata"]["uid"] != first["metadata"]["uid"]


async def test_a_finalizer_holds_the_object_and_not_the_processes(plane, images):
    await plane.nodes("name=n", images=images)
    body = api_pod("held", sh("sleep 1000"))
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
    await plane.create(POD, api_pod("greedy", main))
    found = await plane.phase("greedy", "Failed")

    terminated = state(found)["terminated"]
    assert (terminated["exitCode"], terminated["reason"]) == (137, "OOMKilled")


async def test_the_deadline_ends_a_pod(plane, images):
    await plane.nodes("name=n", images=images)
    await plane.create(POD, api_pod("late", sh("sleep 1000"), activeDeadlineSeconds=1))
    found = await plane.phase("late", "Failed")

    assert found["status"]["reason"] == "DeadlineExceeded"


async def test_a_container_restarts_and_its_previous_log_is_kept(plane, images):
    await plane.nodes("name=n", images=images)
    script = "test -e /data/x && { echo second; sleep 1000; }; touch /data/x; echo first; exit 1"
    main = sh(script, volumeMounts=[{"name": "data", "mountPath": "/data"}])
    await plane.create(
        POD,
        api_pod(
            "retry", main, restartPolicy="OnFailure", volumes=[{"name": "data", "emptyDir": {}}]
        ),
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


async def test_a_pod_that_does_not_fit_on_its_node_fails(plane, images):
    await plane.nodes("name=n,gpus=1", images=images)
    main = sh("exit 0", resources={"limits": {"nvidia.com/gpu": "2"}})
    await plane.create(POD, api_pod("greedy", main))
    found = await plane.phase("greedy", "Failed")

    assert found["status"]["reason"] == "UnexpectedAdmissionError"
    await plane.event("UnexpectedAdmissionError", "greedy")


async def test_a_crash_loop_is_told_in_an_event(plane, images):
    await plane.nodes("name=n", images=images)
    await plane.create(POD, api_pod("crash", sh("exit 1"), restartPolicy="Always"))
    event = await plane.event("BackOff", "crash")

    assert event["note"].startswith("Back-off restarting failed container main in pod crash_")
