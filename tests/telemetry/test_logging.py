from __future__ import annotations

import io
import json
import logging

import pytest
import structlog
from structlog.contextvars import bound_contextvars

from mlctl_core.telemetry import log
from mlctl_core.telemetry.log import MASK
from mlctl_core.testing.clock import VirtualClock

pytestmark = pytest.mark.usefixtures("logging_restored")


def configured(log_format="json", level="debug"):
    stream = io.StringIO()
    log.configure(log_format, level, stream=stream, clock=VirtualClock())
    return stream


def fail(error):
    raise error


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_time_level_and_event_first():
    stream = configured()
    structlog.get_logger().info("wrote", writes=["Pod a/b"], count=1)
    (line,) = stream.getvalue().splitlines()
    assert list(json.loads(line).items())[:3] == [
        ("time", "2026-01-01T00:00:00.000000Z"),
        ("level", "info"),
        ("event", "wrote"),
    ]
    assert json.loads(line)["writes"] == ["Pod a/b"]


def test_what_is_bound_to_the_context_is_in_every_line():
    stream = configured()
    with bound_contextvars(controller="c", key="ns/n", reconcile_id="1"):
        structlog.get_logger().info("a")
        logging.getLogger("library").warning("b")
    assert [(m["event"], m["reconcile_id"]) for m in lines(stream)] == [("a", "1"), ("b", "1")]


def test_libraries_come_out_in_the_same_shape():
    stream = configured()
    try:
        fail(OSError("no route"))
    except OSError:
        logging.getLogger("aiohttp.client").exception("failed for %s", "host")
    (line,) = lines(stream)
    assert (line["event"], line["logger"], line["level"]) == (
        "failed for host",
        "aiohttp.client",
        "error",
    )
    assert "OSError: no route" in line["exception"]


def test_libraries_are_heard_from_warning_up():
    stream = configured(level="info")
    logging.getLogger("library").info("chatter")
    logging.getLogger("library").warning("trouble")
    assert [line["event"] for line in lines(stream)] == ["trouble"]


def test_the_level_is_kept_to():
    stream = configured(level="warning")
    structlog.get_logger().info("a")
    structlog.get_logger().warning("b")
    assert [line["event"] for line in lines(stream)] == ["b"]


def test_a_later_configuration_replaces_the_earlier_one():
    first, second = configured(), configured()
    logging.getLogger("library").warning("once")
    assert first.getvalue() == ""
    assert len(lines(second)) == 1


NASTY = "a\n2026-01-01 error fake\r\x1b[31mred\x9b2J\u2028next"


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_value_can_end_its_line_or_steer_a_terminal(log_format):
    stream = configured(log_format)
    structlog.get_logger().info(NASTY, label=NASTY, **{"odd\nname": 1})
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert not set(text) & set("\r\x1b\x9b\u2028")


def test_a_traceback_on_the_console_cannot_pass_for_a_line():
    stream = configured("console")
    try:
        fail(ValueError("x\n2026-01-01T00:00:00Z info    all is well"))
    except ValueError:
        structlog.get_logger().exception("planner raised")
    first, *rest = stream.getvalue().splitlines()
    assert "planner raised" in first
    assert rest
    assert all(line.startswith("    | ") for line in rest)


def test_console_lines_read_as_words():
    stream = configured("console")
    structlog.get_logger().warning("wait", key="ns/n", why="no more room", seconds=1.5, kinds=["a"])
    assert stream.getvalue() == (
        "2026-01-01T00:00:00.000000Z warning wait key=ns/n "
        'why="no more room" seconds=1.5 kinds=["a"]\n'
    )


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer CANARY-abcdef.ghi",
        "401 for Basic CANARYdXNlcg==",
        "GET https://user:CANARY@host/path failed",
        "password=CANARY and more",
        "AWS_SECRET_ACCESS_KEY: CANARY",
        "api_key = CANARY",
        "-----BEGIN RSA PRIVATE KEY-----\nCANARY\n-----END RSA PRIVATE KEY-----",
    ],
)
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_what_looks_like_a_credential_is_masked(text, log_format):
    stream = configured(log_format)
    structlog.get_logger().info(text, error=text, nested={"deep": [text]})
    try:
        fail(RuntimeError(text))
    except RuntimeError:
        structlog.get_logger().exception("failed")
    assert "CANARY" not in stream.getvalue()
    assert MASK in stream.getvalue()


@pytest.mark.parametrize("name", ["token", "password", "client_secret", "Authorization"])
def test_a_field_named_like_a_credential_is_masked_whatever_it_holds(name):
    stream = configured()
    structlog.get_logger().info("x", **{name: "CANARY"}, nested={name: "CANARY"})
    assert "CANARY" not in stream.getvalue()


def test_ordinary_values_are_left_alone():
    stream = configured()
    structlog.get_logger().info("x", continue_token="abc", key="ns/secret-santa", url="https://h/p")
    (line,) = lines(stream)
    assert line["continue_token"] == "abc"
    assert line["key"] == "ns/secret-santa"
    assert line["url"] == "https://h/p"


def test_an_object_that_is_no_json_is_written_as_text():
    stream = configured()
    structlog.get_logger().info("x", error=ValueError("why"), items=(1, None))
    (line,) = lines(stream)
    assert line["error"] == "why"
    assert line["items"] == [1, None]
