"""An API server with the parts that run beside it, each as a client of its HTTP API."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

import msgspec
import pytest

from mlctl_core.client.client import Client
from mlctl_core.clock import SystemClock
from mlctl_core.embedded.apiserver.server import ApiServer
from mlctl_core.embedded.node.agent import run_nodes
from mlctl_core.embedded.node.spec import parse_node_spec
from mlctl_core.embedded.scheduler.scheduler import Scheduler
from mlctl_core.objects.kinds import EVENT, POD

# A test waits for what it expects; this only ends one that waits in vain.
PATIENCE_SECONDS = 60


class Plane:
    """Starts parts, makes objects and waits for what becomes of them."""

    def __init__(self, server, client, stack):
        self.server = server
        self.client = client
        self.clock = SystemClock()
        self._stack = stack

    async def nodes(self, *described, images=None, directory=None):
        """Run nodes; returns a function that stops them."""
        ready = asyncio.Event()
        specs = [parse_node_spec(text) for text in described]
        return await self._run(
            run_nodes(
                self.client,
                specs,
                clock=self.clock,
                images=images,
                directory=directory,
                ready=ready,
            ),
            ready,
        )

    async def scheduler(self):
        return await self._run(Scheduler(self.client, self.clock).run())

    async def create(self, kind, body):
        namespace = "default" if kind.namespaced else ""
        return msgspec.json.decode(await self.client.create(kind, body, namespace))

    async def get(self, kind, name):
        namespace = "default" if kind.namespaced else ""
        return msgspec.json.decode(await self.client.get(kind, name, namespace))

    async def until(self, holds, name, kind=POD, namespace="default"):
        """The object of that name, once `holds(object)`; None stands for no object."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            selector = f"metadata.name={name}"
            events = self.client.watch(
                kind, namespace, field_selector=selector, send_initial_events=True
            )
            async with aclosing(events):
                found = None
                async for event in events:
                    if event.type == "DELETED":
                        found = None
                    elif event.type != "BOOKMARK":
                        found = msgspec.json.decode(event.raw)
                    if holds(found):
                        return found
        raise AssertionError("the watch has ended")

    async def phase(self, name, *phases):
        return await self.until(lambda pod: pod and pod["status"].get("phase") in phases, name)

    async def event(self, reason, regarding):
        """The first event with that reason about the object of that name."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            events = self.client.watch(EVENT, "default", send_initial_events=True)
            async with aclosing(events):
                async for event in events:
                    found = msgspec.json.decode(event.raw)
                    if found.get("reason") == reason and found["regarding"]["name"] == regarding:
                        return found
        raise AssertionError("the watch has ended")

    async def _run(self, part, ready=None):
        task = asyncio.create_task(part)

        async def stop():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        self._stack.push_async_callback(stop)
        if ready is not None:
            waiting = asyncio.create_task(ready.wait())
            await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if task.done():
                task.result()
        return stop


@asynccontextmanager
async def running():
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(ApiServer())
        client = await stack.enter_async_context(Client(server.client_config()))
        yield Plane(server, client, stack)


@pytest.fixture
async def plane():
    async with running() as plane:
        yield plane
