"""What a pod's machine and its driver say to each other."""

from __future__ import annotations

import attrs

from mlctl_core.embedded.node.manifest import Container

__all__ = ["Ending", "Refusal", "Step", "Stop"]


@attrs.frozen
class Refusal:
    """A container could not be started; it will be tried again."""

    reason: str
    """ErrImagePull, CreateContainerConfigError, CreateContainerError, …"""

    message: str


@attrs.frozen
class Stop:
    """Ask a container to end, and make it after the grace."""

    name: str
    grace: float
    """Seconds between SIGTERM and SIGKILL."""


@attrs.frozen
class Ending:
    """Why a pod ends before its containers are done with it."""

    reason: str
    message: str
    grace: float


@attrs.frozen
class Step:
    """What the driver has to do now."""

    prepare: bool = False
    """Make the pod's volumes; then report `prepared` or `preparation_failed`."""

    start: tuple[Container, ...] = ()
    stop: tuple[Stop, ...] = ()
    wake_after: float | None = None
    """Seconds until `step` has something else to say with no other event; None: never."""

    finished: bool = False
    """Nothing runs and nothing will: the status is final."""
