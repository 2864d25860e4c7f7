from __future__ import annotations

from scheduler_objects import GPU, node, pod

from mlctl_core.embedded.scheduler.placement import pod_requests
from mlctl_core.embedded.scheduler.state import ClusterState


def free(state, name, resource):
    return {c.node.metadata.name: c for c in state.candidates}[name].free[resource]


def test_a_pod_without_a_node_waits_until_it_has_one():
    state = ClusterState()
    state.set_pod(pod())
    assert list(state.pending) == ["uid-p"]

    state.set_pod(pod(node="n"))
    assert not state.pending


def test_pods_of_other_schedulers_and_pods_that_are_being_deleted_are_not_ours():
    state = ClusterState()
    state.set_pod(pod("other", schedulerName="mine"))
    state.set_pod(pod("pending"))
    leaving = pod("pending")
    deleted = type(leaving)(
        metadata=type(leaving.metadata)(
            name="pending", uid="uid-pending", deletion_timestamp="2026-01-01T00:00:00Z"
        ),
        spec=leaving.spec,
    )
    state.set_pod(deleted)

    assert not state.pending


def test_what_is_taken_is_counted_whichever_is_seen_first():
    state = ClusterState()
    state.set_pod(pod("early", requests={GPU: "1"}, node="n"))
    state.set_node(node("n", gpus=4))
    state.set_pod(pod("late", requests={GPU: "2"}, node="n"))

    assert free(state, "n", GPU) == 1


def test_a_pod_is_counted_once_however_often_it_is_seen():
    state = ClusterState()
    state.set_node(node("n", gpus=4))
    for _ in range(3):
        state.set_pod(pod(requests={GPU: "1"}, node="n"))

    assert free(state, "n", GPU) == 3


def test_what_was_assigned_stays_taken_until_the_cache_has_seen_the_binding():
    state = ClusterState()
    state.set_node(node("n", gpus=1))
    waiting = pod(requests={GPU: "1"})
    state.set_pod(waiting)
    state.assign("uid-p", pod_requests(waiting), "n")
    state.set_pod(waiting)  # older news

    assert not state.pending
    assert free(state, "n", GPU) == 0


def test_an_ended_or_deleted_pod_gives_back_what_it_took():
    state = ClusterState()
    state.set_node(node("n", gpus=2))
    state.set_pod(pod("a", requests={GPU: "1"}, node="n"))
    state.set_pod(pod("b", requests={GPU: "1"}, node="n"))
    before = state.version
    state.set_pod(pod("a", requests={GPU: "1"}, node="n", phase="Failed"))
    state.remove_pod("uid-b")

    assert free(state, "n", GPU) == 2
    assert state.version > before


def test_only_what_may_help_a_waiting_pod_moves_the_version():
    state = ClusterState()
    state.set_node(node("n"))
    before = state.version
    state.set_node(node("n"))  # a heartbeat
    state.set_pod(pod(node="n"))
    assert state.version == before

    state.set_node(node("n", labels={"a": "b"}))
    assert state.version == before + 1


def test_higher_priority_goes_first_then_age_then_name():
    state = ClusterState()
    for a_pod in (
        pod("c", created="2026-01-01T00:00:01Z"),
        pod("b", created="2026-01-01T00:00:01Z"),
        pod("old", created="2026-01-01T00:00:00Z"),
        pod("vip", created="2026-01-01T00:00:09Z", priority=10),
    ):
        state.set_pod(a_pod)

    ordered = sorted(state.pending.values(), key=lambda waiting: waiting.order)
    assert [waiting.pod.metadata.name for waiting in ordered] == ["vip", "old", "b", "c"]
