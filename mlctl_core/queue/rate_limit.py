"""How long a key that fails again and again has to wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["ExponentialBackoff"]

K = TypeVar("K", bound="Hashable")

# controller-runtime's: the first retries cost nothing and cure most conflicts.
BASE_SECONDS = 0.005

# controller-runtime waits up to 1,000 s, which nobody who has just repaired something wants to
# wait for (c-r #631, #808). A thousand broken objects at this cap are 33 reconciles a second.
CAP_SECONDS = 30.0

# 2 to this power times any base is beyond any cap, and still a float.
_MAX_EXPONENT = 64


class ExponentialBackoff(Generic[K]):
    """Doubles a key's wait from failure to failure, up to a cap; other keys do not matter.

    Args:
        base: seconds after the first failure.
        cap: seconds at most.
    """

    def __init__(self, base: float = BASE_SECONDS, cap: float = CAP_SECONDS) -> None:
        self._base = base
        self._cap = cap
        self._failures: dict[K, int] = {}

    def __len__(self) -> int:
        """How many keys have failed since they were last forgotten."""
        return len(self._failures)

    def failed(self, key: K) -> float:
        """Count a failure and return the seconds to wait."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        return float(min(self._base * 2.0 ** min(failures, _MAX_EXPONENT), self._cap))

    def forget(self, key: K) -> None:
        """The key succeeded, or is of no more interest."""
        self._failures.pop(key, None)
