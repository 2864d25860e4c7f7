from __future__ import annotations

import pytest

from mlctl_core.cache import recovery
from mlctl_core.cache.recovery import Decision, Pause, Situation, decide, reason
from mlctl_core.client.errors import (
    ConnectionFailedError,
    LeaseLostError,
    MalformedResponseError,
    RequestTimeoutError,
    api_error,
)

TOO_LARGE = api_error(504, b'{"kind":"Status","message":"Too large resource version: 10"}')
CUT, SILENT, GARBLED = ConnectionFailedError(), RequestTimeoutError(), MalformedResponseError()
ODD = LeaseLostError()

WAIT = Decision(pause=Pause.GROWING)
AT_ONCE = Decision()
LATER = Decision(pause=Pause.UNKNOWN_KIND)
LIST = Decision(relist=True)
LIST_AFRESH = Decision(relist=True, forget_version=True)
LIST_AFTER_A_WAIT = Decision(relist=True, pause=Pause.GROWING)
WITHOUT_STREAMING = Decision(stop_streaming=True)


def http(status):
    return api_error(status, b"")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (http(410), LIST),
        (TOO_LARGE, LIST_AFRESH),
        (GARBLED, LIST_AFTER_A_WAIT),
        (CUT, WAIT),
        (SILENT, WAIT),
        (ODD, WAIT),
        (http(404), LATER),
        *((http(status), WAIT) for status in (400, 401, 403, 429, 500, 503, 504)),
    ],
)
def test_after_a_watch(error, expected):
    assert decide(error, Situation(watching=True)) == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (CUT, AT_ONCE),
        (SILENT, AT_ONCE),
        (http(410), LIST),
        (GARBLED, LIST_AFTER_A_WAIT),
        (http(429), WAIT),
        (http(500), WAIT),
    ],
)
def test_after_a_watch_that_had_brought_something(error, expected):
    assert decide(error, Situation(watching=True, heard=True)) == expected


@pytest.mark.parametrize("error", [http(410), TOO_LARGE])
def test_a_second_watch_in_a_row_that_expires_is_waited_for(error):
    decision = decide(error, Situation(watching=True, expired=True))
    assert decision.relist
    assert decision.pause is Pause.GROWING


@pytest.mark.parametrize("streams", [True, False])
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (http(410), LIST_AFRESH),
        (TOO_LARGE, LIST_AFRESH),
        (GARBLED, LIST_AFTER_A_WAIT),
        (CUT, WAIT),
        (SILENT, WAIT),
        (http(404), LATER),
        *((http(status), WAIT) for status in (401, 429, 503)),
    ],
)
def test_after_a_list(error, expected, streams):
    assert decide(error, Situation(watching=False, streams_lists=streams)) == expected


@pytest.mark.parametrize("error", [http(410), TOO_LARGE])
def test_a_list_of_what_is_there_now_that_expires_is_an_ordinary_failure(error):
    assert decide(error, Situation(watching=False, at_version=False)) == WAIT


@pytest.mark.parametrize("status", [400, 403, 405, 422, 500])
def test_a_list_that_was_not_to_be_streamed_is_asked_for_otherwise_once(status):
    assert decide(http(status), Situation(watching=False)) == WITHOUT_STREAMING
    assert decide(http(status), Situation(watching=False, streams_lists=False)) == WAIT


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (SILENT, recovery.SILENT),
        (CUT, recovery.CONNECTION),
        (GARBLED, recovery.MALFORMED),
        (http(429), recovery.THROTTLED),
        (http(410), recovery.EXPIRED),
        (TOO_LARGE, recovery.EXPIRED),
        (http(504), recovery.REFUSED),
        (http(403), recovery.REFUSED),
    ],
)
def test_what_a_failure_is_called_in_the_metrics(error, expected):
    assert reason(error) == expected
