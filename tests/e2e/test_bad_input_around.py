"""What is wrong around a job: quotas, images, names, credentials, and users who meddle."""

from __future__ import annotations

from inputs import IDENTITY, config_map, of, secret
from plane import JOB, condition, framework, job, phase, reason

from hack.demo import cluster
from mlctl_core.objects.kinds import CONFIG_MAP, POD, SECRET, Kind

QUOTA = Kind("", "v1", "ResourceQuota", "resourcequotas")
TOUCH = {"metadata": {"annotations": {"example.org/touched": "1"}}}
FOR_EVER = "import time; time.sleep(600)"
OLD = "pyjob-digits-worker-0"


def quota(pods):
    return {"spec": {"hard": {"pods": str(pods)}}}


async def test_a_quota_that_forbids_pods_is_told_until_there_is_room(namespace, manager):
    kind = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "team"}}
    await namespace.create(QUOTA, {**kind, **quota(0)})
    await namespace.until("team", lambda o: "hard" in o.get("status", {}), QUOTA)
    await namespace.apply(job("digits"))
    told = await namespace.until("digits", lambda o: reason(o) == "QuotaExceeded")
    assert phase(told) == "Scheduling"
    assert "exceeded quota: team" in told["status"]["message"]
    assert "Wait until other work of the namespace ends" in told["status"]["message"]
    assert await namespace.all(POD) == []
    await namespace.client.patch(QUOTA, "team", quota(1), namespace.name)
    ended = await namespace.ended("digits")
    assert phase(ended) == "Succeeded"
    assert (ended["status"]["restarts"], ended["status"]["infraRestarts"]) == (0, 0)


async def test_an_image_that_cannot_be_pulled_is_told_and_stops_no_other_job(namespace, manager):
    nowhere = framework("nowhere")
    nowhere["spec"]["images"] = {"cpu": "test.local/none:1"}
    await cluster.apply(namespace.client, [nowhere])
    await namespace.apply(job("digits", framework="nowhere"))
    await namespace.apply(job("good"))
    told = await namespace.until("digits", lambda o: reason(o) == "ImagePullFailed")
    assert phase(told) == "Preparing"
    assert "test.local/none:1" in told["status"]["message"]
    assert phase(await namespace.ended("good")) == "Succeeded"
    for name in ("digits", "good"):
        await namespace.client.delete(JOB, name, namespace.name)
    await namespace.gone(JOB, POD, CONFIG_MAP)


async def test_a_config_map_of_somebody_else_is_left_alone_and_waited_for(namespace, manager):
    """Nothing of it is in the manager's caches: the server alone knows of it."""
    await namespace.create(CONFIG_MAP, config_map("pyjob-digits-code", note="mine"))
    before = await namespace.get("pyjob-digits-code", CONFIG_MAP)
    await namespace.apply(job("digits"))
    told = await namespace.until("digits", lambda o: reason(o) == "NameTaken")
    assert told["status"]["message"].startswith(
        "ConfigMap pyjob-digits-code exists and does not belong to this job."
    )
    assert await namespace.all(POD) == []
    assert await namespace.get("pyjob-digits-code", CONFIG_MAP) == before
    await namespace.client.delete(CONFIG_MAP, "pyjob-digits-code", namespace.name)
    assert phase(await namespace.ended("digits")) == "Succeeded"


async def test_a_secret_that_is_deleted_while_a_job_runs_holds_up_the_next_one(namespace, manager):
    await namespace.create(SECRET, secret("key", key="1"))
    files = {"secrets": [{"name": "key", "mountPath": "/key"}]}
    await namespace.create(IDENTITY, of(IDENTITY, "alice", files))
    await namespace.apply(job("digits", FOR_EVER, identity="alice"))
    await namespace.until("digits", lambda o: phase(o) == "Running")
    before = await namespace.get(OLD, POD)
    await namespace.client.delete(SECRET, "key", namespace.name)
    # It would be found by itself within ten minutes.
    await namespace.client.patch(IDENTITY, "alice", TOUCH, namespace.name)
    await namespace.until("alice", lambda o: condition(o, "Ready") == "False", IDENTITY)
    await namespace.apply(job("next", identity="alice"))
    waiting = await namespace.until("next", lambda o: reason(o) == "IdentityNotReady")
    assert "there is no Secret named key in this namespace" in waiting["status"]["message"]
    after = await namespace.get(OLD, POD)
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    await namespace.create(SECRET, secret("key", key="2"))
    touched = {"metadata": {"annotations": {"example.org/touched": "2"}}}
    await namespace.client.patch(IDENTITY, "alice", touched, namespace.name)
    assert phase(await namespace.ended("next")) == "Succeeded"


async def test_what_a_user_deletes_or_edits_of_a_jobs_own_is_put_right(namespace, manager):
    await namespace.apply(job("digits", FOR_EVER))
    await namespace.until("digits", lambda o: phase(o) == "Running")
    name = "pyjob-digits-code"
    code = await namespace.get(name, CONFIG_MAP)
    uid = code["metadata"]["uid"]
    await namespace.client.delete(CONFIG_MAP, name, namespace.name)
    again = await namespace.until(name, lambda o: o["metadata"]["uid"] != uid, CONFIG_MAP)
    assert again["data"] == code["data"]
    edited = {"data": {"main.py": "broken"}}
    await namespace.client.patch(CONFIG_MAP, name, edited, namespace.name)
    await namespace.until(name, lambda o: o["data"] == code["data"], CONFIG_MAP)
    uid = (await namespace.get(OLD, POD))["metadata"]["uid"]
    await namespace.client.delete(POD, OLD, namespace.name, grace_period_seconds=0)
    await namespace.until(OLD, lambda o: o["metadata"]["uid"] != uid, POD)
    runs = await namespace.until("digits", lambda o: phase(o) == "Running")
    assert (runs["status"]["restarts"], runs["status"]["infraRestarts"]) == (0, 1)
    [record] = runs["status"]["restartHistory"]
    assert record["reason"] == "PodDeleted"
