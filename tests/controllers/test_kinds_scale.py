"""Replicas from one to three to one while a job runs, where its protocol allows that."""

import json

import pytest
from kind_world import KindWorld

ONE, THREE = {"worker": {}, "ps": {}}, {"worker": {"replicas": 3}, "ps": {}}
ELASTIC = {"elastic": {"min": 1, "max": 3}}
SCALED = {
    "elastic PythonJob": (
        "PythonJob on two pods",
        {"replicas": 1, **ELASTIC},
        {"replicas": 3},
        {"replicas": 1},
    ),
    "TensorFlowJob with parameter servers": (
        "TensorFlowJob",
        {"roles": ONE},
        {"roles": THREE},
        {"roles": ONE},
    ),
}


def uids(world):
    return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in world.pods()}


def main_env(pod):
    [main] = pod["spec"]["containers"]
    return {variable["name"]: variable.get("value") for variable in main["env"]}


@pytest.mark.parametrize(("sample", "spec", "more", "fewer"), SCALED.values(), ids=SCALED)
def test_from_one_to_three_to_one_nothing_is_lost_or_left(sample, spec, more, fewer):
    world = KindWorld(sample, **spec).run_all()
    before = uids(world)
    assert world.tries(**more) == []
    world.settle()
    world.run_all()
    grown = uids(world)
    assert len(grown) == len(before) + 2
    assert before.items() <= grown.items()
    assert world.truths()["PodsReady"] == "True"
    assert world.tries(**fewer) == []
    world.settle()
    world.tidy()
    assert uids(world) == before
    status = world.status
    assert (status.phase, status.restarts, status.infra_restarts) == ("Running", 0, 0)
    assert status.replica_statuses["worker"].desired == 1
    world.pass_time(60)
    plan = world.settle()
    assert not plan.patch
    assert not plan.delete
    world.end_all()
    world.settle()
    assert world.status.phase == "Succeeded"


def test_workers_that_join_are_told_of_all_and_those_that_run_stay_as_they_are():
    world = KindWorld("TensorFlowJob", roles=ONE).run_all()
    assert world.tries(roles=THREE) == []
    world.settle()
    clusters = {
        pod["metadata"]["name"]: json.loads(main_env(pod)["TF_CONFIG"])["cluster"]["worker"]
        for pod in world.pods()
    }
    assert len(clusters["tfjob-mnist-worker-0"]) == 1
    assert len(clusters["tfjob-mnist-worker-2"]) == 3


def test_replicas_that_join_an_elastic_job_meet_the_others_by_the_same_words():
    world = KindWorld("PythonJob on two pods", replicas=1, **ELASTIC).run_all()
    assert world.tries(replicas=3) == []
    world.settle()
    said = [main_env(pod) for pod in world.pods()]
    for name in ("PET_NNODES", "PET_RDZV_ENDPOINT", "PET_RDZV_ID"):
        assert len({env[name] for env in said}) == 1


FIXED = {
    "collective PythonJob": ("PythonJob on two pods", "replicas", {"replicas": 3}),
    "collective TensorFlowJob": (
        "TensorFlowJob",
        "roles",
        {"roles": {"chief": {}, "worker": {"replicas": 3}}},
    ),
    "SparkJob": ("SparkJob", "executor", {"executor": {"instances": 3}}),
}


@pytest.mark.parametrize(("sample", "field", "more"), FIXED.values(), ids=FIXED)
def test_elsewhere_a_job_that_runs_is_held_first_and_comes_back_as_it_was(sample, field, more):
    own = {"roles": {"chief": {}, "worker": {"replicas": 2}}} if field == "roles" else {}
    world = KindWorld(sample, **own).run_all()
    before, names = world.job.spec, world.names()
    [said] = world.tries(**more)
    assert said.startswith(f"spec.{field}")
    assert "suspend it first" in said
    for change in (more, {field: own.get(field, world.sample.get(field))}):
        assert world.tries(suspend=True) == []
        world.settle()
        world.tidy()
        assert world.tries(suspend=False, **change) == []
        world.settle()
        world.run_all()
    assert (world.job.spec, world.names()) == (before, names)
    assert world.status.restarts == world.status.infra_restarts == 0
