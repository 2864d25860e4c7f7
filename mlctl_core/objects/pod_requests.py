"""What a pod asks of a node, as the scheduler counts it.

Pure. The rules are those of k8s.io/component-helpers ``resource.PodRequests``, with sidecars
(KEP-753) and pod-level resources (KEP-2837): the larger of what runs together in the end and
what each init container needs in its turn, plus the overhead. Ephemeral containers count nothing.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from mlctl_core.objects.quantities import parse_quantity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["effective_requests"]

# Pod-level resources speak of these only, and of huge pages; never of extended resources.
POD_LEVEL = ("cpu", "memory")
POD_LEVEL_PREFIX = "hugepages-"

Amounts = dict[str, Decimal]
Quantity = str | int | float


class Resources(Protocol):
    """``resources`` of a container or a pod."""

    @property
    def requests(self) -> Mapping[str, Quantity]:
        """What is reserved."""

    @property
    def limits(self) -> Mapping[str, Quantity]:
        """What may be used; what is requested where no request is given."""


class Container(Protocol):
    """A regular or an init container."""

    @property
    def resources(self) -> Resources:
        """Empty when the container asks for nothing."""

    @property
    def restart_policy(self) -> str | None:
        """``Always`` makes an init container a sidecar."""


class PodSpec(Protocol):
    """The part of a pod's specification that decides what it needs."""

    @property
    def containers(self) -> Sequence[Container]:
        """Run together."""

    @property
    def init_containers(self) -> Sequence[Container]:
        """Run before, one after the other; sidecars stay."""

    @property
    def overhead(self) -> Mapping[str, Quantity]:
        """What the pod's runtime class adds."""


def effective_requests(spec: PodSpec, pod_level: Resources | None = None) -> Amounts:
    """What the pod takes from its node, by resource name, in units (cores, bytes, devices).

    Args:
        spec: the containers.
        pod_level: the pod's own ``resources``; they stand in for the containers' CPU, memory
            and huge pages, and for nothing else.

    Raises:
        ValueError: an amount is no quantity.
    """
    beside: Amounts = {}
    highest: Amounts = {}
    for container in spec.init_containers:
        own = _requests(container.resources)
        if container.restart_policy == "Always":
            beside = _sum(beside, own)
            highest = _max(highest, beside)
        else:
            highest = _max(highest, _sum(beside, own))
    together = beside
    for container in spec.containers:
        together = _sum(together, _requests(container.resources))
    total = _max(together, highest)
    if pod_level is not None:
        total |= {
            name: amount
            for name, amount in _requests(pod_level).items()
            if name in POD_LEVEL or name.startswith(POD_LEVEL_PREFIX)
        }
    return _sum(total, {name: parse_quantity(value) for name, value in spec.overhead.items()})


def _requests(resources: Resources) -> Amounts:
    """Requests, with limits where there is none: the API server does the same on creation."""
    return {
        name: parse_quantity(value)
        for name, value in {**resources.limits, **resources.requests}.items()
    }


def _sum(left: Amounts, right: Amounts) -> Amounts:
    return {name: left.get(name, Decimal(0)) + right.get(name, Decimal(0)) for name in left | right}


def _max(left: Amounts, right: Amounts) -> Amounts:
    zero = Decimal(0)
    return {name: max(left.get(name, zero), right.get(name, zero)) for name in left | right}
