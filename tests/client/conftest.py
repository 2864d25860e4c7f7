"""A server that answers as each test says, a clock that it moves, and a client of both."""

import pytest

from mlctl_core.client.client import Client
from mlctl_core.testing.clock import VirtualClock
from mlctl_core.testing.scripted_server import ScriptedServer


@pytest.fixture
async def server():
    async with ScriptedServer() as server:
        yield server


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
async def client(server, clock):
    async with Client(server.config(), clock=clock) as client:
        yield client
