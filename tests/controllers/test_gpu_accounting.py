"""GPUs counted as the scheduler counts them, and shown as the dashboards expect them."""

import re

import msgspec
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from structlog.testing import capture_logs

from controllers.gpu.accounting import GPU_RESOURCES, node_offer, pod_usage, totals
from controllers.gpu.gauges import GpuGauges, JobGauges
from controllers.pythonjob import PYTHON_JOB
from mlctl_core.cache.store import Entry, Store
from mlctl_core.objects.codec import convert
from mlctl_core.objects.core import Node, Pod
from mlctl_core.objects.kinds import NODE, POD
from mlctl_core.objects.metadata import decode_metadata

GPU = "nvidia.com/gpu"


def container(gpus, resource=GPU, **fields):
    return {"name": "c", "resources": {"limits": {resource: str(gpus)}}, **fields}


def pod(name="p", *, main=1, init=(), node="", phase="Pending", **fields):
    metadata = {"name": name, "namespace": "team", "uid": name, "resourceVersion": "1"}
    return {
        "metadata": metadata | fields.pop("metadata", {}),
        "spec": {
            "containers": [container(main)] if isinstance(main, int) else main,
            "initContainers": list(init),
            "nodeName": node,
            **fields,
        },
        "status": {"phase": phase},
    }


def node(name="n", *, gpus=8, allocatable=None, resource=GPU, labels=None, ready="True", **spec):
    return {
        "metadata": {"name": name, "uid": name, "resourceVersion": "1", "labels": labels or {}},
        "spec": spec,
        "status": {
            "conditions": [{"type": "Ready", "status": ready}],
            "capacity": {"cpu": "8", resource: str(gpus)},
            "allocatable": {
                "cpu": "8",
                resource: str(gpus if allocatable is None else allocatable),
            },
        },
    }


def add_up(pods, nodes=()):
    usages = [pod_usage(convert(Pod, p)) for p in pods]
    offers = [node_offer(convert(Node, n)) for n in nodes]
    return totals([u for u in usages if u], [o for o in offers if o])


@pytest.mark.parametrize(
    ("resource", "counts"),
    [
        ("nvidia.com/gpu", True),
        ("nvidia.com/gpu.shared", True),
        ("nvidia.com/mig-1g.5gb", True),
        ("nvidia.com/mig-1g.10gb.me", True),
        ("nvidia.com/mig-1g.5gb.shared", True),
        ("nvidia.com/mig-1c.3g.20gb", True),
        ("nvidia.com/mig-1g", False),
        ("amd.com/gpu", True),
        ("gpu.intel.com/i915", True),
        ("gpu.intel.com/monitoring", False),
        ("gpu.intel.com/i915_monitoring", False),
        ("nvidia.com/gpu-memory-exporter", False),
        ("cpu", False),
        ("example.com/gpu", False),
    ],
)
def test_which_extended_resources_are_gpus(resource, counts):
    assert bool(GPU_RESOURCES.fullmatch(resource)) == counts


SIDECAR = {"restartPolicy": "Always"}


@pytest.mark.parametrize(
    ("main", "init", "effective"),
    [
        (1, [container(4)], 4),
        (2, [container(1, **SIDECAR), container(4)], 5),
        (2, [container(4), container(1, **SIDECAR)], 4),
        (1, [container(1, **SIDECAR), container(1, **SIDECAR)], 3),
    ],
)
def test_a_pod_counts_with_its_effective_request(main, init, effective):
    sums = add_up([pod(main=main, init=init, node="n")])
    assert sums.allocated["n", GPU] == effective


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"schedulingGates": [{"name": "q"}]}, "gated"),
        ({}, "pending"),
        ({"node": "n"}, "allocated"),
        ({"node": "n", "phase": "Running"}, "allocated"),
        ({"node": "n", "phase": "Unknown"}, "allocated"),
        ({"node": "n", "metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, "allocated"),
        ({"node": "n", "phase": "Succeeded"}, None),
        ({"node": "n", "phase": "Failed"}, None),
    ],
)
def test_a_pod_is_requested_in_one_state_and_the_others_are_zero(fields, state):
    sums = add_up([pod(**fields)])
    assert sums.requested == {
        ("team", GPU, s): float(s == state) for s in ("gated", "pending", "allocated")
    }
    assert sums.allocated.get(("n", GPU), 0) == (state == "allocated")


def test_a_node_whose_gpus_nobody_holds_is_zero_and_not_missing():
    sums = add_up([], [node(labels={"nvidia.com/gpu.product": "A100"})])
    assert sums.capacity == {("n", GPU, "A100"): 8}
    assert sums.allocated == {("n", GPU): 0}
    assert sums.free_largest_block == {("n", GPU): 8}


def test_devices_that_failed_leave_capacity_but_nothing_free():
    sums = add_up([pod(main=4, node="n")], [node(allocatable=3)])
    assert sums.capacity["n", GPU, ""] == 8
    assert sums.allocatable["n", GPU, ""] == 3
    assert sums.allocated["n", GPU] == 4
    assert sums.free_largest_block["n", GPU] == 0


@pytest.mark.parametrize(
    ("properties", "why"),
    [
        ({"unschedulable": True}, ["cordoned"]),
        ({"ready": "False"}, ["not_ready"]),
        ({"ready": "Unknown"}, ["not_ready"]),
        ({"ready": "Unknown", "unschedulable": True}, ["cordoned", "not_ready"]),
        ({}, []),
    ],
)
def test_a_node_that_takes_no_pods_has_capacity_and_nothing_free(properties, why):
    sums = add_up([pod(main=2, node="n")], [node(**properties)])
    assert sums.capacity["n", GPU, ""] == sums.allocatable["n", GPU, ""] == 8
    assert sums.allocated["n", GPU] == 2
    assert sums.free_largest_block["n", GPU] == (0 if why else 6)
    assert sums.unavailable == {
        ("n", GPU, reason): 8.0 if reason in why else 0.0 for reason in ("cordoned", "not_ready")
    }


def test_whole_gpus_and_slices_are_never_added_together():
    mig = "nvidia.com/mig-1g.5gb"
    sums = add_up([pod(main=[container(1), container(2, mig)], node="n")], [node(gpus=8)])
    assert (sums.allocated["n", GPU], sums.allocated["n", mig]) == (1, 2)
    assert sums.free_largest_block["n", GPU] == 7


def test_a_pod_and_a_node_without_gpus_make_no_series():
    assert pod_usage(convert(Pod, pod(main=[{"name": "c"}]))) is None
    assert node_offer(convert(Node, {"metadata": {"name": "cpu"}})) is None


class TestGauges:
    @pytest.fixture
    def stores(self):
        return {POD: Store(), NODE: Store(), PYTHON_JOB.kind: Store()}

    def put(self, store, obj, version="1"):
        obj["metadata"]["resourceVersion"] = version
        raw = msgspec.json.encode(obj)
        store.put(Entry(raw=raw, metadata=decode_metadata(raw)))

    def scraped(self, collector):
        registry = CollectorRegistry()
        registry.register(collector)
        lines = generate_latest(registry).decode().splitlines()
        return [line for line in lines if not line.startswith("#")]

    def test_names_and_labels_are_those_that_dashboards_know(self, stores):
        self.put(stores[POD], pod(node="n", phase="Running"))
        self.put(stores[NODE], node(labels={"nvidia.com/gpu.product": "A100"}))
        assert self.scraped(GpuGauges(stores)) == [
            'mlctl_gpu_capacity{node="n",product="A100",resource="nvidia.com/gpu"} 8.0',
            'mlctl_gpu_allocatable{node="n",product="A100",resource="nvidia.com/gpu"} 8.0',
            'mlctl_gpu_allocated{node="n",resource="nvidia.com/gpu"} 1.0',
            *(
                f'mlctl_gpu_requested{{namespace="team",queue="",resource="nvidia.com/gpu",'
                f'state="{state}"}} {float(state == "allocated")}'
                for state in ("allocated", "gated", "pending")
            ),
            'mlctl_gpu_free_largest_block{node="n",resource="nvidia.com/gpu"} 7.0',
            *(
                f'mlctl_gpu_unavailable{{node="n",reason="{why}",resource="nvidia.com/gpu"}} 0.0'
                for why in ("cordoned", "not_ready")
            ),
            'mlctl_gpu_unreadable_objects{kind="Node"} 0.0',
            'mlctl_gpu_unreadable_objects{kind="Pod"} 0.0',
        ]

    def test_a_series_goes_with_what_it_tells_about(self, stores):
        gauges = GpuGauges(stores)
        self.put(stores[NODE], node())
        assert self.scraped(gauges)
        gone = node()
        gone["metadata"]["resourceVersion"] = "2"
        raw = msgspec.json.encode(gone)
        stores[NODE].remove(Entry(raw=raw, metadata=decode_metadata(raw)))
        assert not any("node=" in line for line in self.scraped(gauges))

    def test_a_changed_pod_is_counted_anew(self, stores):
        gauges = GpuGauges(stores)
        self.put(stores[POD], pod(node="n"), "1")
        assert any('allocated{node="n"' in line for line in self.scraped(gauges))
        self.put(stores[POD], pod(node="n", phase="Succeeded"), "2")
        assert not any('allocated{node="n"' in line for line in self.scraped(gauges))

    def test_an_object_that_cannot_be_read_is_named_and_counted_and_hides_no_other(self, stores):
        gauges = GpuGauges(stores)
        self.put(stores[POD], pod("bad", main=[container("many")], node="n"))
        self.put(stores[POD], pod("good", node="n"))
        self.put(stores[NODE], node("odd", gpus="all"))
        with capture_logs() as logs:
            lines = [self.scraped(gauges) for _ in range(3)][-1]
        assert 'mlctl_gpu_allocated{node="n",resource="nvidia.com/gpu"} 1.0' in lines
        assert 'mlctl_gpu_unreadable_objects{kind="Pod"} 1.0' in lines
        assert 'mlctl_gpu_unreadable_objects{kind="Node"} 1.0' in lines
        assert [(entry["kind"], entry["key"]) for entry in logs] == [
            ("Pod", "team/bad"),
            ("Node", "odd"),
        ], "each once, however often it is looked at"
        self.put(stores[POD], pod("bad", node="n"), "2")
        lines = self.scraped(gauges)
        assert 'mlctl_gpu_unreadable_objects{kind="Pod"} 0.0' in lines
        assert 'mlctl_gpu_allocated{node="n",resource="nvidia.com/gpu"} 2.0' in lines

    def test_what_counts_as_a_gpu_can_be_said(self, stores):
        gauges = GpuGauges(stores, re.compile(r"example\.com/npu"))
        self.put(stores[POD], pod(main=[container(1), container(2, "example.com/npu")], node="n"))
        self.put(stores[NODE], node(resource="example.com/npu"))
        lines = self.scraped(gauges)
        assert 'mlctl_gpu_allocated{node="n",resource="example.com/npu"} 2.0' in lines
        assert not any("nvidia" in line for line in lines)

    def test_jobs_are_counted_by_phase_and_a_new_one_is_pending(self, stores):
        store = stores[PYTHON_JOB.kind]
        for name, status in (("a", {}), ("b", {"phase": "Running"}), ("c", {"phase": "Running"})):
            metadata = {"name": name, "namespace": "team", "uid": name}
            self.put(store, {"metadata": metadata, "status": status})
        assert self.scraped(JobGauges({PYTHON_JOB.kind: store})) == [
            'mlctl_jobs{kind="PythonJob",namespace="team",phase="Pending"} 1.0',
            'mlctl_jobs{kind="PythonJob",namespace="team",phase="Running"} 2.0',
            'mlctl_jobs_unreadable{kind="PythonJob"} 0.0',
        ]

    def test_a_job_that_cannot_be_read_is_in_no_phase_and_counted(self, stores):
        store = stores[PYTHON_JOB.kind]
        metadata = {"name": "a", "namespace": "team", "uid": "a"}
        self.put(store, {"metadata": metadata, "status": {"phase": 7}})
        assert self.scraped(JobGauges({PYTHON_JOB.kind: store})) == [
            'mlctl_jobs_unreadable{kind="PythonJob"} 1.0'
        ]
