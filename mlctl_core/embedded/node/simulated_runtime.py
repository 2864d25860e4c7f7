"""The pods of nodes in mode ``simulated``: phases by annotations, and nothing runs.

Drives the same machine as the process runtime, so init containers, restart policies, back-off,
deadlines and deletion look the same. Thousands of pods cost a timer and two or three status
writes each, and no task.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlctl_core.embedded.node.admission import Admission
from mlctl_core.embedded.node.logs import NOT_FOUND, LogsUnavailableError, not_started
from mlctl_core.embedded.node.machine import PodMachine
from mlctl_core.embedded.node.pod_status import TERMINAL_PHASES, pod_status
from mlctl_core.embedded.node.removal import Removal
from mlctl_core.embedded.node.simulation import Script, parse_script
from mlctl_core.embedded.node.steps import Refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from mlctl_core.clock import Clock, TimerHandle
    from mlctl_core.embedded.node.environment import Facts
    from mlctl_core.embedded.node.log_reader import LogOptions
    from mlctl_core.embedded.node.manifest import Pod
    from mlctl_core.embedded.node.status_writer import Published
    from mlctl_core.objects.json import Json
    from mlctl_core.objects.metadata import Metadata

__all__ = ["SimulatedRuntime"]

# 128 + SIGTERM: how a container without a handler ends when its pod is deleted.
TERMINATED = 143

CONFIG_ERROR = "CreateContainerConfigError"


class SimulatedRuntime:
    """Moves the pods that are given to it through their phases. Used from one event loop."""

    def __init__(
        self,
        clock: Clock,
        changed: Callable[[Published], None],
        event: Callable[[Metadata, str, str, str], None],
        facts: Facts,
        run_for: float | None = None,
    ) -> None:
        """Take what to tell the status writer, and how to record a pod's event.

        ``run_for`` are the seconds for which pods run that do not say it.
        """
        self._clock = clock
        self._changed = changed
        self._event = event
        self._address = facts.address
        self._run_for = run_for
        self._admission = Admission(facts.allocatable)
        self._pods: dict[str, _SimulatedPod] = {}
        self._ended: dict[str, Removal] = {}

    def observe(self, pod: Pod) -> None:
        """A pod of this node is there, or has changed."""
        uid = pod.metadata.uid
        known = self._pods.get(uid)
        if known is not None:
            known.machine.update(pod)
            known.set_ends()
        elif pod.status.phase in TERMINAL_PHASES:
            if pod.metadata.deleting:
                self._changed(self._ended.setdefault(uid, Removal(pod)))
            return
        else:
            known = self._pods[uid] = _SimulatedPod(pod, self._clock, self._address, self._run_for)
            if (rejection := self._admission.admit(uid, pod.spec)) is not None:
                self._event(pod.metadata, "Warning", rejection.reason, rejection.message)
                known.machine.end(rejection)
        self._advance(known)

    def forget(self, uid: str) -> None:
        """The object is gone."""
        self._ended.pop(uid, None)
        self._admission.release(uid)
        pod = self._pods.pop(uid, None)
        if pod is not None and pod.timer is not None:
            pod.timer.cancel()

    async def stop(self) -> None:
        """Forgets all pods; the API server is told nothing."""
        for uid in list(self._pods):
            self.forget(uid)

    def logs(
        self, namespace: str, name: str, container: str, options: LogOptions
    ) -> AsyncIterator[bytes]:
        """What annotation ``sim.mlctl.dev/log`` says, or one line that says what this is.

        Raises:
            LogsUnavailableError: no such pod or container, or it has not run yet.
        """
        found = [p for p in self._pods.values() if p.metadata.key == (namespace, name)]
        if not found or container not in found[-1].machine.records:
            text = f'container "{container}" not found in pod "{name}"'
            raise LogsUnavailableError(NOT_FOUND, text)
        record = found[-1].machine.records[container]
        if record.started_at is None and record.ended is None:
            raise not_started(found[-1].machine, container)
        return _log(found[-1], container, options)

    def _advance(self, pod: _SimulatedPod) -> None:
        """Does all that the machine wants done by now."""
        machine = pod.machine
        wake_after: float | None = None
        acted = True
        while acted:
            step = machine.step()
            acted = bool(step.prepare or step.start or step.stop)
            wake_after = step.wake_after
            if step.prepare:
                pod.prepare(self._clock.monotonic())
            for container in step.start:
                self._start(pod, container.name)
            for stop in step.stop:
                machine.exited(stop.name, TERMINATED)
                pod.began.pop(stop.name, None)
                pod.due.pop(stop.name, None)
        acted_late = self._fire_due(pod)
        if acted_late:
            self._advance(pod)
            return
        self._schedule(pod, wake_after)
        if machine.is_over:
            self._admission.release(pod.metadata.uid)
        if pod.visible:
            self._changed(pod)

    def _start(self, pod: _SimulatedPod, name: str) -> None:
        try:
            script = pod.script
        except ValueError as error:
            pod.machine.refused(name, Refusal(CONFIG_ERROR, str(error)))
            self._event(pod.metadata, "Warning", "Failed", f"Error: {error}")
            return
        pod.machine.started(name, f"simulated://{pod.metadata.uid}/{name}")
        now = self._clock.monotonic()
        if name in pod.init_names:
            if name not in pod.sidecar_names:
                pod.due[name] = now
        else:
            pod.began[name] = now
            if script.run_for is not None:
                pod.due[name] = now + script.run_for

    def _fire_due(self, pod: _SimulatedPod) -> bool:
        now = self._clock.monotonic()
        due = [name for name, at in pod.due.items() if at <= now]
        for name in due:
            del pod.due[name]
            pod.began.pop(name, None)
            if name == _PREPARED:
                pod.machine.prepared()
            else:
                code = 0 if name in pod.init_names else pod.script.exit_code
                pod.machine.exited(name, code)
        return bool(due)

    def _schedule(self, pod: _SimulatedPod, wake_after: float | None) -> None:
        if pod.timer is not None:
            pod.timer.cancel()
            pod.timer = None
        waits = [at - self._clock.monotonic() for at in pod.due.values()]
        if wake_after is not None:
            waits.append(wake_after)
        if waits:
            pod.timer = self._clock.call_later(max(0.0, min(waits)), lambda: self._advance(pod))


# Not a container's name: the time at which the pod's volumes are said to be there.
_PREPARED = ""


class _SimulatedPod:
    """One pod; a `status_writer.Published`."""

    def __init__(self, pod: Pod, clock: Clock, address: str, run_for: float | None) -> None:
        self.machine = PodMachine(pod, clock)
        self.written: Json | None = None
        self.began: dict[str, float] = {}
        """When (monotonic) each regular container began that runs."""
        self.due: dict[str, float] = {}
        """When (monotonic) each container ends."""
        self.timer: TimerHandle | None = None
        self.init_names = {c.name for c in pod.spec.init_containers}
        self.sidecar_names = {c.name for c in pod.spec.init_containers if c.is_sidecar}
        self._clock = clock
        self._address = address
        self._run_for = run_for

    @property
    def metadata(self) -> Metadata:
        """See `status_writer.Published`."""
        return self.machine.pod.metadata

    @property
    def removable(self) -> bool:
        """See `status_writer.Published`."""
        return self.metadata.deleting and self.machine.is_over

    @property
    def script(self) -> Script:
        """What the annotations say.

        Raises:
            ValueError: one makes no sense.
        """
        return parse_script(self.metadata.annotations, self._run_for)

    @property
    def visible(self) -> bool:
        """Whether there is more to tell than that the pod waits for its start."""
        return (
            self.machine.is_prepared
            or self.machine.is_ending
            or bool(self.written)
            or bool(self.due)
        )

    def set_ends(self) -> None:
        """Take what the annotations say by now for how long what runs is to run."""
        try:
            run_for = self.script.run_for
        except ValueError:  # they made sense when it was started, and hold until they do again
            return
        for name, began in self.began.items():
            self.due.pop(name, None)
            if run_for is not None:
                self.due[name] = began + run_for

    def prepare(self, now: float) -> None:
        """The machine wants the volumes made."""
        try:
            delay = self.script.start_after
        except ValueError:  # said when the container is to start
            delay = 0.0
        if delay > 0:
            self.due[_PREPARED] = now + delay
        else:
            self.machine.prepared()

    def status(self) -> Json:
        """See `status_writer.Published`."""
        known = self.machine.pod.status.conditions
        before = known if self.written is None else self.written["conditions"]
        now = self._clock.now()
        return pod_status(self.machine, address=self._address, now=now, before=before)


async def _log(pod: _SimulatedPod, container: str, options: LogOptions) -> AsyncIterator[bytes]:
    try:
        text = pod.script.log
    except ValueError:
        text = None
    if text is None:
        text = f"simulated container {container} of pod {pod.metadata.name}"
    lines = text.rstrip("\n").encode().splitlines(keepends=False)
    if options.tail_lines is not None:
        lines = lines[max(0, len(lines) - options.tail_lines) :]
    output = b"".join(line + b"\n" for line in lines)
    yield output if options.limit_bytes is None else output[: options.limit_bytes]
