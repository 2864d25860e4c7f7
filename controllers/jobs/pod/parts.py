"""What one concern adds to a pod: the identity, the datasets, the source, the kind's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from mlctl_core.objects.json import Json

if TYPE_CHECKING:
    from collections.abc import Iterable


def _tuple(items: Iterable[Json]) -> tuple[Json, ...]:
    return tuple(items)


@attrs.frozen(kw_only=True)
class Parts:
    """Additions to a pod, in order; ``a + b`` has those of ``a`` first.

    A container leaves out what the platform's default is right for: image, environment,
    resources, security context, mounts.
    """

    env: tuple[Json, ...] = attrs.field(default=(), converter=_tuple)
    """Variables of every container; they win over the user's."""
    volumes: tuple[Json, ...] = attrs.field(default=(), converter=_tuple)
    mounts: tuple[Json, ...] = attrs.field(default=(), converter=_tuple)
    """Of the main container, and of steps that name none of their own."""
    init_containers: tuple[Json, ...] = attrs.field(default=(), converter=_tuple)
    """Steps that end before the main container starts."""
    sidecars: tuple[Json, ...] = attrs.field(default=(), converter=_tuple)
    """Init containers that run beside it (KEP-753), with the resources that they take from it."""

    def __add__(self, other: Parts) -> Parts:
        return Parts(
            env=self.env + other.env,
            volumes=self.volumes + other.volumes,
            mounts=self.mounts + other.mounts,
            init_containers=self.init_containers + other.init_containers,
            sidecars=self.sidecars + other.sidecars,
        )
