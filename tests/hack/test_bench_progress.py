"""When all jobs are done with, and when they never will be."""

from __future__ import annotations

import asyncio

import pytest
from msgspec import json

from hack.bench.progress import Progress, StalledError
from mlctl_core.cache.entries import entry_of
from mlctl_core.cache.informer import Change
from mlctl_core.objects.keys import ObjectKey
from mlctl_core.objects.kinds import POD

FINALIZER = "mlctl.dev/tracking"


def change(name, phase="", message="", **metadata):
    obj = {
        "metadata": {"name": name, "namespace": "ns", **metadata},
        "status": {"phase": phase, "message": message},
    }
    entry = entry_of(json.encode(obj))
    return Change(POD, entry.key, None, entry.metadata, entry)


def gone(name):
    return Change(POD, ObjectKey("ns", name), None, None, None)


def test_all_is_done_when_all_jobs_have_succeeded_and_all_pods_are_let_go():
    progress = Progress(2)
    progress.job_changed(change("a", "Succeeded"))
    assert not progress.is_settled
    progress.job_changed(change("b", "Succeeded"))
    assert progress.is_settled
    progress.pod_changed(change("p", "Succeeded", finalizers=[FINALIZER]))
    assert not progress.is_settled
    progress.pod_changed(change("p", "Succeeded"))
    assert progress.is_settled


@pytest.mark.parametrize(
    "pod",
    [
        change("p", "Running"),
        change("p", "Running", deletionTimestamp="2026-01-01T00:00:00Z"),
        change("p", "Failed", deletionTimestamp="2026-01-01T00:00:00Z"),
    ],
)
def test_a_pod_that_runs_or_goes_is_waited_for(pod):
    progress = Progress(1)
    progress.job_changed(change("a", "Succeeded"))
    progress.pod_changed(pod)
    assert not progress.is_settled
    progress.pod_changed(gone("p"))
    assert progress.is_settled


async def test_the_wait_ends_with_the_last_change():
    progress = Progress(1)
    waiting = asyncio.create_task(progress.settled(patience=60))
    await asyncio.sleep(0)
    progress.job_changed(change("a", "Succeeded"))
    await waiting


async def test_a_job_that_failed_ends_the_wait_with_its_own_words():
    progress = Progress(2)
    waiting = asyncio.create_task(progress.settled(patience=60))
    await asyncio.sleep(0)
    progress.job_changed(change("a", "Failed", "no such image"))
    with pytest.raises(StalledError, match="ns/a failed: no such image"):
        await waiting


async def test_when_nothing_happens_any_more_it_is_said_how_far_the_jobs_are():
    progress = Progress(3)
    progress.job_changed(change("a", "Succeeded"))
    progress.pod_changed(change("p", "Running"))
    with pytest.raises(StalledError, match="1 of 3 jobs succeeded, 1 pods"):
        await progress.settled(patience=0)
