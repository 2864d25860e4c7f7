"""`make bench`: what a job costs the manager, by a thousand of them at once.

Promised are less than 5 ms of the manager's CPU per pod and fewer than 8 writes per job beyond
the creation of its pods, where one pod decides how the job ends. Where each does, each further one
is a write more: it is kept by a finalizer until its result is on record, and nothing but a request
of its own takes that off. With fewer jobs the figures are only told. Exit codes: 0 when the
promise is kept, 1 when it is not or the jobs did not succeed, 2 on bad usage.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from hack.bench.load import Load, measure
from hack.bench.progress import StalledError
from hack.bench.report import figures, lines
from hack.demo.processes import ProcessFailedError
from mlctl_core.telemetry.log import configure


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; the exit code."""
    load = _parsed(arguments)
    configure("console", "error")
    with tempfile.TemporaryDirectory(prefix="mlctl-bench-") as folder:
        try:
            measured = asyncio.run(measure(load, Path(folder)))
        except (ProcessFailedError, StalledError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    for line in lines(measured):
        print(line)
    broken = figures(measured).broken
    for words in broken:
        print(f"not as promised: {words}", file=sys.stderr)
    return 1 if broken else 0


def _parsed(arguments: list[str] | None) -> Load:
    parser = argparse.ArgumentParser(prog="python -m hack.bench.jobs", description=__doc__)
    defaults = Load()
    parser.add_argument("--jobs", type=_count, default=defaults.jobs, metavar="N")
    parser.add_argument("--pods", type=_count, default=defaults.pods, metavar="N", help="of each")
    parser.add_argument(
        "--all-decide",
        action="store_true",
        help="a job succeeds with all its pods instead of its first: one more write for each",
    )
    given = parser.parse_args(arguments)
    return Load(jobs=given.jobs, pods=given.pods, all_decide=given.all_decide)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
