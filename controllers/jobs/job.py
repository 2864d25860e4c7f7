"""What the parts shared by all batch kinds need to know of a job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import attrs

from apis.v1alpha1.framework import FrameworkType
from mlctl_core.objects.kinds import Kind

if TYPE_CHECKING:
    from apis.v1alpha1.common import JobSpec
    from apis.v1alpha1.status import JobStatus
    from mlctl_core.objects.metadata import Metadata


class Job(Protocol):
    """A job of any batch kind, as decoded: metadata, the common spec, the common status."""

    @property
    def metadata(self) -> Metadata:
        """Name, namespace, UID and so on."""
        ...

    @property
    def spec(self) -> JobSpec:
        """What all kinds of jobs specify; a kind's own fields come on top."""
        ...

    @property
    def status(self) -> JobStatus:
        """Where the job is."""
        ...


@attrs.frozen
class JobKind:
    """What sets one batch kind apart."""

    kind: Kind
    short_name: str
    """Begins the names of its children: ``pyjob``."""
    frameworks: frozenset[FrameworkType]
    """Families of frameworks that can run it."""


ROLE = "worker"
"""The role of a pod in a kind without roles of its own."""


@attrs.frozen
class Refusal:
    """Why a job cannot go on for now: a reason, and a sentence with the field and the fix."""

    reason: str
    message: str
