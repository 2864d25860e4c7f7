from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mlctl_core.embedded.node.node_object import node_object
from mlctl_core.embedded.node.spec import NodeSpec, Taint, node_specs, parse_node_spec

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_node_is_described_by_keys_and_values():
    spec = parse_node_spec(
        "name=gpu-1,pods=process,cpu=4,memory=8Gi,gpus=2,label=disk=ssd,"
        "taint=nvidia.com/gpu=present:NoSchedule,max-pods=10"
    )

    assert spec == NodeSpec(
        name="gpu-1",
        pods="process",
        cpu="4",
        memory="8Gi",
        gpus=2,
        max_pods=10,
        labels={"disk": "ssd"},
        taints=(Taint("nvidia.com/gpu", "present", "NoSchedule"),),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cpu=4", "has no name"),
        ("name=a,gpu=1", "'gpu' is no property of a node"),
        ("name=a,pods=docker", "pods='docker'"),
        ("name=a,cpu=many", "quantity"),
        ("name=a,gpus=-1", "gpus='-1'"),
        ("name=a,taint=x", "taint='x'"),
        ("name=a,pods=simulated,run-for=soon", "'soon' is no duration"),
        ("name=a,pods=process,run-for=5s", "runs its program"),
    ],
)
def test_what_makes_no_sense_is_named(text, message):
    with pytest.raises(ValueError, match=message):
        parse_node_spec(text)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"nodes": None, "described": []}, ["node-1"]),
        ({"nodes": 3, "described": []}, ["node-1", "node-2", "node-3"]),
        ({"nodes": None, "described": ["name=a", "name=b"]}, ["a", "b"]),
        ({"nodes": 1, "described": ["name=a"]}, ["node-1", "a"]),
        ({"nodes": None, "described": [], "pods": "none"}, []),
        ({"nodes": None, "described": ["name=a"], "pods": "none"}, ["a"]),
    ],
)
def test_there_is_one_node_unless_others_are_asked_for(options, names):
    specs = node_specs(**({"pods": "process", "gpus_per_node": 0} | options))

    assert [spec.name for spec in specs] == names


def test_a_simulated_node_may_say_how_long_its_pods_run():
    assert parse_node_spec("name=a,pods=simulated,run-for=1m5s").run_for == 65
    assert parse_node_spec("name=a,pods=simulated").run_for is None


def test_names_are_unique():
    with pytest.raises(ValueError, match="twice: a"):
        node_specs(pods="simulated", nodes=None, gpus_per_node=0, described=["name=a", "name=a"])


def test_simulated_nodes_are_large_and_have_the_gpus_that_were_asked_for():
    (spec,) = node_specs(pods="simulated", nodes=1, gpus_per_node=8, described=[])

    assert spec.capacity == {
        "cpu": "64",
        "memory": "512Gi",
        "ephemeral-storage": "100Gi",
        "pods": "110",
        "nvidia.com/gpu": "8",
    }


def test_a_node_without_gpus_does_not_mention_them():
    spec = NodeSpec(name="n", cpu="2")
    node = node_object(spec, address="127.0.0.1", log_port=1, now=NOW)

    assert "nvidia.com/gpu" not in node["status"]["capacity"]
    assert not any("nvidia" in label for label in node["metadata"]["labels"])


def test_the_node_object_says_what_a_kubelets_does():
    spec = parse_node_spec("name=gpu-1,cpu=4,gpus=2,label=disk=ssd,taint=gpu:NoSchedule")
    node = node_object(spec, address="127.0.0.1", log_port=10250, now=NOW)
    status = node["status"]

    assert (
        node["metadata"]["labels"].items()
        >= {
            "kubernetes.io/hostname": "gpu-1",
            "nvidia.com/gpu.product": "Simulated-GPU",
            "nvidia.com/gpu.count": "2",
            "disk": "ssd",
        }.items()
    )
    assert node["spec"] == {"taints": [{"key": "gpu", "effect": "NoSchedule"}]}
    assert status["allocatable"] == status["capacity"]
    assert status["capacity"]["nvidia.com/gpu"] == "2"
    assert status["addresses"] == [{"type": "InternalIP", "address": "127.0.0.1"}]
    assert status["daemonEndpoints"] == {"kubeletEndpoint": {"Port": 10250}}
    assert {c["type"]: c["status"] for c in status["conditions"]} == {
        "MemoryPressure": "False",
        "DiskPressure": "False",
        "PIDPressure": "False",
        "Ready": "True",
    }
