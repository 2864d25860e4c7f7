"""Built-in objects come back from decoding and defaulting as Go's structs would."""

from __future__ import annotations

import base64

import pytest
from recorded_answers import BUILTIN

from mlctl_core.embedded.apiserver.decoding import DecodeError
from mlctl_core.embedded.apiserver.pod_defaults import pull_policy
from mlctl_core.embedded.apiserver.strategy import strategy_for

UNMARSHAL = "json: cannot unmarshal"
CONTAINERS = "[]v1.Container"


def completed(api_version, kind, **fields):
    strategy = strategy_for(BUILTIN[api_version, kind])
    obj = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}, **fields}
    problems = strategy.decode(obj)
    strategy.default(obj)
    return obj, problems


def pod(**spec):
    return completed("v1", "Pod", spec=spec)[0]["spec"]


def container(**fields):
    return pod(containers=[{"name": "a", "image": "i", **fields}])["containers"][0]


def test_a_pod_gets_its_defaults():
    spec = pod(containers=[{"name": "a", "image": "i:1", "ports": [{"containerPort": 80}]}])
    assert spec == {
        "containers": [
            {
                "name": "a",
                "image": "i:1",
                "ports": [{"containerPort": 80, "protocol": "TCP"}],
                "resources": {},
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
                "imagePullPolicy": "IfNotPresent",
            }
        ],
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "enableServiceLinks": True,
    }


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("i", "Always"),
        ("i:latest", "Always"),
        ("i:1", "IfNotPresent"),
        ("host:5000/i", "Always"),
        ("host:5000/i:1", "IfNotPresent"),
        ("i@sha256:0", "IfNotPresent"),
    ],
)
def test_images_without_a_fixed_tag_are_always_pulled(image, policy):
    assert pull_policy(image) == policy


def test_requests_default_to_limits():
    resources = container(resources={"limits": {"cpu": 1, "memory": "1024Mi"}})["resources"]
    assert resources == {
        "limits": {"cpu": "1", "memory": "1Gi"},
        "requests": {"cpu": "1", "memory": "1Gi"},
    }


def test_a_request_that_is_given_stays():
    resources = container(resources={"limits": {"cpu": "2"}, "requests": {"cpu": "0.5"}})
    assert resources["resources"]["requests"] == {"cpu": "500m"}


def test_a_template_keeps_its_requests_empty():
    template = {"spec": {"containers": [{"name": "a", "resources": {"limits": {"cpu": "1"}}}]}}
    obj, _ = completed("apps/v1", "ReplicaSet", spec={"template": template})
    assert "requests" not in obj["spec"]["template"]["spec"]["containers"][0]["resources"]


def test_probes_get_their_times():
    probe = container(livenessProbe={"httpGet": {"port": 80}})["livenessProbe"]
    assert probe == {
        "httpGet": {"port": 80, "path": "/", "scheme": "HTTP"},
        "timeoutSeconds": 1,
        "periodSeconds": 10,
        "successThreshold": 1,
        "failureThreshold": 3,
    }


def test_volumes_get_their_modes_and_one_without_a_source_is_empty():
    spec = pod(
        volumes=[
            {"name": "a"},
            {"name": "b", "configMap": {"name": "c"}},
            {
                "name": "c",
                "projected": {
                    "sources": [
                        {"serviceAccountToken": {"path": "t"}},
                        {"downwardAPI": {"items": [{"path": "p", "fieldRef": {"fieldPath": "f"}}]}},
                    ]
                },
            },
        ],
        containers=[],
    )
    empty, config, projected = spec["volumes"]
    assert empty == {"name": "a", "emptyDir": {}}
    assert config["configMap"]["defaultMode"] == 0o644
    token, downward = projected["projected"]["sources"]
    assert token["serviceAccountToken"]["expirationSeconds"] == 3600
    assert downward["downwardAPI"]["items"][0]["fieldRef"]["apiVersion"] == "v1"


def test_string_data_becomes_data_and_wins():
    secret, _ = completed("v1", "Secret", data={"a": "b2xk", "b": "b2xk"}, stringData={"a": "new"})
    assert secret["data"] == {"a": base64.b64encode(b"new").decode(), "b": "b2xk"}
    assert secret["type"] == "Opaque"
    assert "stringData" not in secret


def test_a_namespace_is_labelled_with_its_name():
    namespace, _ = completed("v1", "Namespace")
    assert namespace["metadata"]["labels"] == {"kubernetes.io/metadata.name": "x"}
    assert namespace["status"] == {"phase": "Active"}


def test_nulls_and_empty_collections_mean_not_set():
    obj, _ = completed("v1", "ConfigMap", data={}, immutable=None)
    assert "data" not in obj
    assert "immutable" not in obj


def test_an_empty_struct_is_kept():
    assert pod(containers=[], volumes=[{"name": "v", "emptyDir": {}}])["volumes"][0] == {
        "name": "v",
        "emptyDir": {},
    }


def test_unknown_fields_are_named_with_their_place():
    _, problems = completed(
        "v1", "Pod", spec={"foo": 1, "containers": [{"name": "a", "bar": 1}]}, baz={}
    )
    assert problems == [
        'unknown field "baz"',
        'unknown field "spec.containers[0].bar"',
        'unknown field "spec.foo"',
    ]


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        (
            ("v1", "Pod"),
            {"spec": {"containers": "x"}},
            f"{UNMARSHAL} string into Go struct field PodSpec.spec.containers of type {CONTAINERS}",
        ),
        (
            ("v1", "ConfigMap"),
            {"data": {"a": 1}},
            f"{UNMARSHAL} number into Go struct field ConfigMap.data of type string",
        ),
        (("v1", "Secret"), {"data": {"a": "*"}}, "illegal base64 data at input byte 0"),
        (
            ("apps/v1", "Deployment"),
            {"spec": {"replicas": True}},
            f"{UNMARSHAL} bool into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
    ],
)
def test_a_wrong_json_type_is_refused_as_gos_decoder_does(kind, fields, message):
    with pytest.raises(DecodeError) as caught:
        completed(*kind, **fields)
    assert caught.value.message == message


def test_whole_floats_are_integers():
    obj, _ = completed("apps/v1", "Deployment", spec={"replicas": 2.0})
    assert obj["spec"]["replicas"] == 2


def test_a_definition_may_contain_schemas_in_schemas():
    schema = {"type": "object", "properties": {"a": {"type": "array", "items": {"typ": "x"}}}}
    version = {"name": "v1", "schema": {"openAPIV3Schema": schema}}
    _, problems = completed(
        "apiextensions.k8s.io/v1", "CustomResourceDefinition", spec={"versions": [version]}
    )
    assert problems == [
        'unknown field "spec.versions[0].schema.openAPIV3Schema.properties.a.items.typ"'
    ]
