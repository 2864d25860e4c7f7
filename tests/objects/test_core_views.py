from __future__ import annotations

import json

import attrs
import pytest

from mlctl_core.embedded.apiserver.builtin import model_of
from mlctl_core.embedded.apiserver.schema_models import woven
from mlctl_core.objects.codec import decode
from mlctl_core.objects.conditions import is_true
from mlctl_core.objects.core import TYPED, Node, Pod
from mlctl_core.objects.fields import fields_of
from mlctl_core.objects.kinds import POD, kind_of

POD_JSON = {
    "metadata": {"name": "a", "namespace": "ml", "uid": "u"},
    "spec": {
        "nodeName": "n1",
        "schedulingGates": [{"name": "g"}],
        "containers": [
            {"name": "main", "image": "i", "resources": {"limits": {"nvidia.com/gpu": "2"}}}
        ],
        "initContainers": [{"name": "side", "restartPolicy": "Always"}],
        "overhead": {"memory": "1Mi"},
        "volumes": [{"name": "x", "emptyDir": {}}],
    },
    "status": {
        "phase": "Failed",
        "podIP": "10.0.0.1",
        "startTime": None,
        "conditions": [
            {"type": "Ready", "status": "False", "lastProbeTime": None, "lastTransitionTime": None}
        ],
        "containerStatuses": [
            {
                "name": "main",
                "imageID": "i@sha256:1",
                "ready": False,
                "restartCount": 1,
                "state": {
                    "terminated": {
                        "exitCode": 137,
                        "reason": "OOMKilled",
                        "finishedAt": "2026-01-01T00:00:00Z",
                    }
                },
                "lastState": {},
            }
        ],
    },
}


def test_a_pod_shows_what_planners_ask_about():
    pod = decode(Pod, json.dumps(POD_JSON).encode())
    assert pod.spec.node_name == "n1"
    assert pod.spec.scheduling_gates[0].name == "g"
    assert pod.spec.containers[0].resources.limits == {"nvidia.com/gpu": "2"}
    assert pod.spec.init_containers[0].restart_policy == "Always"
    assert pod.status.pod_ip == "10.0.0.1"
    assert not is_true(pod.status.conditions, "Ready")
    (main,) = pod.status.container_statuses
    assert main.image_id == "i@sha256:1"
    assert main.state.terminated.exit_code == 137
    assert main.state.terminated.reason == "OOMKilled"
    assert main.state.running is None


def test_a_pod_that_was_just_made_has_the_servers_defaults():
    pod = decode(Pod, b'{"metadata":{"name":"a"},"spec":{},"status":{}}')
    assert (pod.spec.node_name, pod.status.phase, pod.status.container_statuses) == (
        "",
        "Pending",
        (),
    )


def test_a_node_shows_what_it_offers():
    raw = b'{"metadata":{"name":"n"},"status":{"capacity":{"cpu":"4"},"allocatable":{"cpu":4}}}'
    node = decode(Node, raw)
    assert (node.status.capacity, node.status.allocatable) == ({"cpu": "4"}, {"cpu": 4})
    assert not node.spec.unschedulable


def unknown_fields(cls, schema, path):
    """Fields of a class, and of the classes within it, that the server's own schema lacks."""
    for field in fields_of(cls):
        here = f"{path}.{field.json}"
        known = schema["properties"].get(field.json)
        if known is None:
            yield here
            continue
        shape = field.shape
        while inner := shape.item or shape.value:
            shape = inner
            known = known.get("items") or known.get("additionalProperties")
        if attrs.has(shape.type):
            yield from unknown_fields(shape.type, known, here)


@pytest.mark.parametrize(("kind", "cls"), TYPED.items(), ids=str)
def test_every_field_is_one_that_kubernetes_has(kind, cls):
    schema = woven(model_of(kind.api_version, kind.name))
    # A condition of ours knows a generation that not all of theirs do.
    found = [
        path
        for path in unknown_fields(cls, schema, kind.name)
        if not path.endswith(".conditions.observedGeneration")
    ]
    assert found == []


def test_views_are_found_by_kind():
    assert TYPED[POD] is Pod
    assert all(kind_of(cls) == kind for kind, cls in TYPED.items())
