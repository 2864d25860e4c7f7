from __future__ import annotations

import asyncio

from scheduler_objects import GPU, node_json, pod_json

from mlctl_core.objects.kinds import NODE, POD


def waiting(name="p", **properties):
    body = pod_json(name, **properties)
    for unset in ("uid", "creationTimestamp"):
        del body["metadata"][unset]
    del body["status"]
    del body["spec"]["nodeName"]
    return body


def scheduled(pod):
    conditions = pod["status"].get("conditions", ()) if pod else ()
    return next((c for c in conditions if c["type"] == "PodScheduled"), {})


def is_bound(pod):
    return bool(pod and pod["spec"].get("nodeName"))


async def test_a_pod_is_bound_and_an_event_says_so(plane):
    await plane.create(NODE, node_json("n"))
    await plane.scheduler()
    await plane.create(POD, waiting())
    pod = await plane.until(is_bound, "p")

    assert pod["spec"]["nodeName"] == "n"
    event = await plane.event("Scheduled", "p")
    assert event["note"] == "Successfully assigned default/p to n"


async def test_a_pod_that_fits_nowhere_says_why_and_is_bound_when_a_node_comes(plane):
    await plane.create(NODE, node_json("small"))
    await plane.scheduler()
    await plane.create(POD, waiting(requests={GPU: "1"}))
    pod = await plane.until(scheduled, "p")

    assert scheduled(pod)["reason"] == "Unschedulable"
    assert scheduled(pod)["message"] == f"0/1 nodes are available: 1 Insufficient {GPU}."
    assert scheduled(pod)["status"] == "False"
    await plane.event("FailedScheduling", "p")

    await plane.create(NODE, node_json("gpu", gpus=1))
    assert (await plane.until(is_bound, "p"))["spec"]["nodeName"] == "gpu"


async def test_the_reason_is_written_once_while_it_stays_the_same(plane):
    await plane.create(NODE, node_json("n"))
    await plane.scheduler()
    await plane.create(POD, waiting(requests={"cpu": "64"}))
    before = await plane.until(scheduled, "p")
    await plane.create(POD, waiting("other", requests={"cpu": "1"}))
    await plane.until(is_bound, "other")
    await plane.client.patch(NODE, "n", {"metadata": {"labels": {"a": "b"}}})
    await plane.create(POD, waiting("another", requests={"cpu": "1"}))
    await plane.until(is_bound, "another")

    after = await plane.get(POD, "p")
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


async def test_two_pods_do_not_share_one_device(plane):
    await plane.create(NODE, node_json("gpu", gpus=1))
    await plane.scheduler()
    await asyncio.gather(
        *(plane.create(POD, waiting(name, requests={GPU: "1"})) for name in ("a", "b"))
    )
    async with asyncio.TaskGroup() as group:
        seen = [
            group.create_task(plane.until(lambda p: is_bound(p) or scheduled(p), name))
            for name in ("a", "b")
        ]
    pods = [task.result() for task in seen]
    assert sorted(is_bound(pod) for pod in pods) == [False, True]

    first, second = sorted(pods, key=is_bound, reverse=True)
    await plane.client.patch(
        POD,
        first["metadata"]["name"],
        {"status": {"phase": "Succeeded"}},
        "default",
        subresource="status",
    )
    assert await plane.until(is_bound, second["metadata"]["name"])


async def test_a_gated_pod_waits_for_its_gates(plane):
    await plane.create(NODE, node_json("n"))
    await plane.scheduler()
    await plane.create(POD, waiting(schedulingGates=[{"name": "example.com/quota"}]))
    pod = await plane.until(lambda p: p and scheduled(p).get("reason") == "SchedulingGated", "p")
    assert not is_bound(pod)

    patch = [{"op": "remove", "path": "/spec/schedulingGates/0"}]
    from mlctl_core.client.client import PatchType

    await plane.client.patch(POD, "p", patch, "default", patch_type=PatchType.JSON)
    assert await plane.until(is_bound, "p")


async def test_pods_of_other_schedulers_are_left_alone(plane):
    await plane.create(NODE, node_json("n"))
    await plane.scheduler()
    await plane.create(POD, waiting("theirs", schedulerName="mine"))
    await plane.create(POD, waiting("ours"))
    await plane.until(is_bound, "ours")

    theirs = await plane.get(POD, "theirs")
    assert not is_bound(theirs)
    assert scheduled(theirs) == {}
