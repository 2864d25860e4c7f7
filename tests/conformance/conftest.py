"""Every test runs on each server, in a namespace and with a definition of its own."""

from __future__ import annotations

import uuid

import pytest
from raw_client import connect
from servers import FORGOTTEN, Running
from specimens import namespace_named, widget, widget_definition

from mlctl_core.testing.kubernetes.assets import OLDEST, releases_to_test

REAL = ["real", "oldest"] if OLDEST in releases_to_test() else ["real"]
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def pytest_configure(config):
    config.addinivalue_line("markers", "late: for what a server does within a minute of its start")


def pytest_collection_modifyitems(items):
    """Run what takes the server a while to be ready for after all the rest.

    A real garbage collector looks for new kinds every 30 s.
    """
    items.sort(key=lambda item: item.get_closest_marker("late") is not None)


@pytest.fixture(scope="session")
def endpoints():
    """The servers by name; each is started for the first test of a process that asks for it."""
    with Running() as running:
        yield running


@pytest.fixture(
    params=[
        "embedded",
        *(pytest.param(name, marks=pytest.mark.real) for name in REAL),
    ]
)
def endpoint(request, endpoints):
    """One of the servers."""
    return endpoints.get(request.param)


@pytest.fixture
async def server(endpoint):
    """Raw HTTP to the server under test, as an administrator."""
    async with connect(endpoint) as server:
        yield server


@pytest.fixture
async def forgotten(server):
    """A resourceVersion that once was and of which nothing is left to be told."""
    query = {"resourceVersion": FORGOTTEN, "resourceVersionMatch": "Exact"}
    await server.asked_until(lambda one: one.status == 410, "GET", "/api/v1/secrets", **query)
    return FORGOTTEN


@pytest.fixture
def unique():
    """A name that nothing else has."""
    return f"c{uuid.uuid4().hex[:10]}"


@pytest.fixture
async def namespace(server, unique):
    """The name of a new namespace."""
    await server.made("/api/v1/namespaces", namespace_named(unique))
    return unique


@pytest.fixture
async def other_namespace(server, unique):
    """The name of one more new namespace."""
    await server.made("/api/v1/namespaces", namespace_named(f"{unique}-other"))
    return f"{unique}-other"


@pytest.fixture
def secrets(namespace):
    """The path of the namespace's Secrets: of all kinds, one that no controller writes."""
    return f"/api/v1/namespaces/{namespace}/secrets"


@pytest.fixture
def config_maps(namespace):
    """The path of the namespace's ConfigMaps."""
    return f"/api/v1/namespaces/{namespace}/configmaps"


@pytest.fixture
async def pods(server, namespace):
    """The path of the namespace's pods, which are admitted once it has its service account."""
    accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    await server.until(f"{accounts}/default", lambda found: found is not None)
    return f"/api/v1/namespaces/{namespace}/pods"


@pytest.fixture
async def define(server, unique):
    """Defines a kind in a group that only this test has; gives the path of its objects."""

    async def define(**more):
        definition = widget_definition(f"{unique}.example.com", **more)
        await server.made(DEFINITIONS, definition)
        await established(server, definition)
        return definition

    return define


@pytest.fixture
async def define_shared(server):
    """Defines a kind that several tests share: it is the first of them that makes it."""

    async def define_shared(group, **more):
        definition = widget_definition(group, **more)
        answer = await server.post(DEFINITIONS, definition)
        assert answer.status in {201, 409}, answer.text
        await established(server, definition)

    return define_shared


@pytest.fixture
async def widgets(define_shared, namespace):
    """The path of the namespace's Widgets, a kind that all tests share."""
    await define_shared("conformance.example.com")
    return f"/apis/conformance.example.com/v1/namespaces/{namespace}/widgets"


@pytest.fixture
def new_widget():
    """Makes Widgets of the shared kind."""
    return widget


async def established(server, definition):
    """Wait until objects of a definition can be stored."""

    def is_established(found):
        conditions = (found.get("status") or {}).get("conditions") or []
        return {"Established": "True"}.items() <= {
            one["type"]: one["status"] for one in conditions
        }.items()

    await server.until(f"{DEFINITIONS}/{definition['metadata']['name']}", is_established)
    spec = definition["spec"]
    for version in spec["versions"]:
        path = f"/apis/{spec['group']}/{version['name']}/{spec['names']['plural']}"
        await server.asked_until(lambda answer: answer.status == 200, "GET", path)
