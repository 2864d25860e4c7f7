"""Why a container waits and until when, in the kubelet's words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from mlctl_core.embedded.node.records import Record
    from mlctl_core.embedded.node.steps import Refusal
    from mlctl_core.objects.metadata import Metadata

__all__ = ["CRASH_LOOP", "explained", "refused"]

CRASH_LOOP = "CrashLoopBackOff"
PULL_ERROR, PULL_BACKOFF = "ErrImagePull", "ImagePullBackOff"

# How often a container whose configuration is incomplete is tried again: the kubelet does so
# with each periodic sync of the pod.
CONFIG_RETRY_SECONDS = 10.0

# How long the first error of a pull stays visible before the back-off takes its place.
PULL_ERROR_SECONDS = 1.0


def refused(record: Record, refusal: Refusal, now: float) -> Record:
    """The record of a container that could not be started at ``now`` (monotonic)."""
    record = attrs.evolve(
        record,
        launching=False,
        waiting_reason=refusal.reason,
        waiting_message=refusal.message,
        retry_at=now + CONFIG_RETRY_SECONDS,
    )
    if refusal.reason != PULL_ERROR:
        return record
    again = record.pull_backoff.delay > 0
    backoff = record.pull_backoff.attempted(now)
    record = attrs.evolve(record, pull_backoff=backoff, retry_at=backoff.until)
    return _backing_off(record) if again else record


def explained(
    record: Record, name: str, metadata: Metadata, now: float
) -> tuple[Record, float | None]:
    """The record of a container that waits, saying so.

    Returns:
        The record, and when (monotonic) there will be something else to say; None: not before
        its next start.
    """
    if record.ended is not None and now < record.backoff.until:
        delay = _go_duration(record.backoff.delay)
        where = f"{metadata.name}_{metadata.namespace}({metadata.uid})"
        text = f"back-off {delay} restarting failed container={name} pod={where}"
        return attrs.evolve(record, waiting_reason=CRASH_LOOP, waiting_message=text), None
    if record.waiting_reason != PULL_ERROR:
        return record, None
    visible_until = record.pull_backoff.since + PULL_ERROR_SECONDS
    if now < visible_until:
        return record, visible_until
    return _backing_off(record), None


def _backing_off(record: Record) -> Record:
    text = f"Back-off pulling image: {PULL_ERROR}: {record.waiting_message}"
    return attrs.evolve(record, waiting_reason=PULL_BACKOFF, waiting_message=text)


def _go_duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
