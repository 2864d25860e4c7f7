"""The life of one pod as a kubelet leads it: what to start, what to stop, when to look again.

A machine performs no I/O: whoever drives it asks `PodMachine.step` what to do, does it, and
tells the machine what came of it. The process runtime and the simulated one drive the same
machine, so that both show the same phases.

Promises the kubelet's rules for init containers in order, sidecars (init containers that always
restart, KEP-753), restart policies with crash-loop back-off, the active deadline, and deletion
with grace. Does not know probes, lifecycle hooks, ephemeral containers or restarts in place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from mlctl_core.embedded.node import resume, waiting
from mlctl_core.embedded.node.records import Record, Termination
from mlctl_core.embedded.node.steps import Ending, Refusal, Step, Stop
from mlctl_core.objects.times import parse_time

if TYPE_CHECKING:
    from datetime import datetime

    from mlctl_core.clock import Clock
    from mlctl_core.embedded.node.manifest import Container, Pod

__all__ = ["PodMachine"]

# Retries of volumes: pkg/util/goroutinemap/exponentialbackoff, shortened at the start's end.
MOUNT_RETRY_SECONDS = 1.0
MOUNT_RETRY_MAX_SECONDS = 120.0

DEADLINE_REASON = "DeadlineExceeded"
DEADLINE_MESSAGE = "Pod was active on the node longer than the specified deadline"


class PodMachine:
    """One pod's state on this node. Not thread-safe; owned by the driver of the pod."""

    def __init__(self, pod: Pod, clock: Clock) -> None:
        self.pod = pod
        self._clock = clock
        spec = pod.spec
        self.records: dict[str, Record] = {
            container.name: Record() for container in (*spec.init_containers, *spec.containers)
        }
        self.start_time: datetime = clock.now()
        self.is_prepared = False
        self.ending: Ending | None = None
        self._sidecars = {c.name for c in spec.init_containers if c.is_sidecar}
        self._preparing = False
        self._mount_delay = 0.0
        self._mount_retry_at = 0.0
        self._deadline_at: float | None = None
        self._take_over()
        self._set_deadline()

    # What the driver asks.

    def step(self) -> Step:
        """What to do now; asks for each thing once."""
        now = self._clock.monotonic()
        if not self.is_ending and self._deadline_at is not None and now >= self._deadline_at:
            grace = float(self.pod.spec.termination_grace_period_seconds)
            self.ending = Ending(DEADLINE_REASON, DEADLINE_MESSAGE, grace)
        if self.is_ending:
            return self._wind_down()
        if not self.is_prepared:
            return self._prepare(now)
        return self._advance(now)

    @property
    def is_ending(self) -> bool:
        """Whether no container will be started any more."""
        if self.ending is not None or self.pod.metadata.deletion_timestamp is not None:
            return True
        return self.init_failed or self.mains_ended

    @property
    def is_over(self) -> bool:
        """Whether the pod is ending and nothing of it runs."""
        return self.is_ending and not any(r.running for r in self.records.values())

    @property
    def init_failed(self) -> bool:
        """Whether an init container failed for good."""
        return self.pod.spec.restart_policy == "Never" and any(
            (ended := self.records[c.name].ended) is not None and not ended.succeeded
            for c in self.pod.spec.init_containers
            if not c.is_sidecar
        )

    @property
    def mains_ended(self) -> bool:
        """Whether all regular containers have ended for good."""
        return all(
            (ended := self.records[c.name].ended) is not None and not self._restarts(c.name, ended)
            for c in self.pod.spec.containers
        )

    @property
    def initialized(self) -> bool:
        """Whether the regular containers may start."""
        return all(self._is_initialized(c) for c in self.pod.spec.init_containers)

    # What the driver reports.

    def update(self, pod: Pod) -> None:
        """The object has changed: a deletion, or another deadline."""
        self.pod = pod
        self._set_deadline()

    def end(self, ending: Ending) -> None:
        """The node wants the pod gone."""
        self.ending = self.ending or ending

    def prepared(self) -> None:
        """The volumes are there."""
        self.is_prepared, self._preparing = True, False

    def preparation_failed(self) -> None:
        """The volumes could not be made; they are tried again with doubling delays."""
        self._preparing = False
        doubled = max(MOUNT_RETRY_SECONDS, self._mount_delay * 2)
        self._mount_delay = min(doubled, MOUNT_RETRY_MAX_SECONDS)
        self._mount_retry_at = self._clock.monotonic() + self._mount_delay

    def started(self, name: str, container_id: str) -> None:
        """The container's command runs."""
        self.records[name] = attrs.evolve(
            self.records[name],
            launching=False,
            started_at=self._clock.now(),
            container_id=container_id,
            waiting_reason="",
            waiting_message="",
            stop_grace=None,
        )

    def refused(self, name: str, refusal: Refusal) -> None:
        """The container could not be started, and it is not its program's fault."""
        self.records[name] = waiting.refused(self.records[name], refusal, self._clock.monotonic())

    def exited(self, name: str, exit_code: int, reason: str = "", message: str = "") -> None:
        """The container has ended, or (launching) its command could not be executed."""
        record = self.records[name]
        ended = Termination(
            exit_code=exit_code,
            reason=reason or ("Completed" if exit_code == 0 else "Error"),
            message=message,
            started_at=record.started_at,
            finished_at=self._clock.now(),
            container_id=record.container_id,
        )
        self.records[name] = attrs.evolve(
            record,
            launching=False,
            started_at=None,
            ended=ended,
            backoff=record.backoff.failed(self._clock.monotonic()),
            waiting_reason="",
            waiting_message="",
        )

    # How it decides.

    def _prepare(self, now: float) -> Step:
        if self._preparing:
            return Step(wake_after=self._until_deadline(now))
        if now < self._mount_retry_at:
            return self._wait(now, [self._mount_retry_at])
        self._preparing = True
        return Step(prepare=True, wake_after=self._until_deadline(now))

    def _advance(self, now: float) -> Step:
        """Starts what is due: the init container whose turn it is, sidecars, regular ones."""
        start: list[Container] = []
        due: list[float] = []
        for container in self._in_turn():
            record = self.records[container.name]
            if record.running:
                continue
            if record.ended is not None and not self._restarts(container.name, record.ended):
                continue
            at = max(record.retry_at, record.backoff.until)
            if now < at:
                record, news_at = waiting.explained(record, container.name, self.pod.metadata, now)
                self.records[container.name] = record
                due += [at] if news_at is None else [at, news_at]
                continue
            start.append(self._launch(container, now))
        return self._wait(now, due, tuple(start))

    def _in_turn(self) -> list[Container]:
        """The containers that may run now."""
        spec = self.pod.spec
        turn: list[Container] = []
        for container in spec.init_containers:
            if container.is_sidecar:
                turn.append(container)
                if not self._is_initialized(container):
                    return turn
            elif not self._is_initialized(container):
                return [*turn, container]
        return [*turn, *spec.containers]

    def _launch(self, container: Container, now: float) -> Container:
        record = self.records[container.name]
        if record.ended is not None:
            record = attrs.evolve(
                record,
                last=record.ended,
                ended=None,
                restarts=record.restarts + 1,
                backoff=record.backoff.attempted(now),
            )
        self.records[container.name] = attrs.evolve(record, launching=True, stop_grace=None)
        return container

    def _wind_down(self) -> Step:
        """Stops what runs: regular containers first, then sidecars, the last one first."""
        grace = self._grace()
        spec = self.pod.spec
        mains = [c.name for c in spec.containers if self.records[c.name].running]
        inits = [
            c.name
            for c in spec.init_containers
            if self.records[c.name].running and not c.is_sidecar
        ]
        sidecars = [
            c.name
            for c in reversed(spec.init_containers)
            if self.records[c.name].running and c.is_sidecar
        ]
        stop = []
        for name in mains or inits or sidecars[:1]:
            asked = self.records[name].stop_grace
            if not self.records[name].launching and (asked is None or grace < asked):
                self.records[name] = attrs.evolve(self.records[name], stop_grace=grace)
                stop.append(Stop(name, grace))
        return Step(stop=tuple(stop), finished=self.is_over)

    def _grace(self) -> float:
        metadata = self.pod.metadata
        if metadata.deletion_timestamp is not None:
            return float(metadata.deletion_grace_period_seconds or 0)
        if self.ending is not None:
            return self.ending.grace
        return float(self.pod.spec.termination_grace_period_seconds)

    def _wait(self, now: float, due: list[float], start: tuple[Container, ...] = ()) -> Step:
        if self._deadline_at is not None:
            due.append(self._deadline_at)
        return Step(start=start, wake_after=max(0.0, min(due) - now) if due else None)

    def _until_deadline(self, now: float) -> float | None:
        return None if self._deadline_at is None else max(0.0, self._deadline_at - now)

    def _is_initialized(self, container: Container) -> bool:
        record = self.records[container.name]
        if container.is_sidecar:  # it counts as soon as it has run, also while it restarts
            return record.started_at is not None or record.ended is not None or record.restarts > 0
        return record.ended is not None and record.ended.succeeded

    def _restarts(self, name: str, ended: Termination) -> bool:
        policy = self.pod.spec.restart_policy
        if name in self._sidecars:
            return True
        if name in self._init_names() and ended.succeeded:
            return False
        return policy == "Always" or (policy == "OnFailure" and not ended.succeeded)

    def _init_names(self) -> set[str]:
        return {c.name for c in self.pod.spec.init_containers}

    def _take_over(self) -> None:
        """Goes on from what an earlier process of this node reported."""
        status = self.pod.status
        if status.start_time:
            self.start_time = parse_time(status.start_time)
        self.records |= resume.records(self.pod, self._clock.now())
        if self.mains_ended:
            return
        for name in resume.run_again(self.pod, self.records):
            record = self.records[name]
            self.records[name] = attrs.evolve(
                record, ended=None, last=record.ended, restarts=record.restarts + 1
            )

    def _set_deadline(self) -> None:
        seconds = self.pod.spec.active_deadline_seconds
        if seconds is None:
            return
        active = (self._clock.now() - self.start_time).total_seconds()
        self._deadline_at = self._clock.monotonic() + seconds - active
