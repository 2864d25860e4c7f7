"""How long a reflector waits after a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

    from mlctl_core.clock import Clock

__all__ = ["Backoff"]

# client-go's reflector: 0.22 requests a second at a server that is down, once at the cap.
FIRST_SECONDS = 0.8
FACTOR = 2.0
CAP_SECONDS = 30.0

# After so long without a failure the next one is a new story.
RESET_SECONDS = 120.0


class Backoff:
    """Doubles from failure to failure, spread at random so that clients do not come together."""

    def __init__(self, clock: Clock, random: Random) -> None:
        self._clock = clock
        self._random = random
        self._next = FIRST_SECONDS
        self._last_failure = clock.monotonic()

    def seconds(self, at_least: float | None = None) -> float:
        """The wait after one more failure: from d to 2 d, where d doubles up to the cap.

        Args:
            at_least: what the server asked for, if it did.
        """
        now = self._clock.monotonic()
        if now - self._last_failure >= RESET_SECONDS:
            self._next = FIRST_SECONDS
        base, self._next = self._next, min(self._next * FACTOR, CAP_SECONDS)
        wait = max(base * (1.0 + self._random.random()), at_least or 0.0)
        # Counted from the end of the wait: a long wait is no time without failures.
        self._last_failure = now + wait
        return wait
