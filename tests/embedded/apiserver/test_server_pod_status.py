"""What a pod's status is made into, and what a pod's end looks like to a watcher."""

from __future__ import annotations

import pytest
from api_caller import MERGE, PODS, pod

DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
ADDRESS = "10.1.2.3"


async def set_status(api, status):
    return await api.patch(f"{PODS}/p/status", {"status": status}, MERGE)


async def test_a_pods_address_and_the_list_of_them_stay_in_step(api):
    await api.made(PODS, pod("p"))
    status = (await set_status(api, {"podIP": ADDRESS})).body["status"]
    assert status["podIPs"] == [{"ip": ADDRESS}]
    status = (await set_status(api, {"podIP": "10.1.2.4"})).body["status"]
    assert status["podIPs"] == [{"ip": "10.1.2.4"}]
    status = (await set_status(api, {"podIP": None})).body["status"]
    assert status["podIP"] == "10.1.2.4"


async def test_whoever_sets_the_address_owns_the_list_too(api):
    await api.made(PODS, pod("p"))
    found = (await set_status(api, {"podIP": ADDRESS})).body
    (entry,) = [one for one in found["metadata"]["managedFields"] if "subresource" in one]
    assert entry["fieldsV1"]["f:status"].keys() == {"f:podIP", "f:podIPs"}


async def test_an_address_that_is_none_is_refused(api):
    await api.made(PODS, pod("p"))
    refused = await set_status(api, {"podIP": "nonsense"})
    assert refused.status == 422
    assert refused.body["details"]["causes"][0]["field"] == "status.podIPs[0]"


async def test_a_condition_without_times_says_so(api):
    await api.made(PODS, pod("p"))
    condition = {"type": "Ready", "status": "True"}
    status = (await set_status(api, {"conditions": [condition]})).body["status"]
    assert status["conditions"] == [
        {**condition, "lastProbeTime": None, "lastTransitionTime": None}
    ]


async def test_a_status_without_a_phase_stays_without_one(api):
    made = await api.made(PODS, pod("p"))
    assert made["status"]["phase"] == "Pending"
    status = (await set_status(api, {"phase": None})).body["status"]
    assert "phase" not in status


async def test_a_pod_that_gets_no_time_is_marked_before_it_goes(api):
    await api.made(PODS, pod("p"))
    version = (await api.get(PODS)).version
    await api.delete(f"{PODS}/p")
    answer = await api.get(PODS, watch="true", resourceVersion=version, timeoutSeconds="1")
    assert [line.split('"')[3] for line in answer.text.splitlines()] == ["MODIFIED", "DELETED"]


async def test_a_pod_without_a_spec_lacks_its_containers_only(api):
    refused = await api.post(PODS, {"metadata": {"name": "p"}})
    assert refused.message == 'Pod "p" is invalid: spec.containers: Required value'


async def test_all_that_is_wrong_with_a_change_of_a_pod_is_said(api):
    made = await api.made(PODS, pod("p", spec={"activeDeadlineSeconds": 5}))
    del made["spec"]["activeDeadlineSeconds"]
    made["spec"]["schedulerName"] = "other"
    refused = await api.put(f"{PODS}/p", made)
    fields = {cause["field"] for cause in refused.body["details"]["causes"]}
    assert fields == {"spec", "spec.activeDeadlineSeconds"}


def deployment(**pod_spec):
    labels = {"a": "x"}
    return {
        "metadata": {"name": "d"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "c", "image": "i"}], **pod_spec},
            },
        },
    }


async def test_pods_that_are_to_last_have_no_deadline(api):
    refused = await api.post(DEPLOYMENTS, deployment(activeDeadlineSeconds=5))
    assert refused.message == (
        'Deployment.apps "d" is invalid: spec.template.spec.activeDeadlineSeconds: '
        "Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported"
    )


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        ({"observedGeneration": -1}, ["status.observedGeneration"]),
        ({"replicas": 1, "updatedReplicas": 2}, ["status.updatedReplicas"]),
        (
            {"replicas": 3, "readyReplicas": 1, "availableReplicas": 2},
            ["status.availableReplicas"],
        ),
    ],
)
async def test_the_counts_of_a_deployment_add_up(api, status, fields):
    await api.made(DEPLOYMENTS, deployment())
    refused = await api.patch(f"{DEPLOYMENTS}/d/status", {"status": status}, MERGE)
    assert refused.status == 422
    assert [cause["field"] for cause in refused.body["details"]["causes"]] == fields
