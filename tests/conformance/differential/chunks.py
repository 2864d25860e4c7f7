"""Replays many sequences on both servers at once and says where the answers differ.

A chunk runs in a process of its own, with an embedded server inside it, and shares the real one
with other chunks: each sequence has a namespace that nobody else writes to.
"""

from __future__ import annotations

import asyncio
import uuid
from contextlib import AsyncExitStack, asynccontextmanager

import attrs
import vocabulary
from compare import differences
from excuses import excuse_for
from observation import observing
from raw_client import connect
from replay import replay
from sequences import sequence
from servers import Endpoint

from mlctl_core.client.config import load_config
from mlctl_core.embedded.apiserver.server import ApiServer, ApiServerOptions

AT_ONCE = 8
"""Sequences under way in one chunk: enough to keep both servers busy."""

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@attrs.frozen
class Outcome:
    """What a chunk has found."""

    sequences: int
    requests: int
    differing: dict
    """By seed: the first request whose answers differ without an excuse, and how, as text."""
    excused: dict
    """By reason: how many differences were let pass."""


def run_chunk(seeds, kubeconfig):
    """Replay the sequences of some seeds on a real server and on an embedded one."""
    return asyncio.run(_run(seeds, kubeconfig))


async def _run(seeds, kubeconfig):
    outcome = Outcome(len(seeds), 0, {}, {})
    prefix = f"d{uuid.uuid4().hex[:8]}-"
    async with AsyncExitStack() as stack:
        pair = []
        for endpoint in (await stack.enter_async_context(_embedded()), await _real(kubeconfig)):
            server = await stack.enter_async_context(connect(endpoint))
            await _define(server)
            kinds = vocabulary.SPECIMENS.values()
            observed = await stack.enter_async_context(observing(server, kinds, prefix))
            pair.append((server, observed))
        slots = asyncio.Semaphore(AT_ONCE)

        async def compare(seed):
            async with slots:
                return await _compare(seed, pair, f"{prefix}{seed}", outcome)

        counts = await asyncio.gather(*(compare(seed) for seed in seeds))
    return attrs.evolve(outcome, requests=sum(counts))


async def _compare(seed, pair, namespace, outcome):
    """Replay one sequence on both servers; gives the number of its requests."""
    specimens, requests = sequence(seed)
    embedded, real = await asyncio.gather(
        *(replay(*one, namespace, specimens, requests) for one in pair)
    )
    asked = [*requests, *(f"the events of {one.plural}" for one in specimens)]
    for number, answers in enumerate(zip(asked, embedded, real, strict=True)):
        unexcused = []
        for difference in differences(*answers):
            excuse = excuse_for(difference)
            if excuse is None:
                unexcused.append(difference)
            else:
                outcome.excused[excuse.reason] = outcome.excused.get(excuse.reason, 0) + 1
        if unexcused:
            texts = "\n".join(str(one) for one in unexcused)
            outcome.differing[seed] = f"sequence {seed}, request {number}: {texts}"
            break
    return len(requests)


@asynccontextmanager
async def _embedded():
    async with ApiServer(ApiServerOptions(tls=False, controllers=False)) as server:
        access = await server.client_config().credentials.access()
        yield Endpoint("embedded", server.url, {"Authorization": access.authorization})


async def _real(kubeconfig):
    config = load_config(kubeconfig)
    access = await config.credentials.access()
    headers = {"Authorization": access.authorization} if access.authorization else {}
    return Endpoint("real", config.server, headers, access.tls)


async def _define(server):
    """Define the custom kind, unless another chunk has, and wait until it is served."""
    answer = await server.post(DEFINITIONS, vocabulary.definition())
    assert answer.status in {201, 409}, answer.text
    path = f"/{vocabulary.SPECIMENS['widgets'].prefix}/widgets"
    await server.asked_until(lambda one: one.status == 200, "GET", path)
