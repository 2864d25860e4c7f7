"""`mlctl get`: what there is, and how it fares."""

from __future__ import annotations

import json

import pytest
import yaml

RUNNING = {"phase": "Running", "reason": "Started", "message": "Runs on node a.", "restarts": 2}


@pytest.fixture
def job(namespace):
    return namespace.job("digits", RUNNING)


@pytest.mark.usefixtures("job")
@pytest.mark.parametrize("words", [(), ("pyjob",), ("pythonjobs",), ("PythonJob",)])
def test_what_runs_is_shown_with_its_phase_and_the_reason(mlctl, words):
    header, row = mlctl("get", *words).table
    assert header == ["NAME", "PHASE", "SIZE", "RESTARTS", "AGE", "REASON"]
    name, phase, size, restarts, age, reason = row
    assert (name, phase, size, restarts) == ("pythonjob/digits", "Running", "small", "2")
    assert reason == "Started"
    assert age.endswith("s")


@pytest.mark.usefixtures("job")
def test_wide_adds_the_message(mlctl):
    header, row = mlctl("get", "pyjob/digits", "-o", "wide").table
    assert (header[-1], row[-1]) == ("MESSAGE", "Runs on node a.")


@pytest.mark.usefixtures("job")
def test_all_namespaces_says_which(anywhere, namespace):
    rows = anywhere("get", "-A").table
    assert rows[0][0] == "NAMESPACE"
    assert [namespace.name, "pythonjob/digits", "Running"] in [row[:3] for row in rows]


@pytest.mark.usefixtures("job")
@pytest.mark.parametrize(("form", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_an_object_can_be_had_whole_without_who_wrote_its_fields(mlctl, form, read):
    found = read(mlctl("get", "pyjob/digits", "-o", form).out)
    assert (found["apiVersion"], found["kind"]) == ("mlctl.dev/v1alpha1", "PythonJob")
    assert found["status"].items() >= RUNNING.items()
    assert "managedFields" not in found["metadata"]


@pytest.mark.usefixtures("job")
def test_several_objects_are_a_list_that_kubectl_takes(mlctl):
    found = yaml.safe_load(mlctl("get", "-o", "yaml").out)
    assert (found["apiVersion"], found["kind"]) == ("v1", "List")
    assert [(o["kind"], o["metadata"]["name"]) for o in found["items"]] == [("PythonJob", "digits")]


@pytest.mark.usefixtures("job")
def test_yaml_shows_code_as_it_was_written(mlctl):
    assert "train.py: |\n" in mlctl("get", "-o", "yaml", "pyjob/digits").out


def test_a_namespace_without_jobs_is_no_error(mlctl, namespace):
    answer = mlctl("get")
    assert (answer.code, answer.out) == (0, f"nothing found in namespace {namespace.name}\n")


def test_a_namespace_that_is_not_there_is_an_error(anywhere):
    answer = anywhere("get", "-n", "nowhere")
    assert (answer.code, answer.err) == (1, "mlctl: there is no namespace nowhere\n")


def test_the_catalogue_is_shown_in_the_columns_of_its_definition(mlctl):
    rows = mlctl("get", "sz").table
    assert rows[0] == ["NAME", "CPU", "MEMORY", "GPUS", "GPU RESOURCE", "AGE"]
    assert [row[:3] for row in rows[1:]] == [["large", "2", "1Gi"], ["small", "100m", "64Mi"]]


def test_one_entry_of_the_catalogue_is_shown_alone(mlctl):
    [_, row] = mlctl("get", "sz/small").table
    assert row[0] == "small"


def test_wide_shows_what_a_definition_holds_back(mlctl):
    assert "CPU IMAGE" not in mlctl("get", "fw").lines[0]
    assert "CPU IMAGE" in mlctl("get", "fw", "-o", "wide").lines[0]


def test_an_unknown_kind_names_those_that_are_there(mlctl):
    answer = mlctl("get", "nodes")
    assert answer.code == 1
    told, _, known = answer.err.rstrip("\n").partition(" has ")
    assert told == "mlctl: unknown kind 'nodes'; the cluster"
    assert {"fw", "pyjob", "sz"} <= set(known.split(", "))


def test_an_object_that_is_not_there_names_the_place(mlctl, namespace):
    answer = mlctl("get", "pyjob/digits")
    assert answer.code == 1
    assert answer.err == f"mlctl: there is no pyjob/digits in namespace {namespace.name}\n"
