"""Which replica of a TensorFlowJob decides, and which is replaced alone."""

import pytest

from apis.v1alpha1.tensorflowjob import (
    TensorFlowJob,
    TensorFlowJobSpec,
    TensorFlowRole,
    TensorFlowRoles,
)
from controllers.tensorflow.roles import roles
from mlctl_core.objects.metadata import Metadata


def job(policy="ChiefOrWorker0", **found):
    made = {name: TensorFlowRole(**fields) for name, fields in found.items()}
    spec = TensorFlowJobSpec(
        framework="tensorflow",
        size="small",
        entrypoint="train.py",
        roles=TensorFlowRoles(**made) if made else None,
        success_policy=policy,
    )
    return TensorFlowJob(metadata=Metadata(name="mnist"), spec=spec)


ONE, TWO = {"replicas": 1}, {"replicas": 2}


def test_without_roles_a_job_is_one_worker():
    [role] = roles(job())
    assert (role.name, role.replicas, role.size, role.size_field) == (
        "worker",
        1,
        "small",
        "spec.size",
    )


def test_the_role_that_leads_comes_first_and_empty_ones_are_left_out():
    everything = job(evaluator=ONE, ps=TWO, worker=TWO, chief=ONE)
    assert [r.name for r in roles(everything)] == ["chief", "worker", "ps", "evaluator"]
    assert [r.name for r in roles(job(worker=TWO, ps={"replicas": 0}))] == ["worker"]


def test_a_role_has_the_size_and_the_restart_policy_that_it_asks_for():
    worker, ps = roles(job(worker={"size": "gpu", "restart_policy": "ExitCode"}, ps=ONE))
    assert (worker.size, worker.size_field) == ("gpu", "spec.roles.worker.size")
    assert (worker.restart_policy, ps.restart_policy) == ("ExitCode", "OnFailure")
    assert (ps.size, ps.size_field) == ("small", "spec.size")


@pytest.mark.parametrize(
    ("found", "policy", "decisive"),
    [
        ({}, "ChiefOrWorker0", {"worker-0"}),
        ({"worker": TWO}, "ChiefOrWorker0", {"worker-0"}),
        ({"worker": TWO}, "AllWorkers", {"worker-0", "worker-1"}),
        ({"chief": ONE, "worker": TWO}, "ChiefOrWorker0", {"chief-0"}),
        ({"chief": ONE, "worker": TWO}, "AllWorkers", {"chief-0", "worker-0", "worker-1"}),
        ({"chief": ONE}, "AllWorkers", {"chief-0"}),
        ({"worker": ONE, "ps": TWO, "evaluator": ONE}, "AllWorkers", {"worker-0"}),
        ({"chief": ONE, "ps": TWO, "evaluator": ONE}, "ChiefOrWorker0", {"chief-0"}),
    ],
)
def test_whose_success_is_the_jobs(found, policy, decisive):
    assert decisive == {
        f"{role.name}-{index}"
        for role in roles(job(policy, **found))
        for index in range(role.replicas)
        if role.is_decisive(index)
    }


@pytest.mark.parametrize(
    ("found", "alone"),
    [
        ({"worker": TWO}, set()),
        ({"chief": ONE, "worker": TWO}, set()),
        ({"worker": TWO, "evaluator": ONE}, {"evaluator"}),
        ({"worker": TWO, "ps": ONE}, {"worker", "ps"}),
        ({"chief": ONE, "worker": TWO, "ps": ONE}, {"chief", "worker", "ps"}),
    ],
)
def test_a_collective_starts_anew_and_what_parameter_servers_serve_is_replaced_alone(found, alone):
    assert alone == {role.name for role in roles(job(**found)) if role.restarts_alone(0)}
