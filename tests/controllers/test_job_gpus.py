"""What GPUs mean for a pod: its environment, and the nodes that it may go to."""

import pytest

from apis.v1alpha1.size import Gpu
from controllers.jobs.pod.gpus import driver_affinity, variables

NVIDIA = Gpu(resource="nvidia.com/gpu", count=1)
SLICE = Gpu(resource="nvidia.com/mig-1g.5gb", count=1)
AMD = Gpu(resource="amd.com/gpu", count=1)


@pytest.mark.parametrize(
    ("gpu", "expected"),
    [
        (None, {"NVIDIA_VISIBLE_DEVICES": "void"}),
        (NVIDIA, {"NVIDIA_DRIVER_CAPABILITIES": "compute,utility"}),
        (SLICE, {"NVIDIA_DRIVER_CAPABILITIES": "compute,utility"}),
        (AMD, {}),
    ],
)
def test_pods_without_gpus_see_none_and_the_device_plugin_shares_out_the_others(gpu, expected):
    assert variables(gpu) == expected


@pytest.mark.parametrize(("version", "gpu"), [(None, NVIDIA), ("535", None), ("535", AMD)], ids=str)
def test_a_node_needs_a_driver_only_where_there_is_one_to_ask_for(version, gpu):
    assert driver_affinity(version, gpu) is None


def admits(version, labels):
    """Whether a scheduler lets a pod onto a node: terms are alternatives, as in k8s.io/api."""
    affinity = driver_affinity(version, NVIDIA)["nodeAffinity"]
    terms = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    return any(all(holds(e, labels) for e in term["matchExpressions"]) for term in terms)


def holds(expression, labels):
    if expression["key"] not in labels:
        return False
    [wanted] = map(int, expression["values"])
    found = int(labels[expression["key"]])
    return {"Gt": found > wanted, "Lt": found < wanted}[expression["operator"]]


def node(version, family="driver-version", last="revision"):
    parts = zip(("major", "minor", last), version.split("."), strict=True)
    return {f"nvidia.com/cuda.{family}.{part}": value for part, value in parts}


@pytest.mark.parametrize(
    ("wanted", "found", "expected"),
    [
        ("535", "535.0.0", True),
        ("535", "550.54.15", True),
        ("535", "525.147.05", False),
        ("535.104", "535.104.05", True),
        ("535.104", "535.129.03", True),
        ("535.104", "535.54.03", False),
        ("535.104", "545.23.08", True),
        ("535.104", "525.200.01", False),
        ("535.129.03", "535.129.03", True),
        ("535.129.03", "535.129.3", True),
        ("535.129.03", "535.129.02", False),
        ("535.129.03", "535.130.00", True),
        ("535.129.03", "534.999.99", False),
        ("0", "1.0.0", True),
    ],
)
def test_a_pod_goes_to_nodes_with_that_driver_or_a_newer_one(wanted, found, expected):
    assert admits(wanted, node(found)) is expected
    assert admits(wanted, node(found, "driver", "rev")) is expected


def test_a_node_that_nobody_labelled_gets_no_such_pod():
    assert not admits("535.104", {"nvidia.com/gpu.present": "true"})
