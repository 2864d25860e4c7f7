"""Log lines: one event with fields, as JSON for machines or as text for a terminal.

Promises that a line is one line whatever its values hold (a newline or an escape sequence in
a user's label arrives escaped), that what looks like a credential is masked, and that the
lines of libraries that use the standard ``logging`` module come out in the same shape, with
the same context. Does not promise to recognise every secret: do not log objects.

Context such as ``controller``, ``key`` and ``reconcile_id`` is bound with
``structlog.contextvars``; loggers are ``structlog.get_logger()``.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from typing import TYPE_CHECKING, Literal, TextIO

import structlog

from mlctl_core.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from structlog.typing import EventDict, WrappedLogger

    from mlctl_core.clock import Clock

LogFormat = Literal["json", "console"]
LEVELS = ("debug", "info", "warning", "error")

MASK = "*****"
# Fields whose value is a credential whatever it looks like.
_SECRET_FIELDS = re.compile(r"(?i)^(authorization|.*(password|secret|token|private_key|api_key))$")
# Fields named like one that hold no credential.
_HARMLESS_FIELDS = frozenset({"continue_token"})
# Credentials inside a text: HTTP authentication, user information of a URL, key=value, and
# the body of a private key.
_SECRET_TEXTS = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {MASK}"),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^/\s:@]+:[^/\s@]+@"), rf"\1{MASK}@"),
    (
        re.compile(r"(?i)\b(\w*(?:password|passwd|secret|token|api_?key)\w*)(\s*[=:]\s*)[^\s,;&]+"),
        rf"\1\2{MASK}",
    ),
    (re.compile(r"(?s)(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(-----END|$)"), rf"\1{MASK}\2"),
)
# Text that would end or restyle a terminal's line: C0, DEL, C1, and the Unicode separators.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# Values that can stand in ``name=value`` without quotes.
_PLAIN = re.compile(r"[^\s\"'=\\]+\Z")


def configure(
    log_format: LogFormat = "json",
    level: str = "info",
    *,
    stream: TextIO | None = None,
    clock: Clock | None = None,
) -> None:
    """Set up logging for the whole process; a later call replaces an earlier one.

    Args:
        log_format: ``json``, one object per line, or ``console``.
        level: One of `LEVELS`; libraries log from warning up unless it is ``debug``.
        stream: Where lines go; default standard error, looked up at each call.
        clock: Gives the ``time`` field (UTC, microseconds).
    """
    threshold = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            _Stamp(clock or SystemClock()),
            structlog.processors.format_exc_info,
            _mask,
            _as_json if log_format == "json" else _as_text,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(stream or sys.stderr),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, _Forward):
            root.removeHandler(handler)
    root.addHandler(_Forward())
    root.setLevel(threshold if threshold <= logging.DEBUG else max(threshold, logging.WARNING))
    # Every request once more, by its own logger, is what metrics are for.
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)


def redact(text: str) -> str:
    """``text`` with what looks like a credential masked."""
    for pattern, replacement in _SECRET_TEXTS:
        text = pattern.sub(replacement, text)
    return text


class _Stamp:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["time"] = self._clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return event


class _Forward(logging.Handler):
    """Passes a standard-library record on as a structlog line."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            structlog.get_logger().log(
                record.levelno,
                record.getMessage(),
                logger=record.name,
                **({"exc_info": record.exc_info} if record.exc_info else {}),
            )
        except Exception:  # noqa: BLE001 - logging must not raise into a library
            self.handleError(record)


def _mask(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {name: _masked(name, value) for name, value in event.items()}


def _masked(name: str, value: object) -> object:
    if _SECRET_FIELDS.match(name) and name not in _HARMLESS_FIELDS:
        return MASK
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {str(k): _masked(str(k), v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_masked("", item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact(str(value))


def _ordered(event: Mapping[str, object]) -> dict[str, object]:
    """When, how bad and what come first; the rest in the order it was bound."""
    first = {name: event[name] for name in ("time", "level", "event") if name in event}
    return first | {name: value for name, value in event.items() if name not in first}


def _as_json(_logger: WrappedLogger, _method: str, event: MutableMapping[str, object]) -> str:
    return json.dumps(_ordered(event))


def _as_text(_logger: WrappedLogger, _method: str, event: MutableMapping[str, object]) -> str:
    fields = _ordered(event)
    time = str(fields.pop("time", ""))
    level = str(fields.pop("level", ""))
    message = _escaped(str(fields.pop("event", "")))
    exception = str(fields.pop("exception", ""))
    words = [time, f"{level:<7}", message]
    words += [f"{_escaped(name)}={_value(value)}" for name, value in fields.items()]
    # A traceback keeps its lines, each marked so that none can pass for a line of the log.
    words_and_trace = [" ".join(words)]
    words_and_trace += [f"    | {_escaped(line)}" for line in exception.splitlines()]
    return "\n".join(words_and_trace)


def _value(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    if isinstance(value, str) and not _PLAIN.match(text):
        text = json.dumps(text, ensure_ascii=False)
    return _escaped(text)


def _escaped(text: str) -> str:
    return _CONTROL.sub(lambda found: found.group().encode("unicode_escape").decode(), text)
