"""Of two fields that exclude each other one may be set, and who sets both is told of it."""

from __future__ import annotations

from itertools import combinations

import pytest
from complete_objects import COMPLETE, SOURCES, VARIABLES

from apis.v1alpha1.jvmjob import JVMJob
from apis.v1alpha1.pythonjob import PythonJob
from apis.v1alpha1.sparkjob import SparkJob
from apis.v1alpha1.tensorflowjob import TensorFlowJob

JOBS = (PythonJob, TensorFlowJob, SparkJob, JVMJob)


def without(obj, *names):
    spec = {name: value for name, value in obj["spec"].items() if name not in names}
    return {**obj, "spec": spec}


@pytest.mark.parametrize("cls", JOBS)
@pytest.mark.parametrize(
    "given",
    [(), *combinations(SOURCES, 2), tuple(SOURCES)],
    ids=lambda given: " and ".join(given) or "none",
)
def test_code_comes_from_one_place(refusals, cls, given):
    source = {name: SOURCES[name] for name in given}
    found = refusals(cls, without(COMPLETE[cls][0], "source"), {"spec": {"source": source}})
    wanted = "spec.source: Invalid value: "
    assert any(error.startswith(wanted) and "exactly one of" in error for error in found), found


@pytest.mark.parametrize("cls", JOBS)
@pytest.mark.parametrize(
    "given",
    [(), *combinations(VARIABLES, 2), tuple(VARIABLES)],
    ids=lambda given: " and ".join(given) or "none",
)
def test_a_variable_has_one_value(refusals, cls, given):
    variable = {"name": "A", **{name: VARIABLES[name] for name in given}}
    found = refusals(cls, COMPLETE[cls][0], {"spec": {"env": [variable]}})
    wanted = "spec.env[0]: Invalid value: "
    assert any(error.startswith(wanted) and "exactly one of" in error for error in found), found


@pytest.mark.parametrize("replicas", [0, 4])
def test_replicas_are_within_what_elastic_says(refusals, replicas):
    found = refusals(PythonJob, COMPLETE[PythonJob][0], {"spec": {"replicas": replicas}})
    assert any(error.startswith("spec.replicas: ") for error in found), found


def test_replicas_that_are_not_given_are_one_and_elastic_must_allow_that(refusals):
    job = without(COMPLETE[PythonJob][0], "replicas")
    assert refusals(PythonJob, job, {}) == []
    [found] = refusals(PythonJob, job, {"spec": {"elastic": {"min": 2}}})
    assert found.startswith("spec.replicas: ")
    assert "set it to a number from elastic.min to elastic.max" in found


@pytest.mark.parametrize("cls", [JVMJob, SparkJob])
def test_a_class_of_a_jar_needs_the_jar(refusals, cls):
    found = refusals(cls, COMPLETE[cls][0], {"spec": {"mainClass": "org.example.Main"}})
    assert any(error.startswith("spec.mainClass: ") for error in found), found
