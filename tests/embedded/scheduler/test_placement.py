from __future__ import annotations

from scheduler_objects import GPU, node, pod

from mlctl_core.embedded.scheduler.placement import Unschedulable, place

TAINT = {"key": "nvidia.com/gpu", "effect": "NoSchedule"}


def test_a_pod_goes_where_it_fits():
    nodes = [node("small", cpu=1), node("large", cpu=8)]

    assert place(pod(requests={"cpu": "2"}), nodes, []) == "large"


def test_without_nodes_it_says_so():
    assert place(pod(), [], []) == Unschedulable("no nodes available to schedule pods")


def test_reasons_are_counted_per_node_and_sorted_as_upstream_does():
    nodes = [node("a"), node("b"), node("c", taints=[TAINT])]

    assert place(pod(requests={GPU: "1", "cpu": "9"}), nodes, []) == Unschedulable(
        "0/3 nodes are available: 1 node(s) had untolerated taint(s), "
        f"2 Insufficient cpu, 2 Insufficient {GPU}."
    )


def test_pods_on_a_node_take_their_share_of_it_also_while_pending_or_terminating():
    held = pod("other", requests={GPU: "1"}, node="gpu", phase="Pending")

    assert isinstance(place(pod(requests={GPU: "1"}), [node("gpu", gpus=1)], [held]), Unschedulable)


def test_pods_that_have_ended_take_nothing():
    ended = [
        pod(phase, requests={GPU: "1"}, node="gpu", phase=phase)
        for phase in ("Succeeded", "Failed")
    ]

    assert place(pod(requests={GPU: "1"}), [node("gpu", gpus=1)], ended) == "gpu"


def test_an_init_container_counts_as_much_as_it_needs():
    init = {"name": "i", "image": "i", "resources": {"requests": {"cpu": "6"}}}
    large_init = pod(requests={"cpu": "1"}, initContainers=[init])

    assert isinstance(place(large_init, [node("n", cpu=4)], []), Unschedulable)


def test_the_least_allocated_node_is_chosen():
    nodes = [node("a", cpu=4), node("b", cpu=4)]
    busy = pod("other", requests={"cpu": "1", "memory": "1Gi"}, node="a", phase="Running")

    assert place(pod(requests={"cpu": "1"}), nodes, [busy]) == "b"


def test_of_equal_nodes_the_first_by_name_is_chosen():
    assert place(pod(), [node("b"), node("a"), node("c")], []) == "a"


def test_a_pod_without_devices_leaves_nodes_with_devices_to_others():
    nodes = [node("gpu", cpu=64, gpus=8), node("plain", cpu=2)]

    assert place(pod(requests={"cpu": "1"}), nodes, []) == "plain"
    assert place(pod(requests={GPU: "1"}), nodes, []) == "gpu"
    assert place(pod(requests={"cpu": "4"}), nodes, []) == "gpu"


def test_a_node_that_is_not_preferred_is_the_last_choice():
    grudging = node("a", taints=[TAINT | {"effect": "PreferNoSchedule"}])

    assert place(pod(), [grudging, node("b")], []) == "b"
    assert place(pod(), [grudging], []) == "a"
