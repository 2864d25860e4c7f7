"""How a pod's memory and cores become a JVM's: Spark's own arithmetic, backwards.

Spark counts from the heap to the pod: heap, plus an overhead of a tenth of it (two fifths for
applications in other languages, which have processes beside the JVM), at least 384 MiB
(ResourceProfile.MEMORY_OVERHEAD_MIN_MIB, Config.NON_JVM_MEMORY_OVERHEAD_FACTOR in apache/spark).
Here the pod's total is given, and the heap is what remains. Whole MiB, as Spark counts.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR
from fractions import Fraction

import attrs

from mlctl_core.objects.quantities import parse_quantity

JVM_OVERHEAD = Fraction(1, 10)
PYTHON_OVERHEAD = Fraction(2, 5)
MIN_OVERHEAD_MIB = 384
MIN_HEAP_MIB = 512
"""Spark refuses to start below 450 MiB as the JVM counts them (UnifiedMemoryManager), which leaves
out a part of the heap."""
MIN_TOTAL_MIB = MIN_HEAP_MIB + MIN_OVERHEAD_MIB

_MIB = 2**20


@attrs.frozen
class Memory:
    """The parts of a pod's memory, in MiB; together they are all of it."""

    heap: int
    overhead: int


def split(memory: str, factor: Fraction) -> Memory | None:
    """The largest heap that leaves its overhead; None when a pod of that memory is too small."""
    total = mebibytes(memory)
    if total < MIN_TOTAL_MIB:
        return None
    # One MiB more than the quotient may fit: Spark drops the fraction of an overhead.
    largest = int(total / (1 + factor)) + 1
    heap = next(heap for heap in range(largest, 0, -1) if _needs(heap, factor) <= total)
    return Memory(heap, total - heap)


def mebibytes(memory: str) -> int:
    """Whole MiB of a quantity, rounded down."""
    return int((parse_quantity(memory) / _MIB).to_integral_value(ROUND_FLOOR))


def cores(cpu: str) -> int:
    """Tasks that run at once in a pod of that CPU: a part of a core runs one as well."""
    quantity = parse_quantity(cpu)
    return max(1, int(quantity.to_integral_value(ROUND_FLOOR if quantity >= 1 else ROUND_CEILING)))


def _needs(heap: int, factor: Fraction) -> int:
    return heap + max(int(heap * factor), MIN_OVERHEAD_MIB)
