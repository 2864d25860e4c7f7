"""GPUs times seconds that a job has held, at any moment of its life. Pure.

A job's status says what its pods have used once they have ended, or once their number changed;
what those that are there now have used since is added here, in the same whole seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import attrs
import msgspec

from controllers.jobs import names
from controllers.jobs.life import progress
from controllers.jobs.life.gang import number
from controllers.jobs.life.outcome import outcome_of
from mlctl_core.objects.codec import decode
from mlctl_core.objects.core import Pod
from mlctl_core.objects.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlctl_core.cache.store import Entry

PROJECT = "mlctl.dev/project"
"""The annotation of a job that says what its use is reported under."""

_ENDED = frozenset(("Succeeded", "Failed"))
_NEVER = datetime.max.replace(tzinfo=UTC)


@attrs.frozen
class JobUse:
    """What a job says of its GPUs."""

    uid: str
    project: str
    """As children carry it in a label; empty without one."""
    charged: int
    """GPU seconds that are on record."""
    is_over: bool
    attempt: int
    gpus: int
    """Of a pod whose role has no size of its own."""
    gpus_by_role: Mapping[str, int]
    released: frozenset[str]
    """UIDs of pods of the present attempt whose use is on record."""
    counted: datetime | None
    """Until when the use of pods that the program makes is on record."""


@attrs.frozen
class PodSpan:
    """From when until when a job's pod held its node's devices."""

    uid: str
    owner: str
    """UID of its controller: the job, or the pod that made it."""
    job: tuple[str, str, str]
    """Kind, namespace and name, as its labels say."""
    role: str
    attempt: int
    bound: datetime
    ended: datetime
    """Far in the future while it has not."""


def job_use(entry: Entry) -> JobUse | None:
    """What a job says; None for one that holds no GPUs, or none yet."""
    job = _jobs.decode(entry.raw)
    status = job.status
    default = _gpus(status.size)
    by_role = {role: _gpus(size) for role, size in status.role_sizes.items()}
    if not default and not any(by_role.values()):
        return None
    counted = status.program_gpus.time if status.program_gpus else ""
    return JobUse(
        uid=entry.metadata.uid,
        project=names.label_value(entry.metadata.annotations.get(PROJECT, "")),
        charged=status.gpu_seconds or 0,
        is_over=status.phase in _ENDED,
        attempt=status.attempt,
        gpus=default,
        gpus_by_role=by_role,
        released=frozenset(pod.uid for pod in status.released),
        counted=parse_time(counted) if counted else None,
    )


def pod_span(entry: Entry) -> PodSpan | None:
    """What a pod says; None for one that is of no job, or has no node yet."""
    metadata = entry.metadata
    kind, name = (metadata.labels.get(k, "") for k in (names.KIND_LABEL, names.NAME_LABEL))
    if not kind or not name or metadata.controller is None:
        return None
    pod = decode(Pod, entry.raw)
    bound = progress.bound_since(pod)
    if bound is None:
        return None
    outcome = outcome_of(pod, node_is_lost=False, now=_NEVER)
    return PodSpan(
        uid=metadata.uid,
        owner=metadata.controller.uid,
        job=(kind, metadata.namespace, name),
        role=metadata.labels.get(names.ROLE_LABEL, ""),
        attempt=number(metadata),
        bound=bound,
        ended=outcome.ended if outcome else _NEVER,
    )


def used(job: JobUse, pods: Iterable[PodSpan], now: datetime) -> int:
    """GPU seconds of a job until now; ``pods`` are those that carry its name."""
    if job.is_over:
        return job.charged
    present = [p for p in pods if p.attempt == job.attempt and p.uid not in job.released]
    own = {pod.uid for pod in present if pod.owner == job.uid}
    total = job.charged
    for pod in present:
        since = pod.bound
        if pod.owner in own and job.counted is not None:
            since = max(since, job.counted)
        elif pod.uid not in own and pod.owner not in own:
            continue
        seconds = int((min(pod.ended, now) - since).total_seconds())
        total += max(0, seconds) * job.gpus_by_role.get(pod.role, job.gpus)
    return total


class _Gpu(msgspec.Struct):
    count: int = 1


class _Size(msgspec.Struct):
    gpu: _Gpu | None = None


class _Released(msgspec.Struct):
    uid: str = ""


class _ProgramGpus(msgspec.Struct):
    time: str = ""


class _Status(msgspec.Struct, rename="camel"):
    phase: str | None = None
    attempt: int = 0
    gpu_seconds: int | None = None
    size: _Size | None = None
    role_sizes: dict[str, _Size] = {}
    released: tuple[_Released, ...] = ()
    program_gpus: _ProgramGpus | None = None


class _Job(msgspec.Struct):
    status: _Status = msgspec.field(default_factory=_Status)


_jobs = msgspec.json.Decoder(_Job)


def _gpus(size: _Size | None) -> int:
    return size.gpu.count if size and size.gpu else 0
