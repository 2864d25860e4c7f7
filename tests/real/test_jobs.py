"""The life of jobs under the real scheduler, garbage collector and validation."""

from __future__ import annotations

import asyncio

import pytest
import yaml
from installation import MANIFESTS
from managers import IMAGE, JOB, job, kind_named, phase, pod_of, reason
from system import CPU_NODE, GPU_NODE, SIMULATED_NODE

from mlctl_core.objects.kinds import CONFIG_MAP, POD

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="session")]

SAMPLES = {
    path.stem: path
    for path in sorted((MANIFESTS / "samples").glob("*.yaml"))
    if path.stem != "kustomization"
}
# Samples whose framework is here to be run; what the others need takes gigabytes, so that their
# pods are simulated, and tests on the embedded control plane run them.
RUN = ("digits",)
SIMULATED = sorted(SAMPLES.keys() - set(RUN))
STAYS = "import time; time.sleep(600)"
SCHEDULERS_WORDS = "Insufficient cpu"


def conditions(obj):
    return {c["type"]: c["status"] for c in obj["status"].get("conditions", [])}


async def quiet(system, namespace):
    """Wait until the manager has stopped writing there; what is measured is that it does."""
    seen = -1
    while seen != len(system.writes(namespace)):
        seen = len(system.writes(namespace))
        await asyncio.sleep(0.5)


async def emptied(team):
    """Wait until nothing that was made for a job is left."""
    async with asyncio.timeout(60):
        while await team.all(JOB) or await team.all(POD) or await code_of(team):
            await asyncio.sleep(0.05)


async def code_of(team):
    found = await team.all(CONFIG_MAP)
    return [one for one in found if one["metadata"]["name"] != "kube-root-ca.crt"]


@pytest.mark.parametrize("sample", RUN)
async def test_a_sample_succeeds_and_its_result_is_where_kubectl_shows_it(team, user, sample):
    here = ("-n", team.name)
    applied = await asyncio.to_thread(
        user.must, "apply", "-f", str(SAMPLES[sample]), *here, "-o", "jsonpath={.metadata.name}"
    )
    name = applied.out
    ended = await team.ended(name)
    assert phase(ended) == "Succeeded", ended["status"]
    assert ended["status"]["metrics"]
    wait = ("wait", "--for=condition=Succeeded", f"pythonjob/{name}", "--timeout=1s")
    assert (await asyncio.to_thread(user.kubectl, *wait, *here)).succeeded
    table = (await asyncio.to_thread(user.must, "get", "ml", *here)).out
    assert name in table
    assert "Succeeded" in table
    log = (await asyncio.to_thread(user.must, "logs", pod_of(name), *here)).out
    metric, value = next(iter(ended["status"]["metrics"].items()))
    assert f"{metric}={value['value']}" in log


@pytest.mark.parametrize("sample", SIMULATED)
async def test_a_sample_of_another_kind_gets_its_pods_and_leaves_nothing(team, sample):
    [body] = [one for one in yaml.safe_load_all(SAMPLES[sample].read_text()) if one]
    body["spec"]["size"] = "simulated-cpu"
    await team.create(body)
    name, kind = body["metadata"]["name"], kind_named(body["kind"])
    running = await team.until(name, lambda o: phase(o) == "Running", kind=kind)
    pods = await team.all(POD)
    counts = running["status"]["replicaStatuses"].values()
    assert len(pods) == sum(count["running"] for count in counts)
    assert {pod["spec"]["nodeName"] for pod in pods} == {SIMULATED_NODE}
    await team.delete(name, kind)
    await team.gone(name, kind)
    await emptied(team)


async def test_a_job_costs_one_pod_and_few_writes(system, team):
    await team.create(job("digits"))
    ended = await team.ended("digits")
    assert phase(ended) == "Succeeded", ended["status"]
    assert ended["status"]["metrics"]["accuracy"]["value"] == "0.97"
    assert conditions(ended)["Succeeded"] == "True"
    assert conditions(ended).get("Failed") != "True"
    pod = await team.until(
        pod_of("digits"), lambda o: not o["metadata"].get("finalizers"), kind=POD
    )
    assert pod["spec"]["nodeName"] == CPU_NODE
    await quiet(system, team.name)
    writes = system.writes(team.name)
    assert writes.count(("create", "pods", pod_of("digits"))) == 1
    assert len([w for w in writes if w[1] == "pythonjobs"]) <= 5
    assert len([w for w in writes if w[1] in {"pods", "configmaps"}]) == 3


async def test_each_attempt_of_a_failing_job_has_one_pod(system, team):
    await team.create(job("broken", "raise SystemExit(3)", backoffLimit=2))
    ended = await team.ended("broken")
    assert (phase(ended), reason(ended)) == ("Failed", "BackoffLimitExceeded"), ended["status"]
    assert ended["status"]["restarts"] == 2
    assert [entry["exitCode"] for entry in ended["status"]["restartHistory"]] == [3, 3]
    await quiet(system, team.name)
    assert [w for w in system.writes(team.name) if w[:2] == ("create", "pods")] == [
        ("create", "pods", pod_of("broken"))
    ] * 3


@pytest.mark.parametrize("moment", ["Pending", "Running"])
async def test_a_job_deleted_at_any_time_leaves_nothing(team, moment):
    await team.create(job("short", STAYS))
    if moment == "Running":
        await team.running("short")
    await team.delete("short")
    await emptied(team)


async def test_a_job_deleted_in_the_foreground_leaves_nothing(team, user):
    await team.create(job("short", STAYS))
    await team.running("short")
    delete = ("delete", "pythonjob", "short", "--cascade=foreground", "-n", team.name)
    await asyncio.to_thread(user.must, *delete)
    await emptied(team)


async def test_a_namespace_is_deleted_with_the_jobs_in_it(system, team):
    await team.create(job("short", STAYS))
    await team.running("short")
    delete = ("delete", "namespace", team.name, "--timeout=60s")
    assert (await asyncio.to_thread(system.installation.admin.kubectl, *delete)).succeeded


async def test_a_job_waits_while_suspended_and_goes_on_when_resumed(team):
    await team.create(job("later", suspend=True))
    await team.until("later", lambda o: phase(o) == "Suspended")
    assert await team.all(POD) == []
    await team.patch("later", {"spec": {"suspend": False}})
    assert phase(await team.ended("later")) == "Succeeded"


async def test_a_running_job_gives_its_pod_back_while_suspended(team):
    await team.create(job("paused", STAYS))
    first = await team.running("paused")
    await team.patch("paused", {"spec": {"suspend": True}})
    suspended = await team.until("paused", lambda o: phase(o) == "Suspended")
    assert suspended["status"].get("restarts", 0) == first["status"].get("restarts", 0) == 0
    async with asyncio.timeout(60):
        while await team.all(POD):
            await asyncio.sleep(0.05)
    await team.patch("paused", {"spec": {"suspend": False}})
    again = await team.running("paused")
    assert again["status"].get("restarts", 0) == 0


async def test_the_size_alone_decides_between_cpu_and_gpu_node(system, team):
    before = await system.gpus_allocated(GPU_NODE)
    await team.create(job("train", STAYS, size="small"))
    await team.running("train")
    pods = await team.all(POD)
    assert [pod["spec"]["nodeName"] for pod in pods] == [CPU_NODE]
    assert await system.gpus_allocated(GPU_NODE) == before
    await team.delete("train")
    await emptied(team)
    await team.create(job("train", STAYS, size="gpu-large"))
    await team.running("train")
    [pod] = await team.all(POD)
    assert pod["spec"]["nodeName"] == GPU_NODE
    assert await system.gpus_allocated(GPU_NODE) == before + 1
    await team.delete("train")
    await emptied(team)
    assert await system.gpus_allocated(GPU_NODE) == before


async def test_a_simulated_node_runs_a_job_that_only_its_size_sends_there(system, team):
    before = await system.gpus_allocated(SIMULATED_NODE)
    await team.create(job("simulated", size="simulated"))
    await team.running("simulated")
    [pod] = await team.all(POD)
    assert pod["spec"]["nodeName"] == SIMULATED_NODE
    assert await system.gpus_allocated(SIMULATED_NODE) == before + 2
    await team.delete("simulated")
    await emptied(team)
    assert await system.gpus_allocated(SIMULATED_NODE) == before


async def test_a_job_that_fits_nowhere_says_what_the_scheduler_says(team):
    await team.create(job("huge", size="huge"))
    told = await team.until("huge", lambda o: reason(o) == "Unschedulable")
    assert SCHEDULERS_WORDS in told["status"]["message"]


async def test_a_manager_that_restarts_writes_nothing(system, team):
    await team.create(job("done"))
    await team.create(job("at-work", STAYS))
    await team.ended("done")
    await team.until(pod_of("done"), lambda o: not o["metadata"].get("finalizers"), kind=POD)
    await team.running("at-work")
    await quiet(system, team.name)
    before = system.writes(team.name)
    await system.manager.stop()
    await system.manager.start()
    await system.manager.line("leading")
    await team.create(job("next"))  # its end shows that the queue of the start is worked off
    await team.ended("next")
    await quiet(system, team.name)
    after = [w for w in system.writes(team.name) if "next" not in (w[2] or "")]
    assert [w for w in after if w[1] != "events"] == [w for w in before if w[1] != "events"]


async def test_the_pod_is_the_jobs_and_says_what_it_is_for(team):
    created = await team.create(job("labelled", STAYS))
    await team.running("labelled")
    [pod] = await team.all(POD)
    [owner] = pod["metadata"]["ownerReferences"]
    assert owner["uid"] == created["metadata"]["uid"]
    assert owner["controller"] is owner["blockOwnerDeletion"] is True
    assert pod["spec"]["containers"][0]["image"] == IMAGE
    assert {
        "mlctl.dev/kind": "PythonJob",
        "mlctl.dev/name": "labelled",
        "app.kubernetes.io/managed-by": "mlctl",
    }.items() <= pod["metadata"]["labels"].items()
