"""Custom kinds whose definition is being deleted while there still are objects of it."""

from __future__ import annotations

import pytest

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@pytest.fixture
async def path(server, define, namespace, new_widget, unique):
    """Where the objects are of a definition that waits for the last of them."""
    group = f"{unique}.example.com"
    definition = await define()
    objects = f"/apis/{group}/v1/namespaces/{namespace}/widgets"
    held = new_widget("held", {"size": 1}, group=group, finalizers=["example.com/f"])
    await server.made(objects, held)
    await server.delete(f"{DEFINITIONS}/{definition['metadata']['name']}")
    # A real server takes a moment to let nothing in any more.
    probe = new_widget("probe", group=group)
    await server.asked_until(
        lambda answer: answer.status != 201, "POST", objects, probe, dryRun="All"
    )
    yield objects
    await server.patch(f"{objects}/held", {"metadata": {"finalizers": None}})


async def test_nothing_new_is_let_in(server, path, new_widget, unique):
    group = f"{unique}.example.com"
    answer = await server.post(path, new_widget("late", group=group))
    message = (
        f'widgets.{group} "late" is forbidden: create not allowed while custom resource '
        "definition is terminating"
    )
    assert answer.refusal == (403, "Forbidden", message)
    assert answer.body["details"] == {"name": "late", "group": group, "kind": "widgets"}


async def test_what_there_is_can_be_read_and_changed(server, path):
    assert (await server.found(f"{path}/held"))["spec"] == {"size": 1}
    (await server.patch(f"{path}/held", {"spec": {"size": 2}})).ok()
