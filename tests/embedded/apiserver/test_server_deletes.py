"""DELETE: preconditions, finalizers, grace, propagation."""

from __future__ import annotations

import pytest
from api_caller import CONFIG_MAPS, PODS, config_map, pod

JOBS = "/apis/batch/v1/namespaces/default/jobs"


async def test_a_delete_answers_with_a_status_that_names_the_object(api):
    made = await api.made(CONFIG_MAPS, config_map("a"))
    deleted = await api.delete(f"{CONFIG_MAPS}/a")
    assert deleted.body["status"] == "Success"
    uid = made["metadata"]["uid"]
    assert deleted.body["details"] == {"name": "a", "kind": "configmaps", "uid": uid}
    assert (await api.get(f"{CONFIG_MAPS}/a")).status == 404
    assert (await api.delete(f"{CONFIG_MAPS}/a")).status == 404


@pytest.mark.parametrize(
    ("preconditions", "message"),
    [
        ({"uid": "abc"}, "the UID in the precondition (abc) does not match the UID in record ("),
        ({"resourceVersion": "1"}, "the ResourceVersion in the precondition (1) does not match"),
    ],
)
async def test_preconditions_that_do_not_hold_are_a_conflict(api, preconditions, message):
    await api.made(CONFIG_MAPS, config_map("a"))
    refused = await api.delete(f"{CONFIG_MAPS}/a", {"preconditions": preconditions})
    assert (refused.status, refused.reason) == (409, "Conflict")
    assert message in refused.message


async def test_preconditions_that_hold_let_it_go(api):
    metadata = (await api.made(CONFIG_MAPS, config_map("a")))["metadata"]
    both = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
    assert (await api.delete(f"{CONFIG_MAPS}/a", {"preconditions": both})).status == 200


@pytest.mark.parametrize(
    ("body", "query", "status", "message"),
    [
        (None, {"propagationPolicy": "Foo"}, 422, 'propagationPolicy: Unsupported value: "Foo"'),
        ({"propagationPolicy": "Orphan", "orphanDependents": True}, {}, 422, "cannot be both set"),
        ({"kind": "Foo", "apiVersion": "v1"}, {}, 400, 'no kind "Foo" is registered'),
        ({"dryRun": ["Some"]}, {}, 422, "dryRun: Unsupported value"),
    ],
)
async def test_options_that_make_no_sense_are_refused(api, body, query, status, message):
    await api.made(CONFIG_MAPS, config_map("a"))
    refused = await api.delete(f"{CONFIG_MAPS}/a", body, **query)
    assert refused.status == status
    assert message in refused.message


async def test_an_object_with_finalizers_stays_until_the_last_is_removed(api):
    await api.made(CONFIG_MAPS, config_map("a", finalizers=["x.io/one", "x.io/two"]))
    marked = await api.delete(f"{CONFIG_MAPS}/a")
    assert marked.body["metadata"]["deletionTimestamp"]
    assert marked.body["metadata"]["deletionGracePeriodSeconds"] == 0
    again = await api.delete(f"{CONFIG_MAPS}/a")
    assert again.version == marked.version
    refused = await api.patch(
        f"{CONFIG_MAPS}/a", {"metadata": {"finalizers": ["x.io/one", "x.io/three"]}}
    )
    assert refused.status == 422
    assert 'found new finalizers []string{"x.io/three"}' in refused.message
    one = await api.patch(f"{CONFIG_MAPS}/a", {"metadata": {"finalizers": ["x.io/two"]}})
    assert one.body["metadata"]["deletionTimestamp"]
    async with api.watch(CONFIG_MAPS, resourceVersion=one.version) as stream:
        gone = await api.patch(f"{CONFIG_MAPS}/a", {"metadata": {"finalizers": None}})
        assert gone.status == 200
        assert await stream.take(1) == [("DELETED", "a")]
    assert (await api.get(f"{CONFIG_MAPS}/a")).status == 404


async def test_a_pod_without_a_node_goes_at_once(api):
    await api.made(PODS, pod("p"))
    deleted = await api.delete(f"{PODS}/p")
    assert deleted.body["kind"] == "Pod"
    assert (await api.get(f"{PODS}/p")).status == 404


async def test_a_pod_on_a_node_gets_its_grace_and_its_kubelet_ends_it(api):
    await api.made(PODS, pod("p", spec={"nodeName": "n", "terminationGracePeriodSeconds": 40}))
    marked = (await api.delete(f"{PODS}/p")).body["metadata"]
    assert marked["deletionGracePeriodSeconds"] == 40
    longer = (await api.delete(f"{PODS}/p", gracePeriodSeconds="60")).body["metadata"]
    assert longer["deletionGracePeriodSeconds"] == 40
    shorter = (await api.delete(f"{PODS}/p", gracePeriodSeconds="5")).body["metadata"]
    assert shorter["deletionGracePeriodSeconds"] == 5
    assert shorter["deletionTimestamp"] < marked["deletionTimestamp"]
    assert (await api.get(f"{PODS}/p")).status == 200
    await api.delete(f"{PODS}/p", {"gracePeriodSeconds": 0})
    assert (await api.get(f"{PODS}/p")).status == 404


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
async def test_a_pod_that_has_ended_goes_at_once(api, phase):
    await api.made(PODS, pod("p", spec={"nodeName": "n"}))
    await api.patch(f"{PODS}/p/status", {"status": {"phase": phase}})
    await api.delete(f"{PODS}/p")
    assert (await api.get(f"{PODS}/p")).status == 404


async def test_a_pod_ended_by_its_kubelet_still_waits_for_its_finalizer(api):
    await api.made(PODS, pod("p", finalizers=["x.io/f"], spec={"nodeName": "n"}))
    await api.delete(f"{PODS}/p")
    await api.delete(f"{PODS}/p", {"gracePeriodSeconds": 0})
    assert (await api.get(f"{PODS}/p")).body["metadata"]["deletionGracePeriodSeconds"] == 0
    await api.patch(f"{PODS}/p", {"metadata": {"finalizers": None}})
    assert (await api.get(f"{PODS}/p")).status == 404


async def test_the_first_mark_counts_as_a_generation(api):
    made = await api.made(PODS, pod("p", spec={"nodeName": "n"}))
    marked = await api.delete(f"{PODS}/p")
    again = await api.delete(f"{PODS}/p", gracePeriodSeconds="1")
    generations = [one["metadata"]["generation"] for one in (made, marked.body, again.body)]
    assert generations == [1, 2, 2]


@pytest.mark.parametrize(
    ("policy", "finalizers"),
    [("Foreground", ["x.io/f", "foregroundDeletion"]), ("Background", ["x.io/f"])],
)
async def test_the_propagation_policy_becomes_a_finalizer(api, policy, finalizers):
    await api.made(CONFIG_MAPS, config_map("a", finalizers=["x.io/f"]))
    deleted = await api.delete(f"{CONFIG_MAPS}/a", {"propagationPolicy": policy})
    assert deleted.body["metadata"]["finalizers"] == finalizers


async def test_deletecollection_deletes_what_is_selected(api):
    for number in range(3):
        await api.made(CONFIG_MAPS, config_map(f"m{number}", labels={"n": str(number)}))
    deleted = await api.delete(CONFIG_MAPS, labelSelector="n in (0,2)")
    assert deleted.body["kind"] == "ConfigMapList"
    assert deleted.names == ["m0", "m2"]
    assert (await api.get(CONFIG_MAPS, labelSelector="n")).names == ["m1"]
    dry = await api.delete(CONFIG_MAPS, dryRun="All")
    assert dry.status == 200
    assert (await api.get(f"{CONFIG_MAPS}/m1")).status == 200


async def test_jobs_keep_their_dependents_unless_told_otherwise_and_warn_of_it(api):
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}}
    await api.made(JOBS, {"metadata": {"name": "j"}, "spec": {"template": template}})
    deleted = await api.delete(f"{JOBS}/j")
    assert "child pods are preserved by default when jobs are deleted" in deleted.warnings[0]
    assert deleted.body["metadata"]["finalizers"] == ["orphan"]
