"""A planner that owns some objects of a kind, and strangers' objects of that kind."""

from __future__ import annotations

import json

import pytest
import website_planner
from website_cluster import NS, OPTIONS, PATIENCE, SITE, ready_replicas, running

from mlctl_core.clock import SystemClock, deadline
from mlctl_core.manager.manager import Manager
from mlctl_core.manager.wiring import CustomController, label_selectors
from mlctl_core.objects.kinds import CONFIG_MAP, DEPLOYMENT, EVENT, SERVICE
from mlctl_core.reconcile.own import Own
from mlctl_core.reconcile.plan import Plan
from mlctl_core.reconcile.planner import planner

LABELS = {"managed-by": "website"}
OURS = Own(CONFIG_MAP, labels=LABELS)


def page(site):
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": site.metadata.name, "labels": LABELS},
        "data": {"image": site.spec.image},
    }


@planner(website_planner.Website, owns=[OURS])
def plan(site, view):
    there = view.owned("v1/ConfigMap", site.metadata.name)
    status = {"readyReplicas": 1 if there else 0}
    return Plan(apply=[page(site)], status=status)


@pytest.fixture(autouse=True)
async def patience():
    async with deadline(SystemClock(), PATIENCE):
        yield


def strangers(name, **labels):
    metadata = {"name": name, "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "1"}}


async def test_what_others_have_is_not_cached(cluster):
    for number in range(5):
        await cluster.client.create(CONFIG_MAP, strangers(f"s{number}"), NS)
    async with running(cluster.manager(plan=plan)) as manager:
        await cluster.create_site()
        await cluster.when(SITE, ready_replicas(1))
        labels = {"kind": "v1/ConfigMap"}
        assert manager.metrics.registry.get_sample_value("mlctl_cache_objects", labels) == 1


@pytest.mark.parametrize("labels", [{}, LABELS])
async def test_a_strangers_object_of_that_name_is_named_and_never_touched(cluster, labels):
    theirs = json.loads(await cluster.client.create(CONFIG_MAP, strangers("shop", **labels), NS))
    async with running(cluster.manager(plan=plan)):
        await cluster.create_site()
        event = await cluster.when(EVENT, lambda e: e["reason"] == "NameTaken")
        assert "ConfigMap shop" in event["note"]
        version = theirs["metadata"]["resourceVersion"]
        assert (await cluster.get(CONFIG_MAP, "shop"))["metadata"]["resourceVersion"] == version
        await cluster.client.delete(CONFIG_MAP, "shop", NS)
        await cluster.when(SITE, ready_replicas(1))


async def test_a_child_that_loses_its_labels_gets_them_back(cluster):
    async with running(cluster.manager(plan=plan)):
        await cluster.create_site()
        await cluster.when(SITE, ready_replicas(1))
        before = await cluster.get(CONFIG_MAP, "shop")
        await cluster.client.patch(CONFIG_MAP, "shop", {"metadata": {"labels": None}}, NS)
        after = await cluster.when(CONFIG_MAP, lambda c: c["metadata"].get("labels") == LABELS)
        assert after["metadata"]["uid"] == before["metadata"]["uid"]


async def test_a_limit_gives_way_to_who_needs_more(cluster):
    seen = []

    @planner(website_planner.Website, watches=["v1/ConfigMap"], name="other")
    def other(site, view):
        seen.append({obj.metadata.name for obj in view.list("v1/ConfigMap")})
        return Plan(status={"readyReplicas": 7})

    await cluster.client.create(CONFIG_MAP, strangers("s"), NS)
    async with running(Manager(OPTIONS, config=cluster.config).add(plan).add(other)):
        await cluster.create_site()
        await cluster.when(SITE, ready_replicas(7))
        assert "s" in seen[0]


def owning(*owns, name):
    return planner(website_planner.Website, owns=owns, name=name)(plan.function)


def test_a_limit_holds_where_all_agree():
    custom = CustomController(kind=SERVICE, reconciler=lambda *_: None, owns=["v1/ConfigMap"])
    one, two = owning(OURS, DEPLOYMENT, name="one"), owning(OURS, name="two")
    other = owning(Own(CONFIG_MAP, labels={"x": "y"}), name="other")
    assert label_selectors([one, two], [SERVICE]) == {CONFIG_MAP: "managed-by=website"}
    assert label_selectors([one, other], []) == {}
    assert label_selectors([one, custom], []) == {}
    assert label_selectors([one], [CONFIG_MAP]) == {}
