"""What was measured is told in full, and judged by what is promised."""

from __future__ import annotations

from collections import Counter

import pytest

from hack.bench.load import Load, Measured
from hack.bench.report import figures, lines
from hack.bench.requests import POD_CREATION, Asked

STATUS = Asked("patch", "tensorflowjobs/status")
LOG = Asked("get", "pods/log")


def measured(*, jobs=1000, cpu_seconds=8.0, statuses=3, events=0, all_decide=False):
    return Measured(
        load=Load(jobs=jobs, pods=4, all_decide=all_decide),
        seconds=50.0,
        start_cpu_seconds=0.5,
        cpu_seconds=cpu_seconds,
        peak_bytes=120_000_000,
        requests=Counter(
            {
                POD_CREATION: 4000,
                STATUS: statuses * 1000,
                LOG: 1000,
                Asked("create", "events"): events * 1000,
            }
        ),
    )


def test_figures_are_per_job_and_per_pod():
    found = figures(measured())
    assert found.jobs_per_second == 20
    assert found.cpu_milliseconds_per_pod == 2
    assert found.writes_per_job == 3, "neither the creation of pods nor what is read"
    assert found.peak_megabytes == 120


@pytest.mark.parametrize(
    ("of", "broken"),
    [
        ({}, []),
        ({"cpu_seconds": 19.9, "statuses": 7}, []),
        ({"cpu_seconds": 20.0}, ["5.00 ms of CPU per pod"]),
        ({"statuses": 8}, ["8.00 writes per job"]),
        ({"statuses": 6, "events": 2}, ["8.00 writes per job"]),
        ({"cpu_seconds": 30.0, "statuses": 9}, ["7.50 ms", "9.00 writes"]),
        ({"statuses": 10, "all_decide": True}, []),
        ({"statuses": 11, "all_decide": True}, ["11.00 writes per job"]),
        ({"jobs": 999, "cpu_seconds": 30.0, "statuses": 9}, []),
    ],
)
def test_what_is_not_as_promised_for_that_many_jobs_is_said(of, broken):
    found = figures(measured(**of)).broken
    assert len(found) == len(broken)
    for said, words in zip(found, broken, strict=True):
        assert said.startswith(words)


def test_all_is_told_with_writes_apart_from_the_rest():
    told = list(lines(measured(events=2)))
    writes = next(n for n, line in enumerate(told) if line.startswith("writes per job 5.00"))
    besides = next(n for n, line in enumerate(told) if line.startswith("besides"))
    assert "4.00 pod creations" in told[besides]
    assert [line.split() for line in told[writes + 1 : besides]] == [
        ["2.00", "create", "events"],
        ["3.00", "patch", "tensorflowjobs/status"],
    ]
    assert [line.split() for line in told[besides + 1 :]] == [["1.00", "get", "pods/log"]]
