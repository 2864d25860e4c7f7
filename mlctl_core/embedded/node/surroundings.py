"""What a node offers to the pods that it runs as processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import attrs

from mlctl_core.client.client import Client
from mlctl_core.clock import Clock
from mlctl_core.embedded.node.addresses import PodNames
from mlctl_core.embedded.node.environment import Facts
from mlctl_core.embedded.node.images import Image
from mlctl_core.embedded.node.memory import MemoryWatch
from mlctl_core.embedded.node.status_writer import StatusWriter
from mlctl_core.objects.metadata import Metadata

__all__ = ["Surroundings"]


@attrs.frozen
class Surroundings:
    """What a node offers to its pods."""

    client: Client
    clock: Clock
    writer: StatusWriter
    memory: MemoryWatch
    images: Callable[[], Mapping[str, Image]]
    """The images as they are now: the file may change while the node runs."""

    event: Callable[[Metadata, str, str, str], None]
    """Records an event of a pod: metadata, type, reason, message."""

    facts: Facts
    runtime_env: Mapping[str, str]
    """Variables that every container gets."""

    root: Path | None
    """Where containers build their roots; None: no mount namespaces on this host."""

    names: PodNames | None
    """Names of pods that have addresses of their own; None: they share the host's."""

    directory: Path
    """For the pods' files."""
