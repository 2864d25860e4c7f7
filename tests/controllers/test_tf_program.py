"""What a replica of a TensorFlowJob runs."""

import json

import pytest
from replicas import METADATA, material, replica, variables

from apis.v1alpha1.framework import TensorFlowOptions
from apis.v1alpha1.tensorflowjob import (
    TensorFlowJob,
    TensorFlowJobSpec,
    TensorFlowRole,
    TensorFlowRoles,
)
from controllers.tensorflowjob import TENSORFLOW_JOB


def program(role="worker", index=0, *, options=None, cluster_domain="", **roles):
    found = {name: TensorFlowRole(replicas=count) for name, count in roles.items()}
    spec = TensorFlowJobSpec(
        framework="framework",
        size="small",
        entrypoint="train.py",
        args=("--epochs", "3"),
        roles=TensorFlowRoles(**found) if found else None,
    )
    job = TensorFlowJob(metadata=METADATA, spec=spec)
    made_of = material("TensorFlow", tensorflow=options)
    one = replica(job, TENSORFLOW_JOB, made_of, role, index, cluster_domain=cluster_domain)
    return TENSORFLOW_JOB.program(one)


def config(*args, **fields):
    return json.loads(variables(program(*args, **fields))["TF_CONFIG"])


def test_one_worker_runs_the_entrypoint_and_is_told_of_no_cluster():
    found = program()
    assert "TF_CONFIG" not in variables(found)
    assert found.command == ("python", "-u", "/mlctl/code/train.py", "--epochs", "3")
    assert found.ports == (("tensorflow", 2222),)


def test_replicas_know_each_other_by_the_names_of_the_jobs_service():
    text = variables(program("worker", 1, worker=2, ps=1))["TF_CONFIG"]
    assert text == (
        '{"cluster":{"ps":["tfjob-mnist-ps-0.tfjob-mnist.team-a.svc:2222"],'
        '"worker":["tfjob-mnist-worker-0.tfjob-mnist.team-a.svc:2222",'
        '"tfjob-mnist-worker-1.tfjob-mnist.team-a.svc:2222"]},'
        '"task":{"type":"worker","index":1},"environment":"cloud"}'
    )


def test_the_clusters_domain_completes_the_names():
    found = config(worker=2, cluster_domain="cluster.local")
    assert found["cluster"]["worker"][1] == (
        "tfjob-mnist-worker-1.tfjob-mnist.team-a.svc.cluster.local:2222"
    )


@pytest.mark.parametrize(
    ("options", "listed"),
    [
        (None, False),
        (TensorFlowOptions(), False),
        (TensorFlowOptions(evaluator_in_cluster=True), True),
    ],
)
def test_the_framework_says_whether_all_see_the_evaluator(options, listed):
    found = config("chief", chief=1, worker=1, evaluator=1, options=options)
    assert ("evaluator" in found["cluster"]) is listed


def test_the_framework_says_whether_workers_see_each_other():
    options = TensorFlowOptions(sparse_cluster_spec=True)
    found = config("worker", 1, worker=2, ps=1, options=options)
    assert list(found["cluster"]["worker"]) == ["1"]
    assert "environment" not in found
