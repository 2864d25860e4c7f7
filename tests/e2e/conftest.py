"""One control plane per test process, one namespace and one manager per test."""

from __future__ import annotations

import re

import pytest
from gate import Gate
from plane import (
    Namespace,
    control_plane,
    create_namespace,
    managing,
    proxied_kubeconfig,
)

from mlctl_core.client.client import Client
from mlctl_core.client.config import load_config
from mlctl_core.testing.proxy import FaultProxy


@pytest.fixture(scope="session")
def kubeconfig(tmp_path_factory):
    """A running control plane."""
    with control_plane(tmp_path_factory.mktemp("plane")) as path:
        yield path


@pytest.fixture
async def namespace(kubeconfig, request):
    """An empty namespace for this test."""
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    async with Client(load_config(str(kubeconfig))) as client:
        name = f"{words[:50]}-{abs(hash(request.node.name)) % 10**6}"
        await create_namespace(client, name)
        yield Namespace(client, name)


@pytest.fixture
async def proxy(kubeconfig):
    """A proxy in front of the control plane, which counts writes."""
    async with FaultProxy(load_config(str(kubeconfig))) as running:
        yield running


@pytest.fixture
async def manager(proxy, namespace, tmp_path):
    """A manager for the test's namespace, started, that works through the proxy."""
    config = proxied_kubeconfig(tmp_path / "kubeconfig", proxy.url)
    async with managing(config, namespace.name, tmp_path) as process:
        yield process


@pytest.fixture
async def gate():
    """An address that keeps those who ask waiting."""
    async with Gate() as running:
        yield running
