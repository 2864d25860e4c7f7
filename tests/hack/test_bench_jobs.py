"""The program itself, on a load so small that only its counts say something."""

from __future__ import annotations

import pytest

from hack.bench.jobs import main
from hack.bench.load import Load, job, measure
from hack.bench.report import figures
from hack.bench.requests import POD_CREATION, Asked


@pytest.mark.parametrize("arguments", [["--jobs", "0"], ["--pods", "x"], ["--speed", "9"]])
def test_bad_usage_ends_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


def test_jobs_are_as_large_as_asked_and_decided_by_whom_asked():
    spec = job("a", Load(pods=3))["spec"]
    assert spec["roles"] == {"worker": {"replicas": 3}}
    assert spec["successPolicy"] == "ChiefOrWorker0"
    assert job("a", Load(all_decide=True))["spec"]["successPolicy"] == "AllWorkers"


@pytest.mark.heavy
async def test_what_the_manager_writes_for_some_jobs_is_counted(tmp_path):
    measured = await measure(Load(jobs=3, pods=2), tmp_path)
    counts = measured.requests
    assert counts[POD_CREATION] == 6
    assert counts[Asked("create", "services")] == 3
    assert counts[Asked("create", "configmaps")] == 3
    assert counts[Asked("patch", "pods")] == 3, "one pod of each decides"
    assert counts[Asked("patch", "tensorflowjobs/status")] >= 6
    assert figures(measured).writes_per_job > 5
    assert measured.cpu_seconds > 0
    assert measured.peak_bytes > 10_000_000
