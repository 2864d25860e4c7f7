"""Facts about a job that no cache holds: what to ask for, and what was answered. Plain data.

A planner says what it `Wanted`, which is pure; `observe` asks; the answers come back as
`Facts` in the planner's view.
"""

from __future__ import annotations

import attrs

from mlctl_core.objects.core import Pod
from mlctl_core.objects.metadata import Metadata


@attrs.frozen
class Wanted:
    """The questions of one plan; most plans have none."""

    log_of: Pod | None = None
    """The pod whose log tells about its end."""
    container: str = ""
    """Which container's log."""
    metrics_of: Pod | None = None
    """The pod whose program's log has the job's metrics, where that is another one."""
    config_map: str = ""
    """The user's ConfigMap whose file names are asked for, in the job's namespace."""
    pod: str = ""
    """A pod in the job's namespace that was seen, and that the cache does not show any more."""


@attrs.frozen
class Output:
    """The end of a container's log."""

    pod_uid: str
    container: str
    text: str | None
    """None when it could not be read."""
    problem: str = ""
    """Why it could not be read."""
    failing_seconds: float = 0.0
    """How long ago this process first tried to read it and could not."""


@attrs.frozen
class SourceFiles:
    """What was found of a source that lives in a user's own ConfigMap."""

    config_map: str
    files: frozenset[str] | None
    """Names of the files; None when there is no such ConfigMap."""


@attrs.frozen
class LivePod:
    """What the server itself says of a pod that the cache does not show."""

    name: str
    metadata: Metadata | None
    """None when there is no pod of that name."""


@attrs.frozen
class Facts:
    """The answers; None for what was not asked, or could not be answered."""

    output: Output | None = None
    source: SourceFiles | None = None
    pod: LivePod | None = None
    metrics: Output | None = None
    """The log of the pod that has the metrics."""
