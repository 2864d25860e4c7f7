from __future__ import annotations

import pytest

from apis.v1alpha1.tensorflowjob import TensorFlowJob

JOB = {
    "apiVersion": "mlctl.dev/v1alpha1",
    "kind": "TensorFlowJob",
    "metadata": {"name": "mnist", "namespace": "default"},
    "spec": {
        "framework": "tensorflow-2.17",
        "size": "small",
        "entrypoint": "train.py",
        "source": {"inline": {"train.py": "print('accuracy=1')"}},
    },
}


def spec(**fields):
    return {"spec": fields}


def roles(**found):
    return spec(roles=found)


ONE = {"replicas": 1}
ACCEPTED = {
    "the shortest job": {},
    "workers": roles(worker={"replicas": 256}),
    "a role with nothing said": roles(worker={}),
    "a chief alone": roles(chief={}),
    "every role": roles(chief=ONE, worker={"replicas": 3}, ps={"replicas": 2}, evaluator=ONE),
    "a chief with parameter servers": roles(chief=ONE, ps=ONE),
    "roles of sizes of their own": roles(worker={"size": "gpu-large"}, ps={"size": "small"}),
    "restart policies": roles(
        chief={"restartPolicy": "Never"},
        worker={"restartPolicy": "ExitCode"},
        ps={"restartPolicy": "OnFailure"},
    ),
    "success of all": spec(successPolicy="AllWorkers"),
}
REFUSED = {
    "two chiefs": (roles(chief={"replicas": 2}), "spec.roles.chief.replicas", "make the others"),
    "two evaluators": (
        roles(worker=ONE, evaluator={"replicas": 2}),
        "spec.roles.evaluator.replicas",
        "at most one evaluator: set replicas to 1",
    ),
    "no worker": (
        roles(worker={"replicas": 0}),
        "spec.roles.worker.replicas",
        "set replicas to 1 or more, or remove the role",
    ),
    "fewer than none": (
        roles(worker={"replicas": -1}),
        "spec.roles.worker.replicas",
        "greater than or equal to 0",
    ),
    "more workers than TF_CONFIG can name": (
        roles(worker={"replicas": 257}),
        "spec.roles.worker.replicas",
        "less than or equal to 256",
    ),
    "no role": (roles(), "spec.roles", "add worker, or remove roles"),
    "an unknown role": (roles(worker=ONE, master=ONE), "spec.roles.master", "unknown field"),
    "parameter servers alone": (roles(ps=ONE), "spec.roles.ps", "add the role worker or chief"),
    "an evaluator alone": (
        roles(evaluator=ONE),
        "spec.roles.evaluator",
        "add the role worker or chief",
    ),
    "an evaluator of parameter servers": (
        roles(evaluator=ONE, ps=ONE),
        "spec.roles.evaluator",
        "add the role worker or chief",
    ),
    "replicas that are no number": (
        roles(worker={"replicas": "two"}),
        "spec.roles.worker.replicas",
        "must be of type integer",
    ),
    "a size that is no name": (roles(worker={"size": "A!"}), "spec.roles.worker.size", "match"),
    "an unknown restart policy": (
        roles(worker={"restartPolicy": "Always"}),
        "spec.roles.worker.restartPolicy",
        'supported values: "Never", "OnFailure", "ExitCode"',
    ),
    "an unknown success policy": (
        spec(successPolicy="Any"),
        "spec.successPolicy",
        'supported values: "ChiefOrWorker0", "AllWorkers"',
    ),
    "a TF_CONFIG of its own": (
        spec(env=[{"name": "TF_CONFIG", "value": "{}"}]),
        "spec.env",
        "TF_CONFIG: set by the platform: remove the variable",
    ),
    "an entrypoint that is not among the files": (
        spec(entrypoint="tain.py"),
        "spec.entrypoint",
        "the entrypoint is no file of source.inline",
    ),
    "a name of forty-one characters": ({"metadata": {"name": "a" * 41}}, "metadata.name", "40"),
}


@pytest.mark.parametrize("patch", ACCEPTED.values(), ids=ACCEPTED)
def test_a_good_job_is_accepted(refusals, patch):
    assert refusals(TensorFlowJob, JOB, patch) == []


@pytest.mark.parametrize(("patch", "field", "message"), REFUSED.values(), ids=REFUSED)
def test_a_bad_job_is_refused_and_the_field_is_named(refusals, patch, field, message):
    found = refusals(TensorFlowJob, JOB, patch)
    assert any(error.startswith(f"{field}: ") and message in error for error in found), found


def running(**fields):
    return {**JOB, "spec": {**JOB["spec"], **fields}, "status": {"phase": "Running"}}


COLLECTIVE = running(roles={"chief": {}, "worker": {"replicas": 2}})
SERVED = running(roles={"worker": {"replicas": 2}, "ps": {"replicas": 1}})
CHANGES = {
    "workers of a collective": (COLLECTIVE, roles(worker={"replicas": 3}), False),
    "its chief": (COLLECTIVE, roles(chief=None), False),
    "its roles": (COLLECTIVE, spec(roles=None), False),
    "roles of a job without": (running(), roles(worker={"replicas": 2}), False),
    "workers beside parameter servers": (SERVED, roles(worker={"replicas": 5}), True),
    "parameter servers": (SERVED, roles(ps={"replicas": 2}), False),
    "the size of workers beside parameter servers": (SERVED, roles(worker={"size": "x"}), False),
    "a new role": (SERVED, roles(evaluator={}), False),
    "no more parameter servers": (SERVED, roles(ps=None), False),
    "the success policy": (SERVED, spec(successPolicy="AllWorkers"), False),
    "limits": (SERVED, spec(backoffLimit=9), True),
}


@pytest.mark.parametrize(("old", "patch", "accepted"), CHANGES.values(), ids=CHANGES)
def test_what_may_change_while_there_are_pods(refusals, old, patch, accepted):
    found = refusals(TensorFlowJob, old, patch, update=True)
    assert (found == []) is accepted, found
    if not accepted:
        assert "suspend it first, or delete it and apply it again" in found[0]


@pytest.mark.parametrize("patch", [patch for _, patch, _ in CHANGES.values()], ids=CHANGES)
def test_everything_may_change_while_there_are_none(refusals, patch):
    old = {**SERVED, "status": {"phase": "Suspended"}}
    assert refusals(TensorFlowJob, old, patch, update=True) == []
