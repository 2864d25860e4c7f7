"""One pod whose containers are local processes: does what its machine says.

Each run of a container is one task, from looking up the image to reading the termination
message. Whatever goes wrong in it becomes the container's state and an event; it never leaves
this pod.
"""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

import attrs
import structlog

from mlctl_core.embedded.node.addresses import pod_address
from mlctl_core.embedded.node.container_log import ContainerLog
from mlctl_core.embedded.node.container_run import ContainerRun, NotStartedError
from mlctl_core.embedded.node.environment import ConfigError
from mlctl_core.embedded.node.machine import PodMachine
from mlctl_core.embedded.node.pod_status import pod_status
from mlctl_core.embedded.node.references import references
from mlctl_core.embedded.node.sources import fetch_sources, fetch_tokens
from mlctl_core.embedded.node.steps import Refusal
from mlctl_core.embedded.node.volumes import MountError, write_volumes
from mlctl_core.embedded.node.waiting import CRASH_LOOP
from mlctl_core.objects.quantities import parse_quantity

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

    from mlctl_core.clock import TimerHandle
    from mlctl_core.embedded.node.admission import Admission
    from mlctl_core.embedded.node.manifest import Container, Pod
    from mlctl_core.embedded.node.process import RunningProcess
    from mlctl_core.embedded.node.steps import Stop
    from mlctl_core.embedded.node.surroundings import Surroundings
    from mlctl_core.objects.json import Json
    from mlctl_core.objects.metadata import Metadata

__all__ = ["ProcessPod"]

# Exit code and reason of a command that cannot be executed, as containerd reports it.
START_ERROR = 128
START_ERROR_REASON = "StartError"
OUT_OF_MEMORY_REASON = "OOMKilled"

# A pod that starts at once shows only that it runs: what would be written before is held back
# for so long.
CREATING_SECONDS = 0.5

_log = structlog.get_logger(__name__)


class ProcessPod:
    """A pod on this node, from its arrival to its removal. Owned by the process runtime."""

    def __init__(
        self, pod: Pod, surroundings: Surroundings, directory: Path, admission: Admission
    ) -> None:
        """Starts nothing yet; see `run`.

        Args:
            pod: as first seen.
            surroundings: what the node offers.
            directory: of this pod alone, made when needed.
            admission: to the node; released when nothing of the pod runs any more.
        """
        self.machine = PodMachine(pod, surroundings.clock)
        self.written: Json | None = None
        self._around = surroundings
        self._directory = directory
        self._admission = admission
        self._names = None if pod.spec.host_network else surroundings.names
        self._facts = surroundings.facts
        if self._names is not None:
            self._facts = attrs.evolve(self._facts, own_address=pod_address(pod.metadata.uid))
        self._hosts: Path | None = None
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._starting: set[asyncio.Task[None]] = set()
        self._volumes: dict[str, Path] = {}
        self._processes: dict[str, RunningProcess] = {}
        self._kill_timers: dict[str, TimerHandle] = {}
        self._out_of_memory: set[str] = set()
        self._reasons: dict[str, str] = {}
        self._created_at = surroundings.clock.monotonic()
        self.logs: dict[str, list[ContainerLog]] = {}
        """The logs of each container's runs, the latest last."""

    @property
    def metadata(self) -> Metadata:
        """See `status_writer.Published`."""
        return self.machine.pod.metadata

    @property
    def removable(self) -> bool:
        """See `status_writer.Published`."""
        return self.metadata.deleting and self.machine.is_over

    def status(self) -> Json:
        """See `status_writer.Published`."""
        before = (
            self.machine.pod.status.conditions
            if self.written is None
            else self.written["conditions"]
        )
        now = self._around.clock.now()
        return pod_status(
            self.machine,
            address=self._facts.address,
            own_address=self._facts.own_address,
            now=now,
            before=before,
        )

    def update(self, pod: Pod) -> None:
        """The object has changed."""
        self.machine.update(pod)
        self._wake.set()

    async def run(self) -> None:
        """Leads the pod to its end and, once its deletion is asked for, to its removal."""
        pod = self.machine.pod
        if (rejection := self._admission.admit(pod.metadata.uid, pod.spec)) is not None:
            self._event("Warning", rejection.reason, rejection.message)
            self.machine.end(rejection)
        while True:
            self._wake.clear()
            step = self.machine.step()
            if step.prepare:
                self._spawn(self._prepare())
            for container in step.start:
                self._spawn(self._run_container(container))
            for stop in step.stop:
                self._stop(stop)
            if step.finished:
                self._admission.release(pod.metadata.uid)
                self._close_names()
            self._publish()
            if self.removable:
                return
            await self._woken(step.wake_after)

    async def kill(self) -> None:
        """Kills every process of the pod and waits until none is left."""
        for process in self._processes.values():
            process.kill()
        for timer in self._kill_timers.values():
            timer.cancel()
        for task in self._starting:  # what has no process yet never gets one
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._close_names()

    def remove_files(self) -> None:
        """Deletes volumes and logs; blocks on the file system."""
        shutil.rmtree(self._directory, ignore_errors=True)

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        for tasks in (self._tasks, self._starting):
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    async def _woken(self, after: float | None) -> None:
        if after is None:
            await self._wake.wait()
            return
        timer = self._around.clock.call_later(after, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()

    def _publish(self) -> None:
        self._tell_backoff()
        records = self.machine.records.values()
        creating = all(not r.waiting_reason and r.started_at is None for r in records) and not any(
            r.ended or r.restarts for r in records
        )
        age = self._around.clock.monotonic() - self._created_at
        if creating and not self.machine.is_ending and age < CREATING_SECONDS:
            self._around.clock.call_later(CREATING_SECONDS - age, self._wake.set)
            return
        self._around.writer.changed(self)

    def _tell_backoff(self) -> None:
        metadata = self.metadata
        for name, record in self.machine.records.items():
            before, self._reasons[name] = self._reasons.get(name), record.waiting_reason
            if record.waiting_reason == CRASH_LOOP and before != CRASH_LOOP:
                where = f"{metadata.name}_{metadata.namespace}({metadata.uid})"
                text = f"Back-off restarting failed container {name} in pod {where}"
                self._event("Warning", "BackOff", text)

    def _event(self, kind: str, reason: str, message: str) -> None:
        self._around.event(self.metadata, kind, reason, message)

    def _close_names(self) -> None:
        if self._names is not None:
            self._names.close(self.metadata.uid)

    # Volumes.

    async def _prepare(self) -> None:
        pod = self.machine.pod
        try:
            wanted = references(pod)
            sources = await fetch_sources(self._around.client, pod.metadata.namespace, wanted)
            tokens = await fetch_tokens(self._around.client, pod, wanted.tokens)
            self._volumes = await asyncio.to_thread(
                write_volumes,
                pod,
                self._directory / "volumes",
                sources=sources,
                facts=self._facts,
                tokens=tokens,
            )
            if self._names is not None:
                self._hosts = self._directory / "hosts"
                self._names.open(pod, self._facts.own_address, self._hosts)
        except (ConfigError, MountError) as error:
            self._event("Warning", "FailedMount", str(error))
            self.machine.preparation_failed()
        except Exception as error:  # noqa: BLE001 - becomes an event of this pod
            _log.exception("volumes not made", pod=str(self.metadata.key))
            self._event("Warning", "FailedMount", repr(error))
            self.machine.preparation_failed()
        else:
            self.machine.prepared()
        self._wake.set()

    # Containers.

    async def _run_container(self, container: Container) -> None:
        name = container.name
        run = ContainerRun(
            container,
            self._around,
            facts=self._facts,
            volumes=self._volumes,
            hosts=self._hosts,
            directory=self._directory / "containers" / name,
        )
        try:
            process = await run.start(self.machine.pod, lambda: self._new_log(name))
        except NotStartedError as error:
            self._not_started(name, error)
            return
        except Exception as error:  # noqa: BLE001 - becomes this container's state
            _log.exception("container not started", pod=str(self.metadata.key), container=name)
            text = repr(error)
            self._not_started(name, NotStartedError(text, Refusal("CreateContainerError", text)))
            return
        self._starting -= {asyncio.current_task()}
        self._processes[name] = process
        self._watch_memory(container, process)
        self.machine.started(name, f"process://{process.pid}")
        self._event(
            "Normal", "Pulled", f'Container image "{container.image}" already present on machine'
        )
        self._event("Normal", "Created", f"Container created: {name}")
        self._event("Normal", "Started", f"Container started: {name}")
        self._wake.set()
        code = await process.wait()
        self._around.memory.forget(process.pid)
        del self._processes[name]
        if (timer := self._kill_timers.pop(name, None)) is not None:
            timer.cancel()
        reason = OUT_OF_MEMORY_REASON if name in self._out_of_memory else ""
        self._out_of_memory.discard(name)
        message = run.last_words(process, failed=code != 0)
        self.machine.exited(name, code, reason, message)
        self._wake.set()

    def _not_started(self, name: str, error: NotStartedError) -> None:
        if error.refusal is not None:
            self.machine.refused(name, error.refusal)
        else:
            self.machine.exited(name, START_ERROR, START_ERROR_REASON, str(error))
        self._event("Warning", "Failed", f"Error: {error}")
        self._wake.set()

    def _new_log(self, name: str) -> ContainerLog:
        number = self.machine.records[name].restarts
        path = self._directory / "logs" / name / f"{number}.log"
        log = ContainerLog(path, self._around.clock)
        logs = self.logs.setdefault(name, [])
        if logs and logs[-1].path == path:  # of a start that failed
            logs.pop()
        logs.append(log)
        for old in logs[:-2]:  # the current one and the previous one are kept
            old.path.unlink(missing_ok=True)
            old.path.with_name(old.path.name + ".1").unlink(missing_ok=True)
        del logs[:-2]
        return log

    def _watch_memory(self, container: Container, process: RunningProcess) -> None:
        limit = container.resources.limits.get("memory")
        if limit is None:
            return

        def over() -> None:
            self._out_of_memory.add(container.name)
            process.kill()

        self._around.memory.watch(process.pid, int(parse_quantity(limit)), over)

    def _stop(self, stop: Stop) -> None:
        process = self._processes.get(stop.name)
        if process is None:
            return
        if stop.name not in self._kill_timers:
            self._event("Normal", "Killing", f"Stopping container {stop.name}")
            process.terminate()
        else:
            self._kill_timers.pop(stop.name).cancel()
        if stop.grace <= 0:
            process.kill()
            return
        self._kill_timers[stop.name] = self._around.clock.call_later(stop.grace, process.kill)
