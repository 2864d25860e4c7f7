"""What the demo prints: one line an event, with the seconds since it began."""

from __future__ import annotations

import sys
import time

BOLD, DIM, RESET = ("\033[1m", "\033[2m", "\033[0m") if sys.stdout.isatty() else ("", "", "")
LABEL_WIDTH = 14


class Story:
    """Prints lines as they happen."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def say(self, label: str, text: str) -> None:
        """Print one thing that happened."""
        seconds = time.monotonic() - self._start
        print(f"{DIM}{seconds:6.1f}s{RESET}  {label:<{LABEL_WIDTH}} {text}", flush=True)

    def command(self, text: str) -> None:
        """Print what a user would have typed to get the same."""
        print(f"         {BOLD}$ {text}{RESET}", flush=True)

    def heading(self, text: str) -> None:
        """Print what comes next."""
        print(f"\n{BOLD}{text}{RESET}", flush=True)

    def verdict(self, *, holds: bool, text: str) -> bool:
        """Print a claim with its outcome, and return the outcome."""
        self.say("ok" if holds else "FAILED", text)
        return holds
