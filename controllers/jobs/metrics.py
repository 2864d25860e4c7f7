"""Reads the metrics that a run printed.

A metric line is ``name=value``, or several of them (``step=3 loss=0.2 accuracy=0.91``), or
one JSON object. A line counts only when all of it has that shape, so that prose and other
tools' logs do not become metrics. Promises to be pure, to read any bytes without raising,
and to return at most MAX_NAMES names of at most MAX_NAME_LENGTH characters; NaN and
infinities are kept, as strings, because JSON has no word for them.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_NAMES = 64
"""Status is read by every watcher: a run with more metrics belongs in an experiment tracker."""
MAX_NAME_LENGTH = 63
MAX_LINE_LENGTH = 4096
"""Longer lines are output, not metrics; skipping them bounds the work per line."""

_NAME = re.compile(rf"[A-Za-z_][A-Za-z0-9_./-]{{0,{MAX_NAME_LENGTH - 1}}}")
_NUMBER = re.compile(
    r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|nan|inf|infinity)", re.IGNORECASE
)
_STEP = "step"
_EXACT_INTEGERS = 2.0**53
"""Below this a float holds every whole number, so dropping ``.0`` loses nothing."""


@attrs.frozen
class Metric:
    """One metric over a run; every number is a string as status holds it."""

    value: str
    """The last value printed."""
    min: str
    max: str
    step: str = ""
    """The step printed beside the last value; empty when there was none."""


def parse(output: str) -> Mapping[str, Metric]:
    """The metrics in ``output``, in order of first appearance; names beyond the cap are dropped."""
    found: dict[str, Metric] = {}
    for line in re.split(r"[\r\n]+", output):
        values = dict(_values(line.strip()))
        step = _text(values.pop(_STEP)) if _STEP in values else ""
        for name, number in values.items():
            if name in found or len(found) < MAX_NAMES:
                found[name] = _merged(found.get(name), number, step)
    return found


def _values(line: str) -> Iterator[tuple[str, float]]:
    if not line or len(line) > MAX_LINE_LENGTH:
        return
    yield from _json_values(line) if line.startswith("{") else _token_values(line)


def _token_values(line: str) -> Iterator[tuple[str, float]]:
    tokens = [token.rstrip(",").partition("=") for token in line.split()]
    if all(_NAME.fullmatch(name) and _NUMBER.fullmatch(value) for name, _, value in tokens):
        yield from ((name, float(value)) for name, _, value in tokens)


def _json_values(line: str) -> Iterator[tuple[str, float]]:
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return
    for name, value in document.items() if isinstance(document, dict) else ():
        if _NAME.fullmatch(name) and (number := _json_number(value)) is not None:
            yield name, number


def _json_number(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    # Loggers that know JSON has no NaN write it as text.
    if isinstance(value, str) and _NUMBER.fullmatch(value) and not math.isfinite(float(value)):
        return float(value)
    return None


def _merged(before: Metric | None, number: float, step: str) -> Metric:
    text = _text(number)
    if before is None:
        return Metric(value=text, min=text, max=text, step=step)
    return Metric(
        value=text,
        min=_text(_known_min(float(before.min), number)),
        max=_text(_known_max(float(before.max), number)),
        step=step or before.step,
    )


def _known_min(left: float, right: float) -> float:
    """The smaller one; NaN is no bound while there is a number."""
    if math.isnan(left) or right < left:
        return right
    return left


def _known_max(left: float, right: float) -> float:
    if math.isnan(left) or right > left:
        return right
    return left


def _text(number: float) -> str:
    """Shortest text that reads back as the same number: ``3``, ``0.97``, ``NaN``, ``-inf``."""
    if math.isnan(number):
        return "NaN"
    if number.is_integer() and abs(number) < _EXACT_INTEGERS:
        return str(int(number))
    return repr(number)
