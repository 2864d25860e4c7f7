"""The removal of a pod of which nothing runs and whose status is final already."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlctl_core.embedded.node.manifest import Pod
    from mlctl_core.objects.json import Json
    from mlctl_core.objects.metadata import Metadata

__all__ = ["Removal"]


class Removal:
    """A `status_writer.Published` with nothing to say but that the pod can go."""

    def __init__(self, pod: Pod) -> None:
        self.written: Json | None = {}
        self._pod = pod

    @property
    def metadata(self) -> Metadata:
        """Of the pod."""
        return self._pod.metadata

    @property
    def removable(self) -> bool:
        """Always."""
        return True

    def status(self) -> Json:
        """What has been written: nothing new."""
        return {}
