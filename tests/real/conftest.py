"""One installation per test process, one namespace per test, one event loop for all of them."""

from __future__ import annotations

import re

import pytest
import pytest_asyncio
from system import installed_with_nodes, managed, tenant


@pytest.fixture(scope="session")
def installed_system(tmp_path_factory):
    """A control plane with manifests/ applied and three nodes; no manager yet."""
    with installed_with_nodes(tmp_path_factory.mktemp("system")) as made:
        yield made


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def system(installed_system, tmp_path_factory):
    """The manager at work there; whatever the tests made it do, it was allowed to."""
    async with managed(installed_system, tmp_path_factory.mktemp("manager")) as running:
        yield running
    assert running.refused() == []
    assert running.touched("secrets") == []


@pytest_asyncio.fixture(loop_scope="session")
async def team_and_user(system, request):
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    name = f"{words[-40:].strip('-')}-{abs(hash(request.node.nodeid)) % 10**6}"
    async with tenant(system.installation, name) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def team(team_and_user):
    """An empty namespace, seen as a user with the role edit in it."""
    return team_and_user[0]


@pytest_asyncio.fixture(loop_scope="session")
async def user(team_and_user):
    """That user's kubectl; its default namespace is not theirs."""
    return team_and_user[1]
