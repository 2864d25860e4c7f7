"""Whether a pod that has been given to a node fits on it, as a kubelet checks once more.

Pure bookkeeping. A pod that bypassed the scheduler, or raced with another, is not run and fails:
with ``OutOf<resource>``, or for devices ``UnexpectedAdmissionError``, as upstream's
``pkg/kubelet/lifecycle/predicate.go`` and device manager say it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from mlctl_core.embedded.node.steps import Ending
from mlctl_core.objects.pod_requests import effective_requests
from mlctl_core.objects.quantities import parse_quantity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlctl_core.embedded.node.manifest import PodSpec

__all__ = ["Admission"]

# Upstream counts these in thousandths.
MILLI = ("cpu",)


class Admission:
    """What is taken of one node. Owned by the runtime of its pods."""

    def __init__(self, allocatable: Mapping[str, str]) -> None:
        self._allocatable = {name: parse_quantity(value) for name, value in allocatable.items()}
        self._held: dict[str, dict[str, Decimal]] = {}

    def admit(self, uid: str, spec: PodSpec) -> Ending | None:
        """Takes what the pod needs, or says why it cannot run here.

        Raises:
            ValueError: an amount is no quantity.
        """
        requests = effective_requests(spec, spec.resources) | {"pods": Decimal(1)}
        for name, amount in requests.items():
            total = self._allocatable.get(name, Decimal(0))
            used = sum((held.get(name, Decimal(0)) for held in self._held.values()), Decimal(0))
            if amount and used + amount > total:
                return _rejection(name, amount, used, total)
        self._held[uid] = requests
        return None

    def release(self, uid: str) -> None:
        """The pod has ended."""
        self._held.pop(uid, None)


def _rejection(name: str, amount: Decimal, used: Decimal, total: Decimal) -> Ending:
    if "/" in name:
        text = (
            "Allocate failed due to requested number of devices unavailable for "
            f"{name}. Requested: {amount}, Available: {max(Decimal(0), total - used)}, "
            "which is unexpected"
        )
        return Ending("UnexpectedAdmissionError", f"Pod was rejected: {text}", grace=0)
    if name in MILLI:
        amount, used, total = amount * 1000, used * 1000, total * 1000
    text = (
        f"Node didn't have enough resource: {name}, requested: {amount.to_integral_value()}, "
        f"used: {used.to_integral_value()}, capacity: {total.to_integral_value()}"
    )
    return Ending(f"OutOf{name}", f"Pod was rejected: {text}", grace=0)
