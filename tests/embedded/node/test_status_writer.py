from __future__ import annotations

import asyncio

import pytest
from node_pods import deleted, pod

from mlctl_core.client.client import PatchType
from mlctl_core.client.errors import (
    ConflictError,
    ConnectionFailedError,
    InvalidError,
    NotFoundError,
    UnavailableError,
)
from mlctl_core.embedded.node.status_writer import StatusWriter
from mlctl_core.testing.clock import VirtualClock


class Server:
    """Records what is written; answers with the errors that a test lines up."""

    def __init__(self):
        self.statuses = []
        self.deletions = []
        self.errors = []
        self.gate = None

    async def patch(self, kind, name, patch, namespace, *, patch_type, subresource):
        if self.gate is not None:
            await self.gate.wait()
        assert (subresource, patch_type) == ("status", PatchType.STRATEGIC)
        assert patch["metadata"]["uid"] == "u1"
        self._fail()
        self.statuses.append(patch["status"])

    async def delete(self, kind, name, namespace, *, uid, grace_period_seconds):
        self._fail()
        self.deletions.append((name, uid, grace_period_seconds))

    def _fail(self):
        if self.errors and (error := self.errors.pop(0)) is not None:
            raise error


class Pod:
    def __init__(self, metadata=None):
        self.written = None
        self.metadata = pod(metadata=metadata).metadata
        self.removable = False
        self.value = 1

    def status(self):
        return {"value": self.value}


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
async def writer(server, clock):
    writer = StatusWriter(server, clock)
    task = asyncio.create_task(writer.run())
    yield writer
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_status_is_written_once_until_it_changes(writer, server):
    a_pod = Pod()
    for value in (1, 1, 2, 2):
        a_pod.value = value
        writer.changed(a_pod)
        await writer.drain()

    assert server.statuses == [{"value": 1}, {"value": 2}]


async def test_what_changes_during_a_write_becomes_one_more_write(writer, server, clock):
    server.gate = asyncio.Event()
    a_pod = Pod()
    writer.changed(a_pod)
    await clock.settle()
    for value in (2, 3, 4):
        a_pod.value = value
        writer.changed(a_pod)
        await clock.settle()
    server.gate.set()
    await writer.drain()

    assert server.statuses == [{"value": 1}, {"value": 4}]


@pytest.mark.parametrize("error", [ConnectionFailedError("away"), UnavailableError(503)])
async def test_a_server_that_is_away_is_asked_again_ever_more_slowly(writer, server, clock, error):
    server.errors = [error, error, error]
    writer.changed(Pod())
    tries = []
    while not server.statuses:
        await clock.settle()
        tries.append(clock.next_timer())
        await clock.advance((tries[-1] or clock.monotonic()) - clock.monotonic())

    assert [at for at in tries if at is not None] == [0.5, 1.5, 3.5]


@pytest.mark.parametrize("error", [NotFoundError(404), ConflictError(409), InvalidError(422)])
async def test_what_the_server_will_never_take_is_given_up(writer, server, clock, error):
    server.errors = [error]
    writer.changed(Pod())
    await writer.drain()

    assert clock.next_timer() is None
    other = Pod()
    writer.changed(other)
    await writer.drain()
    assert server.statuses == [{"value": 1}]


async def test_a_status_that_cannot_be_made_harms_no_other_pod(writer, server):
    class Broken(Pod):
        def status(self):
            raise KeyError("bug")

    writer.changed(Broken())
    writer.changed(Pod())
    await writer.drain()

    assert server.statuses == [{"value": 1}]


async def test_a_pod_whose_end_was_asked_for_is_removed_after_its_last_status(writer, server):
    a_pod = Pod(deleted())
    writer.changed(a_pod)
    await writer.drain()
    assert server.deletions == []

    a_pod.removable = True
    a_pod.value = 2
    writer.changed(a_pod)
    await writer.drain()
    assert server.statuses == [{"value": 1}, {"value": 2}]
    assert server.deletions == [("p", "u1", 0)]


async def test_a_removal_that_fails_is_tried_again(writer, server, clock):
    server.errors = [None, ConnectionFailedError("away")]
    a_pod = Pod(deleted())
    a_pod.removable = True
    writer.changed(a_pod)
    await writer.drain()
    await clock.advance(1)

    assert len(server.statuses) == 1
    assert server.deletions == [("p", "u1", 0)]


async def test_a_pod_that_waits_for_its_finalizers_is_not_deleted_again(writer, server):
    a_pod = Pod(deleted(grace=0))
    a_pod.removable = True
    writer.changed(a_pod)
    await writer.drain()

    assert server.deletions == []
