"""Leader election by a Lease: of several replicas one works.

Promises that `Elector.guard` lets nothing through once this process can no longer be sure to
hold the Lease, judged by its own monotonic clock alone: clocks of machines may disagree by
hours, only their rates must not differ by more than LEASE_SECONDS to RENEW_SECONDS. Does not
promise that two processes never believe they lead: a Lease is no fence, and a request may
reach the server after it ran out. That is why every write has preconditions of its own.

The rules are those of client-go's leaderelection, with the guard added.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import msgspec
import structlog

from mlctl_core.client.errors import (
    AlreadyExistsError,
    ClientError,
    ConflictError,
    LeaseLostError,
    NotFoundError,
)
from mlctl_core.clock import deadline
from mlctl_core.objects.json import Json
from mlctl_core.objects.kinds import LEASE

if TYPE_CHECKING:
    from random import Random

    from mlctl_core.client.client import Client
    from mlctl_core.clock import Clock
    from mlctl_core.telemetry.metrics import Metrics

# client-go's and controller-runtime's defaults. A standby takes over LEASE_SECONDS after it saw
# the last renewal; the leader stops RENEW_SECONDS after the last that succeeded, earlier by what
# its clock may run slower.
LEASE_SECONDS = 15
RENEW_SECONDS = 10.0
RETRY_SECONDS = 2.0
# Retries are spread by up to this factor, so that standbys do not ask in step. client-go's 1.2
# lets the Lease of a leader that died lie unused for 24 s; with this it is 18 s and a request:
# a renewal is seen RETRY_SECONDS * (1 + JITTER) late at most, and what runs out is asked for
# when it does.
JITTER = 0.5
# One hanging request must leave time for another within RENEW_SECONDS.
REQUEST_SECONDS = max(1.0, RENEW_SECONDS / 2)
# Tries to give the Lease back; whoever waits for it waits LEASE_SECONDS otherwise.
RELEASE_TRIES = 3

_log = structlog.get_logger()


class LeaseNamespaceError(Exception):
    """There is no such namespace for the Lease: waiting would be for somebody who does not come."""


@attrs.frozen
class _Seen:
    """A state of the Lease, and when it was first seen here."""

    lease: Json
    at: float

    @property
    def spec(self) -> Json:
        spec: Json = self.lease.get("spec") or {}
        return spec

    @property
    def holder(self) -> str:
        return self.spec.get("holderIdentity") or ""


class Elector:
    """One candidate for one Lease.

    Args:
        client: With a connection of its own, so that a busy one cannot cost the Lease.
        name: Of the Lease.
        namespace: Of the Lease.
        identity: Of this process, unlike any other's.
        clock: Time; only its monotonic side decides.
        random: Spreads the retries.
        metrics: Gets ``leader_election_master_status``.
    """

    def __init__(
        self,
        client: Client,
        *,
        name: str,
        namespace: str,
        identity: str,
        clock: Clock,
        random: Random,
        metrics: Metrics,
    ) -> None:
        self._client = client
        self._name = name
        self._namespace = namespace
        self._identity = identity
        self._clock = clock
        self._random = random
        self._metrics = metrics
        self._seen: _Seen | None = None
        # Whether nobody, as far as was seen, has led since `look`.
        self._vacant = False
        self._valid_until = float("-inf")
        metrics.leader(name, leads=False)

    def guard(self) -> None:
        """Return if this process holds the Lease for certain, now.

        Raises:
            LeaseLostError: it does not, or not any more.
        """
        if not self._leads():
            raise LeaseLostError(f"Lease {self._namespace}/{self._name} is not held for certain")

    async def look(self) -> None:
        """See whether anybody leads; to be called before anything is read that a leader changes."""
        try:
            async with deadline(self._clock, REQUEST_SECONDS):
                seen = await self._read()
        except (ClientError, TimeoutError) as error:
            _log.warning("lease not read", lease=self._name, error=str(error) or "timed out")
        else:
            self._vacant = seen is None or not seen.holder

    async def acquire(self) -> bool:
        """Wait until this process leads.

        Returns:
            Whether somebody may have led after `look`, and what was read since be out of date.

        Raises:
            LeaseNamespaceError: the Lease's namespace does not exist.
        """
        while not await self._try():
            now = self._clock.monotonic()
            # Jitter spreads candidates that were all started by one rollout.
            wait = RETRY_SECONDS * (1 + self._random.random() * JITTER)
            left = 0.0 if self._seen is None else self._runs_out(self._seen) - now
            await self._clock.sleep(min(wait, left) if left > 0 else wait)
        self._metrics.leader(self._name, leads=True)
        _log.info("leading", lease=self._name, identity=self._identity)
        return not self._vacant

    async def hold(self) -> None:
        """Renew the Lease until it is lost.

        Raises:
            LeaseLostError: another process holds it, or it was not renewed in RENEW_SECONDS,
                whatever the server does meanwhile.
        """
        try:
            while True:
                try:
                    async with deadline(self._clock, self._valid_until - self._clock.monotonic()):
                        await self._renew()
                except TimeoutError:
                    self._valid_until = float("-inf")
                self.guard()
        except LeaseLostError:
            self._metrics.leader(self._name, leads=False)
            _log.error("lease lost", lease=self._name)
            raise

    async def release(self) -> None:
        """Give the Lease back, so that a standby need not wait; after the last write only.

        Nothing is written any more from here on. A Lease that cannot be given back runs out.
        """
        held = self._leads()
        self._valid_until = float("-inf")
        self._metrics.leader(self._name, leads=False)
        if not held:
            return
        for _ in range(RELEASE_TRIES):
            try:
                async with deadline(self._clock, REQUEST_SECONDS):
                    seen = await self._read()
                    if seen is None or seen.holder != self._identity:
                        return
                    spec = {**seen.spec, "holderIdentity": "", "leaseDurationSeconds": 1}
                    spec["renewTime"] = self._now()
                    await self._client.replace(LEASE, {**seen.lease, "spec": spec})
            except ConflictError:
                continue
            except (ClientError, TimeoutError) as error:
                _log.warning("lease not released", lease=self._name, error=str(error))
                return
            _log.info("lease released", lease=self._name)
            return

    async def _renew(self) -> None:
        """Return once the Lease is renewed, or is known to be another's."""
        while self._leads():
            await self._clock.sleep(RETRY_SECONDS)
            if await self._try():
                return

    async def _try(self) -> bool:
        """Take or renew the Lease; False when that is not possible now."""
        started = self._clock.monotonic()
        try:
            async with deadline(self._clock, REQUEST_SECONDS):
                held = await self._take()
        except (ConflictError, AlreadyExistsError):
            return False
        except (ClientError, TimeoutError) as error:
            _log.warning("lease not renewed", lease=self._name, error=str(error) or "timed out")
            return False
        if held:
            # From when the request went out: the server may have dated it so.
            self._valid_until = started + RENEW_SECONDS
        elif self._seen is not None and self._seen.holder != self._identity:
            self._valid_until = float("-inf")
        return held

    async def _take(self) -> bool:
        if self._leads() and self._seen is not None:
            # A leader knows the Lease's state from its own last write, and need not read it.
            try:
                await self._write(self._seen)
            except (ConflictError, NotFoundError):
                # Touched or removed by somebody, or by our own write whose answer was lost.
                pass
            else:
                return True
        seen = await self._read()
        if seen is None:
            try:
                raw = await self._client.create(LEASE, self._fresh(), self._namespace)
            except NotFoundError as error:
                if self._leads():
                    raise  # what was begun may be finished while the guard allows it
                raise LeaseNamespaceError(
                    f"Lease {self._namespace}/{self._name} cannot be made: {error.message}; "
                    "create the namespace, or name another by --leader-elect-namespace"
                ) from error
            self._remember(raw)
            return True
        if seen.holder not in ("", self._identity) and not self._ran_out(seen):
            return False
        await self._write(seen)
        return True

    async def _write(self, seen: _Seen) -> None:
        """Put our name and the time on the Lease that was seen, if it has not changed since."""
        spec = {
            **seen.spec,
            "holderIdentity": self._identity,
            "leaseDurationSeconds": LEASE_SECONDS,
            "renewTime": self._now(),
        }
        if seen.holder != self._identity:
            spec["acquireTime"] = self._now()
            spec["leaseTransitions"] = (seen.spec.get("leaseTransitions") or 0) + 1
        # Carries the resourceVersion that was seen: of two candidates one gets a conflict.
        self._remember(await self._client.replace(LEASE, {**seen.lease, "spec": spec}))

    async def _read(self) -> _Seen | None:
        try:
            raw = await self._client.get(LEASE, self._name, self._namespace)
        except NotFoundError:
            self._vacant = self._vacant and self._seen is None
            return None
        before, seen = self._seen, self._remember(raw)
        self._vacant = self._vacant and seen is before
        return seen

    def _remember(self, raw: bytes) -> _Seen:
        lease: Json = msgspec.json.decode(raw)
        (lease.get("metadata") or {}).pop("managedFields", None)
        if self._seen is None or self._seen.lease != lease:
            self._seen = _Seen(lease, self._clock.monotonic())
        return self._seen

    def _ran_out(self, seen: _Seen) -> bool:
        """Whether the holder has not renewed for as long as it said, by our clock alone."""
        return self._clock.monotonic() >= self._runs_out(seen)

    def _runs_out(self, seen: _Seen) -> float:
        seconds: float = seen.spec.get("leaseDurationSeconds") or LEASE_SECONDS
        return seen.at + seconds

    def _leads(self) -> bool:
        return self._clock.monotonic() < self._valid_until

    def _fresh(self) -> Json:
        return {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.name,
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": {
                "holderIdentity": self._identity,
                "leaseDurationSeconds": LEASE_SECONDS,
                "acquireTime": self._now(),
                "renewTime": self._now(),
                "leaseTransitions": 0,
            },
        }

    def _now(self) -> str:
        return self._clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
