import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllers.jobs.metrics import MAX_NAME_LENGTH, MAX_NAMES, Metric, parse


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("accuracy=0.97", "0.97"),
        ("accuracy=1", "1"),
        ("accuracy=1.0", "1"),
        ("accuracy=-3e-05", "-3e-05"),
        ("accuracy=.5", "0.5"),
        ("  accuracy=0.5  ", "0.5"),
        ("accuracy=nan", "NaN"),
        ("accuracy=NaN", "NaN"),
        ("accuracy=-inf", "-inf"),
        ("accuracy=1e999", "inf"),
        ('{"accuracy": 0.97}', "0.97"),
        ('{"accuracy": NaN}', "NaN"),
        ('{"accuracy": "nan"}', "NaN"),
        ('{"accuracy": 0.97, "model": "svc", "layers": [1], "ok": true}', "0.97"),
    ],
)
def test_a_metric_line_gives_its_value_as_a_string(line, value):
    assert parse(line)["accuracy"].value == value


@pytest.mark.parametrize(
    "line",
    [
        "",
        "accuracy = 0.97",
        "the accuracy=0.97 is good",
        "level=info accuracy=0.97",
        "accuracy=0_9",
        "accuracy=0x1p3",
        "accuracy=",
        "=1",
        "9lives=1",
        "{not json",
        '["accuracy", 1]',
        '{"accuracy": true}',
        '{"accuracy": "0.9"}',
        "{" * 5000,
        '{"a":' * 1500,
        "step=3",
        f"{'x' * (MAX_NAME_LENGTH + 1)}=1",
    ],
)
def test_a_line_that_is_not_wholly_metrics_is_not_read(line):
    assert parse(line) == {}


def test_min_max_last_and_step_are_kept_per_name():
    output = "step=1 loss=0.9 accuracy=0.5\nstep=2 loss=0.3 accuracy=0.8\nstep=3 loss=0.4\n"
    assert parse(output) == {
        "loss": Metric(value="0.4", min="0.3", max="0.9", step="3"),
        "accuracy": Metric(value="0.8", min="0.5", max="0.8", step="2"),
    }


def test_nan_is_the_last_value_but_no_bound_while_there_are_numbers():
    assert parse("loss=nan\nloss=2\nloss=1\nloss=nan")["loss"] == Metric(
        value="NaN", min="1", max="2"
    )


def test_lines_rewritten_by_a_progress_display_are_read():
    assert parse("loss=2\rloss=1\r\n")["loss"].value == "1"


def test_names_beyond_the_cap_are_dropped_and_the_first_ones_stay():
    found = parse("\n".join(f"m{i}={i}" for i in range(MAX_NAMES + 10)) + "\nm0=7")
    assert len(found) == MAX_NAMES
    assert found["m0"].value == "7"


def test_a_number_too_large_for_a_float_is_infinite():
    assert parse('{"big": 1' + "0" * 400 + "}")["big"].value == "inf"


@given(st.text())
def test_any_text_is_read_without_an_error(text):
    parse(text)


@given(st.lists(st.floats(), min_size=1))
def test_every_value_reads_back_as_the_number_printed(numbers):
    metric = parse("\n".join(f"m={number!r}" for number in numbers))["m"]
    assert float(metric.value) == numbers[-1] or metric.value == "NaN"
    assert not float(metric.min) > float(metric.max)
