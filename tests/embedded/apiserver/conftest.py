"""A server per test; without TLS, which some tests turn on."""

from __future__ import annotations

from contextlib import asynccontextmanager

import aiohttp
import pytest
from api_caller import Api, options

from mlctl_core.embedded.apiserver.server import ApiServer


@asynccontextmanager
async def serving(**more):
    async with ApiServer(options(**more)) as server:
        access = await server.client_config().credentials.access()
        headers = {"Authorization": access.authorization}
        async with aiohttp.ClientSession(server.url, headers=headers) as session:
            yield Api(server, session)


@pytest.fixture
async def api():
    async with serving() as api:
        yield api


@pytest.fixture
def serve():
    """Servers with options of the test's own: `async with serve(history=4) as api`."""
    return serving
