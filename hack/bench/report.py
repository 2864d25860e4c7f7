"""What was measured, in lines for a person, and whether the promise is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from hack.bench.requests import POD_CREATION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hack.bench.load import Measured
    from hack.bench.requests import Asked

CPU_MILLISECONDS = 5.0
"""The manager's CPU per pod stays below it."""
WRITES = 8
"""Requests per job that write, pod creations apart, stay below it where one pod decides; events
are writes, too."""
JOBS = 1000
"""What the promise is made for. A manager with less to do sees each of a pod's steps by itself,
and may tell them one by one."""
_MILLISECONDS, _MB = 1e3, 1e6


@attrs.frozen
class Figures:
    """What was measured, as it is promised."""

    jobs: int
    jobs_per_second: float
    cpu_milliseconds_per_pod: float
    writes_per_job: float
    """Pod creations apart."""
    writes_allowed: int
    """They are to be fewer."""
    peak_megabytes: float

    @property
    def broken(self) -> tuple[str, ...]:
        """What was promised and not kept, in words; empty if all was, or nothing was."""
        if self.jobs < JOBS:
            return ()
        found = []
        if self.cpu_milliseconds_per_pod >= CPU_MILLISECONDS:
            found.append(
                f"{self.cpu_milliseconds_per_pod:.2f} ms of CPU per pod are not less than "
                f"{CPU_MILLISECONDS:g}"
            )
        if self.writes_per_job >= self.writes_allowed:
            found.append(
                f"{self.writes_per_job:.2f} writes per job beyond pod creations are not fewer "
                f"than {self.writes_allowed}"
            )
        return tuple(found)


def figures(measured: Measured) -> Figures:
    """The figures of a run."""
    load = measured.load
    return Figures(
        jobs=load.jobs,
        jobs_per_second=load.jobs / measured.seconds,
        cpu_milliseconds_per_pod=measured.cpu_seconds * _MILLISECONDS / (load.jobs * load.pods),
        writes_per_job=sum(_per_job(measured, writes=True).values()),
        writes_allowed=WRITES + (load.pods - 1 if load.all_decide else 0),
        peak_megabytes=measured.peak_bytes / _MB,
    )


def lines(measured: Measured) -> Iterator[str]:
    """All of it for a person to read."""
    found, load = figures(measured), measured.load
    yield (
        f"{load.jobs} jobs of {load.pods} pods in {measured.seconds:.1f} s: "
        f"{found.jobs_per_second:.1f} jobs/s"
    )
    yield (
        f"manager CPU    {found.cpu_milliseconds_per_pod:.2f} ms per pod "
        f"({measured.cpu_seconds:.1f} s; {measured.start_cpu_seconds:.1f} s more to start)"
    )
    yield f"manager memory {found.peak_megabytes:.0f} MB resident at most"
    yield f"writes per job {found.writes_per_job:.2f} beyond pod creations"
    for asked, count in sorted(_per_job(measured, writes=True).items()):
        yield f"  {count:6.2f}  {asked}"
    yield f"besides, per job {measured.requests[POD_CREATION] / load.jobs:.2f} pod creations and"
    for asked, count in sorted(_per_job(measured, writes=False).items()):
        yield f"  {count:6.2f}  {asked}"


def _per_job(measured: Measured, *, writes: bool) -> dict[Asked, float]:
    return {
        asked: count / measured.load.jobs
        for asked, count in measured.requests.items()
        if asked.is_write is writes and asked != POD_CREATION
    }
