"""A whole plane in one event loop, on virtual time, with a manager that can be killed in it.

API server, garbage collection, scheduler, a node that only says it runs its pods, fault proxy and
manager are the real ones and speak HTTP to each other; only their clock is made. It goes on to the
next timer when nothing else is to be done, so that an hour costs what is done in it.

A kill is modelled: the manager's connections are cut, then every task that it ever began is
cancelled, and a new one starts with empty caches. What a process has beside that (threads, files,
the kernel's buffers) is for the tests that kill real processes.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing, asynccontextmanager
from contextvars import ContextVar
from functools import cache
from random import Random

import attrs
from plane import CATALOGUE, MANIFESTS, create_namespace, framework, size

from controllers.registry import planners
from hack.demo import cluster
from mlctl_core.client.client import Client
from mlctl_core.client.config import ClusterConfig
from mlctl_core.clock import deadline
from mlctl_core.embedded.apiserver.server import ApiServer, ApiServerOptions
from mlctl_core.embedded.node.agent import run_nodes
from mlctl_core.embedded.node.spec import NodeSpec
from mlctl_core.embedded.scheduler.scheduler import Scheduler
from mlctl_core.manager.args import ManagerOptions
from mlctl_core.manager.manager import Manager
from mlctl_core.objects.kinds import (
    CONFIG_MAP,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    ROLE,
    ROLE_BINDING,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
)
from mlctl_core.testing.clock import VirtualClock
from mlctl_core.testing.proxy import FaultProxy

NAMESPACE = "lives"
TYPES = {"torch": "PyTorch", "tensorflow": "TensorFlow", "jvm": "JVM", "spark": "Spark"}
# All that a job may have beside itself.
CHILDREN = (
    POD,
    CONFIG_MAP,
    SERVICE,
    SECRET,
    SERVICE_ACCOUNT,
    ROLE,
    ROLE_BINDING,
    PERSISTENT_VOLUME_CLAIM,
)
# Virtual seconds. Longer than any life lasts, with its lags, pauses and time-outs added up.
PATIENCE = 900.0
# Of jobs and pods, to be seen while something is waited for; there are a handful in truth.
MOST_CHANGES = 300
# A socket of this machine is readable when the sender has sent, as a rule; a kernel under load
# may take a moment longer. Who is taken for idle too early sees a slow network, no more.
CALM_TURNS = 4
# Turns of the event loop in which a manager hears the last reply before it is killed.
LAST_TURNS = 20


@cache
def _definitions():
    return cluster.documents((MANIFESTS / "crds").glob("*.yaml"))


def _catalogue():
    types = [framework(name) for name in TYPES]
    for obj in types:
        obj["spec"]["type"] = TYPES[obj["metadata"]["name"]]
    return [*CATALOGUE, *types, size("jvm", memory="1Gi"), size("spark", memory="2Gi")]


async def flow(clock):
    """Let time pass whenever there is nothing else to do."""
    ready = asyncio.get_running_loop()._ready
    while True:
        calm = 0
        while calm < CALM_TURNS:
            await asyncio.sleep(0)
            calm = 0 if ready else calm + 1
        due = clock.next_timer()
        if due is None:
            await asyncio.sleep(0.001)
        else:
            await clock.advance(due - clock.monotonic())


class KillableManager:
    """A manager of the world's namespace that begins anew after each kill."""

    _begun_by = ContextVar("the tasks of whoever began this one", default=None)

    def __init__(self, proxy, clock, kinds):
        self._proxy = proxy
        self._clock = clock
        self._planners = [p for p in planners(all_namespaces=False) if p.kind in kinds]
        self._starts = 0
        self._manager = None
        self._tasks = set()
        self._buried = set()

    async def start(self):
        """Start one; its caches are still to be filled."""
        self._starts += 1
        self._tasks = set()
        options = ManagerOptions(namespaces=(NAMESPACE,), metrics_address=None, health_address=None)
        self._manager = Manager(
            options,
            config=ClusterConfig(self._proxy.url),
            clock=self._clock,
            random=Random(self._starts),
        )
        for planner in self._planners:
            self._manager.add(planner)
        mark = self._begun_by.set(self._tasks)
        try:
            await self._manager.start()
        finally:
            self._begun_by.reset(mark)

    async def kill(self):
        """From now on nothing of it reaches the server, and nothing of it stays."""
        self._proxy.severed = True
        for _ in range(LAST_TURNS):
            await asyncio.sleep(0)
        while tasks := [task for task in self._tasks if not task.done()]:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        # Closes its sockets; there is nobody left in it to write.
        burial = asyncio.create_task(self._manager.stop())
        self._buried.add(burial)
        burial.add_done_callback(self._buried.discard)
        self._proxy.severed = False

    async def stop(self):
        """As by SIGTERM."""
        await self._manager.stop()
        await asyncio.gather(*self._buried)

    @classmethod
    def task_factory(cls, loop, coro, **options):
        """Have each manager know the tasks that were begun on its behalf."""
        task = asyncio.Task(coro, loop=loop, **options)
        tasks = cls._begun_by.get()
        if tasks is not None:
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        return task


@attrs.define(eq=False)
class SeenPod:
    """A pod that there was once."""

    name: str
    attempt: str
    phase: str | None = None
    gone: bool = False


class Witness:
    """What the server itself tells of the namespace: its jobs, and every pod that ever was."""

    def __init__(self, client, clock, kind):
        self.clock = clock
        self.jobs = {}
        self.pods = {}
        self.seen = {}
        self.beside = []
        """Pods that were made while one of another attempt of their job still ran."""
        self._client = client
        self._kinds = {kind: self.jobs, POD: self.pods}
        self._changed = asyncio.Event()
        self._tasks = []

    async def __aenter__(self):
        for kind, found in self._kinds.items():
            version = (await self._client.list_all(kind, NAMESPACE)).resource_version
            self._tasks.append(asyncio.create_task(self._follow(kind, found, version)))
        return self

    async def __aexit__(self, *_):
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def until(self, wanted):
        """Wait until `wanted` gives something true, and return that."""
        async with deadline(self.clock, PATIENCE):
            for _ in range(MOST_CHANGES):
                if found := wanted():
                    return found
                self._changed.clear()
                await self._changed.wait()
        raise AssertionError(f"not after {MOST_CHANGES} changes")

    async def _follow(self, kind, found, version):
        while True:
            watch = self._client.watch(kind, NAMESPACE, resource_version=version)
            async with aclosing(watch) as events:
                async for event in events:
                    obj = json.loads(event.raw)
                    version = obj["metadata"]["resourceVersion"]
                    if event.type == "BOOKMARK":
                        continue
                    if kind is POD:
                        self._note(obj, gone=event.type == "DELETED")
                    if event.type == "DELETED":
                        found.pop(obj["metadata"]["name"], None)
                    else:
                        found[obj["metadata"]["name"]] = obj
                    self._changed.set()

    def _note(self, pod, *, gone):
        metadata = pod["metadata"]
        labels = metadata.get("labels", {})
        attempt = labels.get("mlctl.dev/attempt", "")
        if metadata["uid"] not in self.seen:
            self.beside += [
                f"{metadata['name']}/{attempt} beside {other.name}/{other.attempt}"
                for uid, other in self.seen.items()
                if not other.gone
                and other.attempt != attempt
                and other.phase not in {"Succeeded", "Failed"}
                and uid in self._of_job(labels.get("mlctl.dev/name"))
            ]
        seen = self.seen.setdefault(metadata["uid"], SeenPod(metadata["name"], attempt))
        seen.phase, seen.gone = pod.get("status", {}).get("phase"), gone

    def _of_job(self, job):
        return {
            obj["metadata"]["uid"]
            for obj in self.pods.values()
            if obj["metadata"].get("labels", {}).get("mlctl.dev/name") == job
        }


@attrs.frozen(eq=False)
class KilledWorld:
    """The plane, and the manager in it."""

    clock: VirtualClock
    client: Client
    proxy: FaultProxy
    manager: KillableManager
    witness: Witness

    async def objects(self, kind):
        """All that the namespace has of children and jobs, as kinds and names."""
        return {
            (found.name, json.loads(item)["metadata"]["name"])
            for found in (*CHILDREN, kind)
            for item in (await self.client.list_all(found, NAMESPACE)).items
        }


@asynccontextmanager
async def killed_world(kind, *others, objects=()):
    """A plane for jobs of a kind, with its manager started.

    `others` are kinds that it needs controllers for too, `objects` are there before it starts,
    each with its kind.
    """
    loop, clock = asyncio.get_running_loop(), VirtualClock()
    loop.set_task_factory(KillableManager.task_factory)
    flowing = asyncio.create_task(flow(clock))
    try:
        async with (
            ApiServer(ApiServerOptions(tls=False, clock=clock, random=Random(1))) as server,
            Client(server.client_config(), clock=clock) as client,
            _nodes(client, clock),
            FaultProxy(server.client_config(), clock=clock) as proxy,
        ):
            await cluster.apply(client, _definitions())
            names = [crd["metadata"]["name"] for crd in _definitions()]
            await cluster.wait_established(client, names)
            await cluster.apply(client, _catalogue())
            await create_namespace(client, NAMESPACE)
            for other, obj in objects:
                await client.create(other, obj, NAMESPACE)
            manager = KillableManager(proxy, clock, {kind, *others})
            async with Witness(client, clock, kind) as witness:
                await manager.start()
                try:
                    yield KilledWorld(clock, client, proxy, manager, witness)
                finally:
                    await manager.stop()
    finally:
        flowing.cancel()
        await asyncio.gather(flowing, return_exceptions=True)
        loop.set_task_factory(None)


@asynccontextmanager
async def _nodes(client, clock):
    ready = asyncio.Event()
    parts = (
        run_nodes(client, [NodeSpec("node-1", pods="simulated")], clock=clock, ready=ready),
        Scheduler(client, clock).run(),
    )
    tasks = [asyncio.create_task(part) for part in parts]
    await ready.wait()
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
