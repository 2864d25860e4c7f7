"""The key of an object within its kind: what caches index by and work queues hold."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ObjectKey"]


class ObjectKey(NamedTuple):
    """Namespace and name; the namespace of a cluster-scoped object is empty.

    A tuple, because it is hashed for every event: it costs a third of a frozen attrs class.
    """

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    @classmethod
    def parse(cls, text: str) -> ObjectKey:
        """Read ``namespace/name``, or ``name`` for a cluster-scoped object.

        Raises:
            ValueError: a part is empty or there are more than two.
        """
        parts = text.split("/")
        if len(parts) not in (1, 2) or not all(parts):
            raise ValueError(f"{text!r} is neither namespace/name nor name")
        return cls(parts[0] if len(parts) > 1 else "", parts[-1])
