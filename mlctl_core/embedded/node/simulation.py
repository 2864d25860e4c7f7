"""What annotations tell a simulated pod to do. Pure.

- ``sim.mlctl.dev/run-for: 5s``: how long each regular container runs; without it as long as the
  node says, or until the pod is deleted.
- ``sim.mlctl.dev/exit-code: "1"``: how they end; 0 by default.
- ``sim.mlctl.dev/start-after: 2s``: how long the pod stays ContainerCreating; 0 by default.
- ``sim.mlctl.dev/log``: what they are said to have written.

They may be set while the pod runs: ``run-for: 0s`` ends it at once.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Script", "parse_duration", "parse_script"]

PREFIX = "sim.mlctl.dev/"

MAX_EXIT_CODE = 255

UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 1e-6, "ns": 1e-9}

_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(h|ms|m|s|us|ns)")


@attrs.frozen
class Script:
    """How a simulated pod behaves."""

    run_for: float | None = None
    """Seconds; None: until it is stopped."""

    exit_code: int = 0
    start_after: float = 0.0
    log: str | None = None


def parse_script(annotations: Mapping[str, str], run_for: float | None = None) -> Script:
    """Reads the annotations; ``run_for`` holds where they do not say it.

    Raises:
        ValueError: one makes no sense; the message names it.
    """

    def seconds(name: str) -> float | None:
        text = annotations.get(PREFIX + name)
        if text is None:
            return None
        try:
            return parse_duration(text)
        except ValueError as error:
            raise ValueError(f"annotation {PREFIX}{name}: {error}") from error

    code = annotations.get(PREFIX + "exit-code", "0")
    if not code.isdigit() or int(code) > MAX_EXIT_CODE:
        raise ValueError(f"annotation {PREFIX}exit-code: {code!r} is not 0 to {MAX_EXIT_CODE}")
    said = seconds("run-for")
    return Script(
        run_for=run_for if said is None else said,
        exit_code=int(code),
        start_after=seconds("start-after") or 0.0,
        log=annotations.get(PREFIX + "log"),
    )


def parse_duration(text: str) -> float:
    """Seconds of a Go duration (``1m30s``, ``500ms``) or a plain number of seconds.

    Raises:
        ValueError: it is neither.
    """
    if re.fullmatch(r"\d+(\.\d*)?", text):
        return float(text)
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is no duration such as 5s, 1m30s or 500ms")
    return sum(float(number) * UNITS[unit] for number, unit in parts)
