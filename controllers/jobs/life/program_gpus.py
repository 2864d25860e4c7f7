"""The GPU time of pods that a job's program makes by itself, such as Spark's executors.

They are the program's to end, and leave nothing behind that could be read at the end of the
attempt. So their time is put on record whenever the number of GPUs that they hold has changed:
that of each that is there from when it got its node, that of each that is gone until its absence
was noticed. A job whose executors just run costs no writes.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import attrs

from apis.v1alpha1.status import ProgramGpus
from controllers.jobs import names
from controllers.jobs.life import progress
from controllers.jobs.life.outcome import outcome_of
from controllers.jobs.life.status import gpus_of, is_over
from mlctl_core.objects.times import format_time, parse_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apis.v1alpha1.status import JobStatus
    from controllers.jobs.life.gang import Gang


@attrs.frozen
class _Span:
    """From when until when a pod held so many GPUs."""

    gpus: int
    bound: datetime
    ended: datetime | None


def recounted(gang: Gang, so_far: JobStatus, now: datetime) -> JobStatus:
    """The status with their use until now, if it says less than will be known of them later.

    That is if they hold another number of GPUs than it says, or one has ended since.
    """
    last = so_far.program_gpus
    if (last is None and not gang.by_program) or is_over(so_far):
        return so_far
    if so_far.attempt != gang.job.status.attempt:
        return so_far  # They are of an attempt that is done with.
    spans = list(_spans(gang, so_far, now))
    since = parse_time(last.time) if last else None
    ended = any(span.ended and _seconds(span, since, now) for span in spans)
    if not ended and _held(spans) == (last.held if last else 0):
        return so_far
    return counted(gang, so_far, now)


def counted(gang: Gang, so_far: JobStatus, until: datetime) -> JobStatus:
    """The status with all that they have used until then."""
    last = so_far.program_gpus
    if (last is None and not gang.by_program) or is_over(so_far):
        return so_far
    spans = list(_spans(gang, so_far, until))
    since = parse_time(last.time) if last else None
    seconds = sum(_seconds(span, since, until) for span in spans)
    if last and since:
        still = sum(
            span.gpus
            for span in spans
            if span.bound <= since and (span.ended is None or span.ended > since)
        )
        seconds += max(0, last.held - still) * _whole(since, until)
    held = _held(spans)
    if last is None and not held and not seconds:
        return so_far
    return attrs.evolve(
        so_far,
        gpu_seconds=(so_far.gpu_seconds or 0) + seconds,
        program_gpus=ProgramGpus(held=held, time=format_time(until)),
    )


def _spans(gang: Gang, so_far: JobStatus, now: datetime) -> Iterator[_Span]:
    for pod in gang.by_program:
        gpus = gpus_of(so_far, pod.metadata.labels.get(names.ROLE_LABEL, ""))
        bound = progress.bound_since(pod)
        if not gpus or bound is None:
            continue
        own = outcome_of(pod, node_is_lost=False, now=now)
        yield _Span(gpus, bound, own.ended if own else None)


def _held(spans: list[_Span]) -> int:
    return sum(span.gpus for span in spans if span.ended is None)


def _seconds(span: _Span, since: datetime | None, until: datetime) -> int:
    start = span.bound if since is None else max(span.bound, since)
    return span.gpus * _whole(start, min(span.ended or until, until))


def _whole(start: datetime, end: datetime) -> int:
    return max(0, int((end - start).total_seconds()))
