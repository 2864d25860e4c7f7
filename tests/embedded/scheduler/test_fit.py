from __future__ import annotations

import pytest
from scheduler_objects import GPU, node, pod

from mlctl_core.embedded.scheduler.fit import refusals
from mlctl_core.embedded.scheduler.placement import allocatable, pod_requests

TAINT = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}
UNTOLERATED = ["node(s) had untolerated taint(s)"]
UNSELECTED = ["node(s) didn't match Pod's node affinity/selector"]


def why(a_pod, a_node):
    return refusals(a_pod, pod_requests(a_pod), a_node, allocatable(a_node))


def required(*terms):
    selector = {"nodeSelectorTerms": list(terms)}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": selector}}


def expressions(*items):
    return {
        "matchExpressions": [
            dict(zip(("key", "operator", "values"), i, strict=False)) for i in items
        ]
    }


@pytest.mark.parametrize(
    ("requests", "expected"),
    [
        ({"cpu": "4", "memory": "8Gi"}, []),
        ({"cpu": "4001m"}, ["Insufficient cpu"]),
        ({"cpu": "5", "memory": "9Gi"}, ["Insufficient cpu", "Insufficient memory"]),
        ({GPU: "1"}, [f"Insufficient {GPU}"]),
        ({GPU: "0"}, []),
        ({"ephemeral-storage": "1Gi"}, ["Insufficient ephemeral-storage"]),
    ],
)
def test_every_resource_that_is_short_is_named(requests, expected):
    assert why(pod(requests=requests), node("n")) == expected


def test_a_full_node_has_too_many_pods():
    assert why(pod(), node("n", pods=0)) == ["Too many pods"]


@pytest.mark.parametrize(
    ("toleration", "expected"),
    [
        (None, UNTOLERATED),
        ({"operator": "Exists"}, []),
        ({"key": "nvidia.com/gpu", "operator": "Exists"}, []),
        ({"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}, []),
        ({"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoExecute"}, UNTOLERATED),
        ({"key": "nvidia.com/gpu", "value": "present"}, []),
        ({"key": "nvidia.com/gpu", "value": "absent"}, UNTOLERATED),
        ({"key": "amd.com/gpu", "operator": "Exists"}, UNTOLERATED),
    ],
)
def test_a_toleration_covers_a_taint_by_key_value_and_effect(toleration, expected):
    tolerations = [toleration] if toleration else []

    assert why(pod(tolerations=tolerations), node("n", taints=[TAINT])) == expected


def test_prefer_no_schedule_keeps_nobody_away():
    assert why(pod(), node("n", taints=[TAINT | {"effect": "PreferNoSchedule"}])) == []


def test_no_execute_keeps_new_pods_away():
    assert why(pod(), node("n", taints=[TAINT | {"effect": "NoExecute"}])) == UNTOLERATED


def test_a_cordoned_node_takes_only_who_tolerates_it():
    cordoned = node("n", unschedulable=True)
    tolerant = pod(tolerations=[{"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}])

    assert why(pod(), cordoned) == ["node(s) were unschedulable"]
    assert why(tolerant, cordoned) == []


def test_a_node_selector_wants_every_label():
    labelled = node("n", labels={"a": "1", "b": "2"})

    assert why(pod(nodeSelector={"a": "1"}), labelled) == []
    assert why(pod(nodeSelector={"a": "1", "b": "3"}), labelled) == UNSELECTED


@pytest.mark.parametrize(
    ("expression", "matches"),
    [
        (("gpu", "In", ["a100", "h100"]), True),
        (("gpu", "In", ["v100"]), False),
        (("gpu", "NotIn", ["v100"]), True),
        (("none", "NotIn", ["v100"]), True),
        (("gpu", "Exists"), True),
        (("none", "Exists"), False),
        (("none", "DoesNotExist"), True),
        (("driver", "Gt", ["534"]), True),
        (("driver", "Gt", ["535"]), False),
        (("driver", "Lt", ["536"]), True),
        (("gpu", "Gt", ["1"]), False),
        (("gpu", "Like", ["a"]), False),
    ],
)
def test_required_affinity_knows_upstreams_operators(expression, matches):
    labelled = node("n", labels={"gpu": "a100", "driver": "535"})
    found = why(pod(affinity=required(expressions(expression))), labelled)

    assert found == ([] if matches else UNSELECTED)


def test_one_matching_term_is_enough_and_all_its_expressions_must_hold():
    labelled = node("n", labels={"a": "1", "b": "2"})
    both = expressions(("a", "In", ["1"]), ("b", "In", ["3"]))
    other = expressions(("b", "In", ["2"]))

    assert why(pod(affinity=required(both)), labelled) == UNSELECTED
    assert why(pod(affinity=required(both, other)), labelled) == []


def test_an_empty_term_matches_nothing():
    assert why(pod(affinity=required({})), node("n")) == UNSELECTED


def test_match_fields_choose_a_node_by_name():
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}]}

    assert why(pod(affinity=required(term)), node("n")) == []
    assert why(pod(affinity=required(term)), node("m")) == UNSELECTED
