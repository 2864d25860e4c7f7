"""What happens to the objects of several kinds, in all namespaces at once, as a watch tells it."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from contextlib import AsyncExitStack, asynccontextmanager

from raw_client import PATIENCE_SECONDS

LAST = "zz-last"
"""The object whose creation ends what is to be observed of a kind in a namespace."""


class Observed:
    """The events so far, by kind and namespace."""

    def __init__(self):
        self._events = defaultdict(list)
        self._ended = defaultdict(asyncio.Event)

    async def follow(self, plural, stream, prefix):
        """Take events in until cancelled; those of namespaces without the prefix are others'."""
        mark = f'"namespace":"{prefix}'.encode()
        while True:
            line = await stream.line()
            assert line, f"the watch of {plural} has ended"
            if mark not in line:
                continue
            event = json.loads(line)
            metadata = event["object"]["metadata"]
            where = (plural, metadata["namespace"])
            self._events[where].append(event)
            if metadata["name"] == LAST:
                self._ended[where].set()

    async def of(self, plural, namespace):
        """Give every event of a kind in a namespace, once the last is there."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._ended[plural, namespace].wait()
        return self._events.pop((plural, namespace))


@asynccontextmanager
async def observing(server, specimens, prefix):
    """Observe kinds from now on, in namespaces whose names have the prefix."""
    observed = Observed()
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        following = []
        for one in specimens:
            path = f"/{one.prefix}/{one.plural}"
            version = (await server.found(path, limit="1"))["metadata"]["resourceVersion"]
            stream = await stack.enter_async_context(server.watch(path, resourceVersion=version))
            following.append(tasks.create_task(observed.follow(one.plural, stream, prefix)))
        yield observed
        for task in following:
            task.cancel()
