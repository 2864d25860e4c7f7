from __future__ import annotations

import pytest
from node_pods import container, pod

from mlctl_core.embedded.node.admission import Admission

GPU = "nvidia.com/gpu"


def asking(**requests):
    named = {name.replace("gpus", GPU): amount for name, amount in requests.items()}
    return pod(containers=[container(resources={"requests": named})]).spec


@pytest.fixture
def admission():
    return Admission({"cpu": "2", "memory": "1Gi", "pods": "3", GPU: "2"})


def test_pods_are_admitted_until_the_node_is_full(admission):
    assert admission.admit("a", asking(cpu="1500m", gpus="1")) is None
    assert admission.admit("b", asking(cpu="500m", gpus="1")) is None
    assert admission.admit("c", asking()) is None

    rejection = admission.admit("d", asking())
    assert rejection.reason == "OutOfpods"


def test_a_rejection_is_in_the_kubelets_words(admission):
    admission.admit("a", asking(cpu="500m"))
    rejection = admission.admit("b", asking(cpu="1600m"))

    assert rejection.reason == "OutOfcpu"
    assert rejection.message == (
        "Pod was rejected: Node didn't have enough resource: cpu, requested: 1600, "
        "used: 500, capacity: 2000"
    )


def test_devices_that_are_not_there_are_an_unexpected_admission(admission):
    admission.admit("a", asking(gpus="1"))
    rejection = admission.admit("b", asking(gpus="2"))

    assert rejection.reason == "UnexpectedAdmissionError"
    assert rejection.message == (
        "Pod was rejected: Allocate failed due to requested number of devices unavailable for "
        "nvidia.com/gpu. Requested: 2, Available: 1, which is unexpected"
    )


def test_what_was_not_admitted_takes_nothing(admission):
    admission.admit("a", asking(gpus="3"))

    assert admission.admit("b", asking(gpus="2")) is None


def test_what_has_ended_gives_back_what_it_took(admission):
    admission.admit("a", asking(gpus="2"))
    admission.release("a")
    admission.release("never-seen")

    assert admission.admit("b", asking(gpus="2")) is None
