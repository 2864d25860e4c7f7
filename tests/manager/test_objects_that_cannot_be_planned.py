"""What a user reads on an object that the server takes and the controller cannot."""

from __future__ import annotations

import json
from typing import Annotated

import attrs
import pytest
from website_cluster import NS, OPTIONS, PATIENCE, established, running

from mlctl_core.clock import SystemClock, deadline
from mlctl_core.manager.manager import Manager
from mlctl_core.objects.conditions import Conditions
from mlctl_core.objects.crd import crd
from mlctl_core.objects.kinds import CRD, kind_of
from mlctl_core.objects.metadata import Metadata
from mlctl_core.objects.resource import Schema, resource
from mlctl_core.reconcile.plan import Plan
from mlctl_core.reconcile.planner import planner


@attrs.frozen(kw_only=True)
class GadgetSpec:
    """What is wished."""

    size: Annotated[int, Schema(minimum=0, maximum=9)] = 0
    """How large."""


@attrs.frozen(kw_only=True)
class GadgetStatus:
    """What is."""

    size: Annotated[int, Schema(minimum=0, maximum=9)] = 0
    """How large it was when last planned."""
    conditions: Conditions = ()
    """What is true about it."""


@resource(group="example.org", version="v1", plural="gadgets")
@attrs.frozen(kw_only=True)
class Gadget:
    """A thing with conditions."""

    metadata: Metadata
    spec: GadgetSpec = GadgetSpec()
    """What is wished."""
    status: GadgetStatus = GadgetStatus()
    """What is."""


GADGET = kind_of(Gadget)


@planner(Gadget)
def plan(gadget, view):
    if gadget.spec.size == 9:
        raise RuntimeError("CANARY")
    return Plan(status={"size": gadget.spec.size})


@pytest.fixture(autouse=True)
async def patience():
    async with deadline(SystemClock(), PATIENCE):
        yield


@pytest.fixture
async def gadgets(cluster):
    """A cluster whose schema of gadgets lets more through than their class."""
    definition = crd(Gadget)
    properties = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    properties["spec"]["properties"]["size"] = {"x-kubernetes-preserve-unknown-fields": True}
    await cluster.client.create(CRD, definition)
    await established(cluster, GADGET)
    return cluster


async def create(cluster, size):
    body = {"apiVersion": GADGET.api_version, "kind": "Gadget", "metadata": {"name": "g"}}
    await cluster.client.create(GADGET, {**body, "spec": {"size": size}}, NS)


def complains(gadget):
    conditions = gadget.get("status", {}).get("conditions", [])
    return [c for c in conditions if c["type"] == "Reconciled" and c["status"] == "False"]


def planned(gadget):
    return gadget.get("status") == {"size": 1, "conditions": []}


@pytest.mark.parametrize(
    ("size", "reason", "words"),
    [("large", "InvalidObject", "$.spec.size"), (9, "ReconcileError", "RuntimeError at test_")],
)
async def test_it_says_why_until_it_can_be(gadgets, size, reason, words):
    async with running(Manager(OPTIONS, config=gadgets.config).add(plan)):
        await create(gadgets, size)
        (condition,) = complains(await gadgets.when(GADGET, complains))
        assert condition["reason"] == reason
        assert words in condition["message"]
        assert "CANARY" not in json.dumps(condition)
        await gadgets.client.patch(GADGET, "g", {"spec": {"size": 1}}, NS)
        await gadgets.when(GADGET, planned)
