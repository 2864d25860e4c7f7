from __future__ import annotations

import asyncio
import json
from random import Random

import pytest

from mlctl_core.client.errors import (
    AlreadyExistsError,
    ConflictError,
    ConnectionFailedError,
    LeaseLostError,
    NotFoundError,
)
from mlctl_core.manager.leader import (
    JITTER,
    LEASE_SECONDS,
    RENEW_SECONDS,
    REQUEST_SECONDS,
    RETRY_SECONDS,
    Elector,
    LeaseNamespaceError,
)
from mlctl_core.telemetry.metrics import Metrics
from mlctl_core.testing.clock import VirtualClock


class LeaseServer:
    """One Lease with optimistic concurrency, as the API server keeps it."""

    def __init__(self):
        self.lease = None
        self.no_namespace = None
        self.version = 0
        self.writes = []

    def store(self, body):
        self.version += 1
        metadata = {**body["metadata"], "resourceVersion": str(self.version)}
        self.lease = {**body, "metadata": metadata}
        self.writes.append(self.lease["spec"])
        return json.dumps(self.lease).encode()

    @property
    def holder(self):
        return self.lease["spec"]["holderIdentity"]


class LeaseClient:
    """One candidate's way to the server, which a test can cut or make hang."""

    def __init__(self, server):
        self.server = server
        self.error = None
        self.hang = None
        self.lost_answers = 0
        self.requests = 0

    async def reach(self):
        self.requests += 1
        if self.hang is not None:
            await self.hang.wait()
        if self.error is not None:
            raise self.error

    async def get(self, kind, name, namespace=""):
        await self.reach()
        if self.server.lease is None:
            raise NotFoundError(404)
        return json.dumps(self.server.lease).encode()

    async def create(self, kind, body, namespace="", **options):
        await self.reach()
        if self.server.no_namespace is not None:
            raise self.server.no_namespace
        if self.server.lease is not None:
            raise AlreadyExistsError(409)
        return self.server.store(body)

    async def replace(self, kind, body, **options):
        await self.reach()
        if self.server.lease is None:
            raise NotFoundError(404)
        if body["metadata"]["resourceVersion"] != self.server.lease["metadata"]["resourceVersion"]:
            raise ConflictError(409)
        answer = self.server.store(body)
        if self.lost_answers:
            self.lost_answers -= 1
            raise ConnectionFailedError("reset")
        return answer


class Candidate:
    def __init__(self, server, name, clock):
        self.client = LeaseClient(server)
        self.metrics = Metrics()
        self.elector = Elector(
            self.client,
            name="mlctl",
            namespace="ns",
            identity=name,
            clock=clock,
            random=Random(name),
            metrics=self.metrics,
        )
        self.task = None

    def start(self):
        """Acquire, then hold until it is lost."""

        async def lead():
            await self.elector.acquire()
            await self.elector.hold()

        self.task = asyncio.create_task(lead())

    @property
    def leads(self):
        try:
            self.elector.guard()
        except LeaseLostError:
            return False
        return True

    @property
    def gauge(self):
        name = "leader_election_master_status"
        return self.metrics.registry.get_sample_value(name, {"name": "mlctl"})

    async def stop(self):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@pytest.fixture
async def rig():
    made = Rig()
    yield made
    for candidate in made.candidates:
        if candidate.task is not None:
            await candidate.stop()


class Rig:
    def __init__(self):
        self.clock = VirtualClock()
        self.server = LeaseServer()
        self.candidates = []

    def candidate(self, name, clock=None):
        made = Candidate(self.server, name, clock or self.clock)
        self.candidates.append(made)
        return made


# A standby asks at the latest so long after it asked before.
PATIENCE = RETRY_SECONDS * (1 + JITTER)


async def test_the_first_to_come_leads(rig):
    a = rig.candidate("a")
    assert not a.leads
    a.start()
    await rig.clock.settle()
    assert a.leads
    assert rig.server.holder == "a"
    assert rig.server.lease["spec"]["leaseTransitions"] == 0


async def test_without_a_namespace_for_the_lease_there_is_nothing_to_wait_for(rig):
    a = rig.candidate("a")
    rig.server.no_namespace = NotFoundError(404, message='namespaces "ns" not found')
    a.start()
    with pytest.raises(LeaseNamespaceError, match=r'"ns" not found.*--leader-elect-namespace'):
        await a.task


async def test_a_leader_whose_namespace_goes_leads_until_its_time_is_up(rig):
    a = rig.candidate("a")
    a.start()
    await rig.clock.settle()
    rig.server.lease, rig.server.no_namespace = None, NotFoundError(404)
    await rig.clock.advance(RENEW_SECONDS - 0.1)
    assert a.leads
    await rig.clock.advance(0.2)
    with pytest.raises(LeaseLostError):
        await a.task


async def test_it_leads_for_as_long_as_it_renews(rig):
    a, b = rig.candidate("a"), rig.candidate("b")
    a.start()
    await rig.clock.settle()
    b.start()
    for _ in range(100):
        await rig.clock.advance(1)
        assert (a.leads, b.leads) == (True, False)
    assert (a.gauge, b.gauge) == (1, 0)


async def test_renewing_takes_one_request_each_time(rig):
    a = rig.candidate("a")
    a.start()
    await rig.clock.advance(RETRY_SECONDS * 10 + 0.1)
    assert a.client.requests == 2 + 10


async def test_a_standby_takes_over_when_the_lease_ran_out(rig):
    a, b = rig.candidate("a"), rig.candidate("b")
    a.start()
    await rig.clock.settle()
    b.start()
    await rig.clock.advance(5)
    await a.stop()
    await rig.clock.advance(LEASE_SECONDS - RETRY_SECONDS)
    assert not b.leads
    await rig.clock.advance(2 * PATIENCE)
    assert b.leads
    assert rig.server.lease["spec"]["leaseTransitions"] == 1


async def test_the_leader_gives_up_before_a_standby_can_take_over(rig):
    a, b = rig.candidate("a"), rig.candidate("b")
    a.start()
    await rig.clock.settle()
    b.start()
    a.client.error = ConnectionFailedError("cut")
    for _ in range(int((LEASE_SECONDS + 2 * PATIENCE) * 10)):
        await rig.clock.advance(0.1)
        assert not (a.leads and b.leads)
    assert b.leads
    assert isinstance(a.task.exception(), LeaseLostError)
    assert a.gauge == 0


async def test_a_request_that_hangs_once_does_not_cost_the_lease(rig):
    a = rig.candidate("a")
    a.start()
    await rig.clock.settle()
    a.client.hang = asyncio.Event()
    await rig.clock.advance(RETRY_SECONDS + REQUEST_SECONDS - 0.1)
    a.client.hang = None
    for _ in range(100):
        await rig.clock.advance(0.1)
        assert a.leads


async def test_a_server_that_hangs_costs_the_lease_at_the_renew_deadline_and_not_later(rig):
    a = rig.candidate("a")
    a.start()
    await rig.clock.settle()
    a.client.hang = asyncio.Event()
    await rig.clock.advance(RENEW_SECONDS - 0.1)
    assert a.leads
    assert not a.task.done()
    await rig.clock.advance(0.1)
    assert isinstance(a.task.exception(), LeaseLostError)
    assert not a.leads


async def test_the_renew_deadline_counts_from_the_last_renewal(rig):
    a = rig.candidate("a")
    a.start()
    await rig.clock.advance(60 * RETRY_SECONDS)
    a.client.hang = asyncio.Event()
    await rig.clock.advance(RENEW_SECONDS - 0.1)
    assert a.leads
    await rig.clock.advance(0.1)
    assert isinstance(a.task.exception(), LeaseLostError)


async def test_a_renewal_whose_answer_was_lost_does_not_cost_the_lease(rig):
    a = rig.candidate("a")
    a.start()
    await rig.clock.settle()
    a.client.lost_answers = 1
    for _ in range(300):
        await rig.clock.advance(0.1)
        assert a.leads
    assert rig.server.lease["spec"]["leaseTransitions"] == 0


async def test_a_lease_that_was_removed_is_made_again_by_who_leads(rig):
    a = rig.candidate("a")
    a.start()
    await rig.clock.settle()
    rig.server.lease = None
    await rig.clock.advance(RETRY_SECONDS + 0.1)
    assert rig.server.holder == "a"
    await rig.clock.advance(2 * RENEW_SECONDS)
    assert a.leads


@pytest.mark.parametrize("phase", [0.0, 0.5, 1.0, 1.5, 1.9])
@pytest.mark.parametrize("name", ["b", "c", "d"])
async def test_a_leader_that_died_is_followed_within_18_seconds_whenever_that_was(rig, name, phase):
    a, b = rig.candidate("a"), rig.candidate(name)
    a.start()
    await rig.clock.settle()
    b.start()
    await rig.clock.advance(60 + phase)
    await a.stop()
    await rig.clock.advance(LEASE_SECONDS + RETRY_SECONDS * (1 + JITTER) + 0.1)
    assert b.leads


async def test_a_standby_asks_no_faster_when_the_lease_ran_out_and_the_server_is_away(rig):
    a, b = rig.candidate("a"), rig.candidate("b")
    a.start()
    await rig.clock.settle()
    b.start()
    await rig.clock.advance(5)
    await a.stop()
    b.client.error = ConnectionFailedError("refused")
    before = b.client.requests
    await rig.clock.advance(100)
    assert b.client.requests - before <= 100 / RETRY_SECONDS + 1


async def test_a_process_that_slept_writes_nothing_when_it_wakes(rig):
    a = rig.candidate("a")
    a.start()
    await rig.clock.settle()
    await a.stop()  # nothing runs, as in a stopped process; only time goes on
    await rig.clock.advance(RENEW_SECONDS - 0.1)
    assert a.leads
    await rig.clock.advance(0.1)
    assert not a.leads


@pytest.mark.parametrize("skew", [-3600, 3600])
async def test_wall_clocks_may_disagree_by_hours(rig, skew):
    other = rig.clock
    a = rig.candidate("a")
    a.start()
    await rig.clock.settle()
    other.step_wall(skew)
    b = rig.candidate("b")
    b.start()
    for _ in range(60):
        await rig.clock.advance(1)
        assert (a.leads, b.leads) == (True, False)


async def test_a_released_lease_is_taken_at_once(rig):
    a, b = rig.candidate("a"), rig.candidate("b")
    a.start()
    await rig.clock.settle()
    b.start()
    await rig.clock.advance(5)
    await a.stop()
    await a.elector.release()
    assert rig.server.holder == ""
    assert not a.leads
    await rig.clock.advance(PATIENCE)
    assert b.leads


async def test_a_standby_that_stops_releases_nothing(rig):
    a, b = rig.candidate("a"), rig.candidate("b")
    a.start()
    await rig.clock.settle()
    b.start()
    await rig.clock.advance(5)
    await b.stop()
    writes = len(rig.server.writes)
    await b.elector.release()
    assert len(rig.server.writes) == writes


async def test_a_lease_that_another_took_is_not_released(rig):
    a = rig.candidate("a")
    a.start()
    await rig.clock.settle()
    await a.stop()
    taken = {**rig.server.lease["spec"], "holderIdentity": "b"}
    rig.server.store({**rig.server.lease, "spec": taken})
    await a.elector.release()
    assert rig.server.holder == "b"


async def test_losing_it_to_another_shows_at_the_next_renewal(rig):
    a = rig.candidate("a")
    a.start()
    await rig.clock.settle()
    taken = {**rig.server.lease["spec"], "holderIdentity": "b"}
    rig.server.store({**rig.server.lease, "spec": taken})
    await rig.clock.advance(2 * RETRY_SECONDS + 0.1)
    assert not a.leads
    assert isinstance(a.task.exception(), LeaseLostError)
    assert rig.server.holder == "b"


async def test_of_two_that_start_together_one_leads(rig):
    a, b = rig.candidate("a"), rig.candidate("b")
    a.start()
    b.start()
    await rig.clock.advance(1)
    assert a.leads is not b.leads


async def test_a_lease_that_a_person_touched_is_renewed_all_the_same(rig):
    a = rig.candidate("a")
    a.start()
    await rig.clock.settle()
    labelled = {**rig.server.lease["metadata"], "labels": {"x": "y"}}
    rig.server.store({**rig.server.lease, "metadata": labelled})
    await rig.clock.advance(60)
    assert a.leads
    assert rig.server.lease["metadata"]["labels"] == {"x": "y"}


async def test_times_in_the_lease_are_utc(rig):
    a = rig.candidate("a")
    a.start()
    await rig.clock.settle()
    assert rig.server.lease["spec"]["renewTime"] == "2026-01-01T00:00:00.000000Z"


class TestLook:
    """Whether what was read between `look` and `acquire` may be another leader's yesterday."""

    async def test_nothing_is_out_of_date_when_nobody_has_ever_led(self, rig):
        a = rig.candidate("a").elector
        await a.look()
        assert not await a.acquire()

    async def test_nor_when_the_last_leader_had_given_the_lease_back_before(self, rig):
        b, a = rig.candidate("b").elector, rig.candidate("a").elector
        await b.acquire()
        await b.release()
        await a.look()
        assert not await a.acquire()

    async def test_it_may_be_when_another_led_at_the_look(self, rig):
        b, a = rig.candidate("b").elector, rig.candidate("a").elector
        await b.acquire()
        await a.look()
        await b.release()
        assert await a.acquire()

    @pytest.mark.parametrize("had_led", [True, False])
    async def test_or_came_and_went_since(self, rig, had_led):
        b, a = rig.candidate("b").elector, rig.candidate("a").elector
        if had_led:
            await b.acquire()
            await b.release()
        await a.look()
        await b.acquire()
        await b.release()
        assert await a.acquire()

    async def test_or_was_a_leader_once_whose_lease_was_removed(self, rig):
        b, a = rig.candidate("b").elector, rig.candidate("a").elector
        await b.acquire()
        await a.look()
        rig.server.lease = None
        assert await a.acquire()

    async def test_or_the_server_could_not_be_asked(self, rig):
        a = rig.candidate("a")
        a.client.error = ConnectionFailedError("refused")
        await a.elector.look()
        a.client.error = None
        assert await a.elector.acquire()
