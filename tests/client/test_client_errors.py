import json

import pytest

from mlctl_core.client import errors
from mlctl_core.client.errors import ApiError, api_error
from mlctl_core.testing.scripted_server import status_body


def body(*args, **more):
    return json.dumps(status_body(*args, **more)).encode()


@pytest.mark.parametrize(
    ("status", "reason", "error"),
    [
        (400, "BadRequest", errors.BadRequestError),
        (401, "Unauthorized", errors.UnauthorizedError),
        (403, "Forbidden", errors.ForbiddenError),
        (404, "NotFound", errors.NotFoundError),
        (409, "AlreadyExists", errors.AlreadyExistsError),
        (409, "Conflict", errors.ConflictError),
        (410, "Gone", errors.GoneError),
        (410, "Expired", errors.GoneError),
        (422, "Invalid", errors.InvalidError),
        (429, "TooManyRequests", errors.TooManyRequestsError),
        (500, "ServerTimeout", errors.ServerTimeoutError),
        (503, "ServiceUnavailable", errors.UnavailableError),
        (504, "Timeout", errors.ServerTimeoutError),
        (500, "InternalError", ApiError),
        (418, "SomethingNew", ApiError),
    ],
)
def test_the_exception_follows_the_reason(status, reason, error):
    assert type(api_error(status, body(status, reason))) is error


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, errors.UnauthorizedError),
        (404, errors.NotFoundError),
        (409, errors.ConflictError),
        (410, errors.GoneError),
        (503, errors.UnavailableError),
        (502, ApiError),
    ],
)
@pytest.mark.parametrize("text", [b"", b"<html>", b'{"kind":"Other"}', b"{", b"\xff\xfe"])
def test_without_a_status_object_it_follows_the_code(status, error, text):
    assert type(api_error(status, text)) is error


def test_a_foreign_answer_is_quoted_short_and_without_control_characters():
    message = api_error(502, b"\x1b[2J\nBad\x00Gateway" + b"x" * 5000).message
    assert message.startswith("[2J Bad Gateway")
    assert len(message) <= 200


def test_an_error_says_status_reason_and_message():
    assert str(api_error(404, body(404, "NotFound", message="no x"))) == "404 NotFound: no x"
    assert str(api_error(404, b"404 page not found")) == "404: 404 page not found"
    assert str(api_error(502, b"")) == "502"


def test_the_code_of_an_error_event_is_its_own():
    assert api_error(0, body(410, "Expired")).status == 410


@pytest.mark.parametrize(
    ("header", "details", "seconds"),
    [
        ("7", None, 7),
        (None, {"retryAfterSeconds": 3}, 3),
        ("7", {"retryAfterSeconds": 3}, 7),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None, None),
        ("-1", None, None),
        (None, {"retryAfterSeconds": 0}, None),
        (None, {"retryAfterSeconds": "3"}, None),
        (None, None, None),
    ],
)
def test_when_to_come_again(header, details, seconds):
    assert api_error(429, body(429, details=details), header).retry_after == seconds


@pytest.mark.parametrize(
    "more",
    [
        {"details": {"causes": [{"reason": "ResourceVersionTooLarge"}]}},
        {"details": {"causes": [{"message": "Too large resource version"}]}},
        {"message": "Timeout: Too large resource version: 9, current: 7"},
    ],
)
def test_a_version_the_server_has_not_seen_is_known_in_all_three_spellings(more):
    assert api_error(504, body(504, "Timeout", **more)).too_large_resource_version


def test_another_timeout_is_not_about_the_version():
    assert not api_error(504, body(504, "Timeout")).too_large_resource_version


@pytest.mark.parametrize("details", [None, {}, {"causes": None}, {"causes": "x"}, {"causes": [1]}])
def test_odd_details_have_no_causes(details):
    assert api_error(422, body(422, "Invalid", details=details)).causes == []
