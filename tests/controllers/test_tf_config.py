"""TF_CONFIG to the byte, for every sort of cluster."""

import json

import pytest

from controllers.tensorflow.tf_config import PORT, tf_config


def hosts(**counts):
    return {
        role: [f"tfjob-x-{role}-{index}.tfjob-x.ns.svc:{PORT}" for index in range(count)]
        for role, count in counts.items()
    }


def address(role, index=0):
    return f'"tfjob-x-{role}-{index}.tfjob-x.ns.svc:2222"'


W0, W1, P0, P1 = address("worker"), address("worker", 1), address("ps"), address("ps", 1)
C0, E0 = address("chief"), address("evaluator")

FULL = [
    pytest.param(
        {"worker": 2},
        ("worker", 1),
        '{"cluster":{"worker":[' + W0 + "," + W1 + ']},"task":{"type":"worker","index":1},'
        '"environment":"cloud"}',
        id="two-workers",
    ),
    pytest.param(
        {"worker": 2, "ps": 2, "chief": 1},
        ("ps", 0),
        '{"cluster":{"chief":['
        + C0
        + '],"ps":['
        + P0
        + ","
        + P1
        + '],"worker":['
        + W0
        + ","
        + W1
        + ']},"task":{"type":"ps","index":0},"environment":"cloud"}',
        id="roles-sorted-whatever-their-order",
    ),
    pytest.param(
        {"chief": 1, "worker": 1},
        ("chief", 0),
        '{"cluster":{"chief":[' + C0 + '],"worker":[' + W0 + "]},"
        '"task":{"type":"chief","index":0},"environment":"cloud"}',
        id="chief",
    ),
    pytest.param(
        {"chief": 1, "worker": 1, "evaluator": 1},
        ("worker", 0),
        '{"cluster":{"chief":[' + C0 + '],"worker":[' + W0 + "]},"
        '"task":{"type":"worker","index":0},"environment":"cloud"}',
        id="others-do-not-see-the-evaluator",
    ),
    pytest.param(
        {"chief": 1, "worker": 1, "evaluator": 1},
        ("evaluator", 0),
        '{"cluster":{"chief":[' + C0 + '],"evaluator":[' + E0 + '],"worker":[' + W0 + "]},"
        '"task":{"type":"evaluator","index":0},"environment":"cloud"}',
        id="the-evaluator-sees-itself",
    ),
    pytest.param(
        {"worker": 1, "evaluator": 1},
        ("worker", 0),
        '{"cluster":{"worker":[' + W0 + ']},"task":{"type":"worker","index":0},'
        '"environment":"cloud"}',
        id="one-worker-beside-an-evaluator-is-told-of-its-cluster",
    ),
    pytest.param(
        {"worker": 1, "ps": 1, "chief": 0, "evaluator": 0},
        ("worker", 0),
        '{"cluster":{"ps":[' + P0 + '],"worker":[' + W0 + "]},"
        '"task":{"type":"worker","index":0},"environment":"cloud"}',
        id="a-role-without-replicas-is-left-out",
    ),
]


@pytest.mark.parametrize(("counts", "task", "expected"), FULL)
def test_the_full_form_to_the_byte(counts, task, expected):
    assert tf_config(hosts(**counts), *task) == expected


SPARSE = [
    pytest.param(
        {"worker": 3, "ps": 2},
        ("worker", 1),
        '{"cluster":{"worker":{"1":' + W1 + '},"ps":[' + P0 + "," + P1 + "]},"
        '"task":{"type":"worker","index":1}}',
        id="a-worker-sees-itself-and-the-parameter-servers",
    ),
    pytest.param(
        {"worker": 3, "ps": 2},
        ("ps", 1),
        '{"cluster":{"worker":{},"ps":[' + P1 + ']},"task":{"type":"ps","index":1}}',
        id="a-parameter-server-sees-itself",
    ),
    pytest.param(
        {"worker": 2},
        ("worker", 0),
        '{"cluster":{"worker":{"0":' + W0 + '},"ps":[]},"task":{"type":"worker","index":0}}',
        id="without-parameter-servers",
    ),
    pytest.param(
        {"worker": 2, "ps": 1, "chief": 1},
        ("chief", 0),
        '{"cluster":{"worker":{},"ps":[' + P0 + '],"chief":[' + C0 + "]},"
        '"task":{"type":"chief","index":0}}',
        id="a-chief-is-in-its-own-cluster",
    ),
]


@pytest.mark.parametrize(("counts", "task", "expected"), SPARSE)
def test_the_sparse_form_to_the_byte(counts, task, expected):
    assert tf_config(hosts(**counts), *task, sparse=True) == expected


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("role", ["worker", "chief"])
def test_a_replica_that_is_alone_is_told_nothing(role, sparse):
    assert tf_config(hosts(**{role: 1}), role, 0, sparse=sparse) is None
    assert tf_config({**hosts(**{role: 1}), "ps": []}, role, 0, sparse=sparse) is None


@pytest.mark.parametrize("role", ["chief", "worker", "ps", "evaluator"])
def test_a_framework_may_have_the_evaluator_listed_everywhere(role):
    everybody = hosts(chief=1, worker=1, ps=1, evaluator=1)
    found = json.loads(tf_config(everybody, role, 0, evaluator_in_cluster=True))
    assert found["cluster"] == everybody


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("role", ["chief", "worker", "ps", "evaluator"])
def test_a_task_is_always_in_its_own_cluster(role, sparse):
    """tf.distribute (multi_worker_util) refuses any other."""
    everybody = hosts(chief=1, worker=2, ps=2, evaluator=1)
    for index, own in enumerate(everybody[role]):
        found = json.loads(tf_config(everybody, role, index, sparse=sparse))
        members = found["cluster"][role]
        assert own in (members.values() if isinstance(members, dict) else members)
        assert found["task"] == {"type": role, "index": index}
        assert type(found["task"]["index"]) is int
