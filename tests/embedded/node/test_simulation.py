from __future__ import annotations

import pytest

from mlctl_core.embedded.node.simulation import Script, parse_duration, parse_script


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5s", 5), ("0", 0), ("1.5", 1.5), ("1m30s", 90), ("500ms", 0.5), ("1h", 3600), (".5s", 0.5)],
)
def test_durations_are_gos_or_plain_seconds(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "5 s", "5x", "-1s", "s", "5s!"])
def test_other_durations_are_refused(text):
    with pytest.raises(ValueError, match="no duration"):
        parse_duration(text)


def test_without_annotations_a_pod_runs_until_it_is_stopped():
    assert parse_script({}) == Script(run_for=None, exit_code=0, start_after=0, log=None)


def test_annotations_say_what_happens():
    assert parse_script(
        {
            "sim.mlctl.dev/run-for": "5s",
            "sim.mlctl.dev/exit-code": "3",
            "sim.mlctl.dev/start-after": "2",
            "sim.mlctl.dev/log": "loss=1",
            "other": "x",
        }
    ) == Script(run_for=5, exit_code=3, start_after=2, log="loss=1")


@pytest.mark.parametrize(("name", "value"), [("run-for", "x"), ("exit-code", "256")])
def test_an_annotation_that_makes_no_sense_is_named(name, value):
    with pytest.raises(ValueError, match=f"annotation sim.mlctl.dev/{name}"):
        parse_script({f"sim.mlctl.dev/{name}": value})
