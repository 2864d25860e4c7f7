"""`mlctl suspend` and `mlctl resume`."""

from __future__ import annotations

import pytest


def test_a_job_is_suspended_and_resumed_by_its_spec(mlctl, namespace):
    namespace.job("digits", {"phase": "Running"})

    assert mlctl("suspend", "digits").out == "pythonjob/digits suspended\n"
    assert namespace.read("digits")["spec"]["suspend"] is True

    assert mlctl("resume", "pyjob/digits").out == "pythonjob/digits resumed\n"
    assert namespace.read("digits")["spec"]["suspend"] is False


def test_the_field_is_recorded_as_set_by_the_command(mlctl, namespace):
    namespace.job("digits")
    mlctl("suspend", "digits")
    managers = [entry["manager"] for entry in namespace.read("digits")["metadata"]["managedFields"]]
    assert "mlctl-cli" in managers


@pytest.mark.parametrize("command", ["suspend", "resume"])
@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_job_that_has_ended_is_left_alone(mlctl, namespace, command, phase):
    before = namespace.job("digits", {"phase": phase})
    answer = mlctl(command, "digits")
    assert answer.code == 1
    assert answer.err == (
        f"mlctl: pythonjob/digits has ended ({phase}): there is nothing to {command}\n"
    )
    now = namespace.read("digits")
    assert now["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


def test_the_catalogue_cannot_be_suspended(mlctl):
    answer = mlctl("suspend", "fw/python")
    assert answer.code == 2
    assert answer.err == "mlctl: framework/python is part of the catalogue, it does not run\n"
