from __future__ import annotations

from decimal import Decimal

import pytest

from mlctl_core.objects.core import Container, PodSpec, ResourceRequirements
from mlctl_core.objects.pod_requests import effective_requests

GPU = "nvidia.com/gpu"


def gpus(count, *, sidecar=False):
    resources = ResourceRequirements(requests={GPU: str(count)}, limits={GPU: str(count)})
    policy = "Always" if sidecar else None
    return Container(name="c", resources=resources, restart_policy=policy)


def needs(requests, limits=None):
    return Container(
        name="c", resources=ResourceRequirements(requests=requests, limits=limits or {})
    )


@pytest.mark.parametrize(
    ("inits", "mains", "expected"),
    [
        ([], [gpus(1), gpus(2)], 3),
        ([gpus(4)], [gpus(1)], 4),
        ([gpus(1)], [gpus(4)], 4),
        ([gpus(1, sidecar=True), gpus(4)], [gpus(2)], 5),
        ([gpus(4), gpus(1, sidecar=True)], [gpus(2)], 4),
        ([gpus(1, sidecar=True), gpus(1, sidecar=True)], [gpus(1)], 3),
        ([gpus(4), gpus(3)], [gpus(1)], 4),
        ([], [], None),
    ],
)
def test_the_larger_of_what_runs_together_and_what_each_init_container_needs(
    inits, mains, expected
):
    found = effective_requests(PodSpec(init_containers=tuple(inits), containers=tuple(mains)))

    assert found.get(GPU) == expected


def test_each_resource_takes_its_own_maximum():
    spec = PodSpec(
        init_containers=(needs({"cpu": "2", "memory": "1Gi"}),),
        containers=(needs({"cpu": "500m", "memory": "3Gi"}),),
    )

    assert effective_requests(spec) == {"cpu": 2, "memory": 3 * 2**30}


def test_a_limit_without_a_request_is_the_request():
    spec = PodSpec(containers=(needs({"cpu": "100m"}, {"cpu": "1", "memory": "1Mi"}),))

    assert effective_requests(spec) == {"cpu": Decimal("0.1"), "memory": 2**20}


def test_overhead_comes_on_top():
    spec = PodSpec(containers=(needs({"cpu": "1"}),), overhead={"cpu": "250m", "memory": "64Mi"})

    assert effective_requests(spec) == {"cpu": Decimal("1.25"), "memory": 64 * 2**20}


def test_pod_level_resources_replace_cpu_memory_and_huge_pages_and_never_devices():
    spec = PodSpec(containers=(needs({"cpu": "1", GPU: "2"}),))
    pod_level = ResourceRequirements(
        requests={"cpu": "4", "memory": "1Gi", "hugepages-2Mi": "8Mi", GPU: "7"}
    )

    assert effective_requests(spec, pod_level) == {
        "cpu": 4,
        "memory": 2**30,
        "hugepages-2Mi": 8 * 2**20,
        GPU: 2,
    }


def test_an_amount_that_is_no_quantity_is_refused():
    with pytest.raises(ValueError, match="quantity"):
        effective_requests(PodSpec(containers=(needs({"cpu": "lots"}),)))
