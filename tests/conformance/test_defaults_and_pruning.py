"""What a server adds to an object, and what it takes out."""

from __future__ import annotations

import pytest
from specimens import config_map, deployment, pod, widget


async def test_absent_fields_get_their_defaults(server, widgets):
    made = await server.made(widgets, widget("a", {"inner": {}, "ports": [{"name": "x"}]}))
    assert made["spec"] == {
        "size": 3,
        "inner": {"on": True},
        "ports": [{"name": "x", "protocol": "TCP"}],
    }


async def test_a_default_inside_an_absent_object_is_not_filled_in(server, widgets):
    assert (await server.made(widgets, widget("a")))["spec"] == {"size": 3}


async def test_a_given_value_stays(server, widgets):
    made = await server.made(widgets, widget("a", {"size": 7, "inner": {"on": False}}))
    assert made["spec"] == {"size": 7, "inner": {"on": False}}


async def test_null_for_a_field_with_a_default_is_the_default(server, widgets):
    assert (await server.made(widgets, widget("a", {"size": None})))["spec"] == {"size": 3}


async def test_null_stays_where_it_is_allowed(server, widgets):
    made = await server.made(widgets, widget("a", {"maybe": None}))
    assert made["spec"]["maybe"] is None


async def test_null_goes_where_it_is_not(server, widgets):
    assert (await server.made(widgets, widget("a", {"color": None})))["spec"] == {"size": 3}


async def test_null_in_a_list_is_refused(server, widgets):
    answer = await server.post(widgets, widget("a", {"steps": [None]}))
    assert answer.fields == [("FieldValueTypeInvalid", "spec.steps[0]")]


async def test_a_default_comes_back_when_its_field_is_taken_away(server, widgets):
    await server.made(widgets, widget("a", {"size": 7}))
    new = (await server.patch(f"{widgets}/a", {"spec": {"size": None}})).ok()
    assert new["spec"] == {"size": 3}


async def test_a_new_default_shows_in_old_objects(server, define, namespace, unique):
    group = f"{unique}.example.com"
    definition = await define()
    path = f"/apis/{group}/v1/namespaces/{namespace}/widgets"
    await server.made(path, widget("a", {"color": "red"}, group=group))
    name = definition["metadata"]["name"]
    where = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/name/default"
    patch = [{"op": "add", "path": where, "value": "new"}]
    crd = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}"
    (await server.patch(crd, patch, "application/json-patch+json")).ok()
    # A changed schema is new storage, which is not ready at once.
    answer = await server.asked_until(
        lambda one: one.status == 200 and "name" in one.body["spec"], "GET", f"{path}/a"
    )
    assert answer.body["spec"]["name"] == "new"
    listed = await server.asked_until(lambda one: one.status == 200, "GET", path)
    assert listed.body["items"][0]["spec"]["name"] == "new"


async def test_unknown_fields_are_taken_out(server, widgets):
    body = widget("a", {"more": 1, "inner": {"z": 1}, "ports": [{"name": "x", "y": 1}]})
    made = await server.made(widgets, {**body, "extra": {"a": 1}})
    assert made["spec"] == {
        "size": 3,
        "inner": {"on": True},
        "ports": [{"name": "x", "protocol": "TCP"}],
    }
    assert "extra" not in made


async def test_unknown_fields_stay_where_the_schema_keeps_them(server, widgets):
    free = {"anything": [1, {"b": None}], "n": 1.5}
    made = await server.made(widgets, widget("a", {"free": free}))
    assert made["spec"]["free"] == free


async def test_numbers_come_back_as_they_were_sent(server, widgets):
    """Whole and broken numbers, and big ones, are not the same to all parsers of JSON."""
    free = {"whole": 1, "big": 2**53 + 1, "broken": 0.1, "negative": -5}
    made = await server.made(widgets, widget("a", {"free": free}))
    assert made["spec"]["free"] == free


async def test_unknown_fields_of_status_are_taken_out(server, widgets):
    await server.made(widgets, widget("a"))
    patch = {"status": {"phase": "x", "unknown": 1}}
    new = (await server.patch(f"{widgets}/a/status", patch)).ok()
    assert new["status"] == {"phase": "x"}


async def test_unknown_metadata_is_taken_out(server, widgets):
    made = await server.made(widgets, widget("a", mood="good"))
    assert "mood" not in made["metadata"]


async def test_unknown_fields_of_built_in_objects_are_taken_out(server, config_maps):
    made = await server.made(config_maps, {**config_map("a"), "extra": 1})
    assert "extra" not in made


async def test_a_pod_gets_what_it_did_not_say(server, pods):
    spec = (await server.made(pods, pod("a")))["spec"]
    assert spec["restartPolicy"] == "Always"
    assert spec["terminationGracePeriodSeconds"] == 30
    assert spec["dnsPolicy"] == "ClusterFirst"
    assert spec["securityContext"] == {}
    assert spec["serviceAccountName"] == "default"
    assert spec["enableServiceLinks"] is True
    assert spec["priority"] == 0
    assert spec["preemptionPolicy"] == "PreemptLowerPriority"
    (container,) = spec["containers"]
    assert container["imagePullPolicy"] == "Always"
    assert container["terminationMessagePath"] == "/dev/termination-log"
    assert container["terminationMessagePolicy"] == "File"
    assert container["resources"] == {}
    assert [one["key"] for one in spec["tolerations"]] == [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    ]


async def test_a_pod_mounts_the_token_of_its_service_account(server, pods):
    spec = (await server.made(pods, pod("a")))["spec"]
    (mount,) = spec["containers"][0]["volumeMounts"]
    assert mount["mountPath"] == "/var/run/secrets/kubernetes.io/serviceaccount"
    assert mount["readOnly"] is True
    (volume,) = spec["volumes"]
    assert volume["name"] == mount["name"]
    sources = [next(iter(source)) for source in volume["projected"]["sources"]]
    assert sources == ["serviceAccountToken", "configMap", "downwardAPI"]


async def test_a_pod_that_wants_no_token_gets_none(server, pods):
    body = pod("a")
    body["spec"]["automountServiceAccountToken"] = False
    spec = (await server.made(pods, body))["spec"]
    assert "volumes" not in spec
    assert "volumeMounts" not in spec["containers"][0]


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("i", "Always"),
        ("i:latest", "Always"),
        ("i:1", "IfNotPresent"),
        ("i@sha256:" + "0" * 64, "IfNotPresent"),
    ],
    ids=["no tag", "latest", "a tag", "a digest"],
)
async def test_an_image_is_pulled_by_its_tag(server, pods, image, policy):
    made = await server.made(pods, pod("a", {"name": "c", "image": image}))
    assert made["spec"]["containers"][0]["imagePullPolicy"] == policy


async def test_limits_are_requested_where_nothing_is(server, pods):
    resources = {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}
    made = await server.made(pods, pod("a", {"name": "c", "image": "i", "resources": resources}))
    requests = made["spec"]["containers"][0]["resources"]["requests"]
    assert requests == {"cpu": "500m", "memory": "1Gi"}


@pytest.mark.parametrize(
    ("resources", "quality"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
    ],
    ids=["nothing", "a request", "limits"],
)
async def test_a_pods_quality_of_service_follows_from_its_resources(
    server, pods, resources, quality
):
    made = await server.made(pods, pod("a", {"name": "c", "image": "i", "resources": resources}))
    assert made["status"]["qosClass"] == quality


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("1000m", "1"),
        ("0.5", "500m"),
        (2, "2"),
        ("1024Mi", "1Gi"),
        ("1e3", "1e3"),
        ("1500Mi", "1500Mi"),
    ],
)
async def test_quantities_are_written_one_way(server, pods, given, shown):
    resources = {"limits": {"example.com/x" if isinstance(given, int) else "memory": given}}
    made = await server.made(pods, pod("a", {"name": "c", "image": "i", "resources": resources}))
    (value,) = made["spec"]["containers"][0]["resources"]["limits"].values()
    assert value == shown


async def test_a_deployment_gets_what_it_did_not_say(server, namespace):
    body = deployment("a")
    del body["spec"]["replicas"]
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    spec = (await server.made(path, body))["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
    }
    assert spec["revisionHistoryLimit"] == 10
    assert spec["progressDeadlineSeconds"] == 600


async def test_a_service_gets_what_it_did_not_say(server, namespace):
    path = f"/api/v1/namespaces/{namespace}/services"
    body = {
        "metadata": {"name": "a"},
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": {"a": "b"},
            "ports": [{"port": 2222, "name": "tensorflow"}],
        },
    }
    spec = (await server.made(path, body))["spec"]
    assert spec == {
        "clusterIP": "None",
        "clusterIPs": ["None"],
        "internalTrafficPolicy": "Cluster",
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "ports": [{"name": "tensorflow", "port": 2222, "protocol": "TCP", "targetPort": 2222}],
        "publishNotReadyAddresses": True,
        "selector": {"a": "b"},
        "sessionAffinity": "None",
        "type": "ClusterIP",
    }


async def test_empty_maps_and_lists_of_built_in_objects_are_left_out(server, config_maps):
    made = await server.made(config_maps, {**config_map("a", labels={}, finalizers=[]), "data": {}})
    assert "data" not in made
    assert not made["metadata"].keys() & {"labels", "finalizers"}


async def test_empty_maps_and_lists_of_custom_resources_stay(server, widgets):
    made = await server.made(widgets, widget("a", {"steps": [], "labels": {}}))
    assert made["spec"] == {"steps": [], "labels": {}, "size": 3}
