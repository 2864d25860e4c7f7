from __future__ import annotations

from reconcile_objects import obj, view

from mlctl_core.objects.codec import decode
from mlctl_core.objects.core import ConfigMap, Deployment, Pod
from mlctl_core.objects.kinds import CONFIG_MAP, DEPLOYMENT, NODE, POD
from mlctl_core.reconcile.plan import Delete, Patch, Plan
from mlctl_core.reconcile.planner import Watch, planner


@planner(Deployment, owns=["v1/ConfigMap", Pod], watches=[Watch(NODE), "v1/Pod"])
def plan(site: Deployment, view) -> Plan:
    """Says the site's name."""
    return Plan(status={"name": site.metadata.name})


def test_a_planner_is_still_the_function_it_was():
    site = decode(Deployment, b'{"metadata":{"name":"x"}}')
    assert plan(site, view()).status == {"name": "x"}


def test_every_kind_that_is_planned_owned_or_watched_is_cached_once():
    assert [kind.name for kind in plan.kinds] == ["Deployment", "ConfigMap", "Pod", "Node"]


def test_a_controller_is_named_for_its_kind_unless_told_otherwise():
    assert plan.name == "deployment"
    assert planner(Deployment, name="other")(lambda *_: Plan()).name == "other"


def test_classes_that_were_named_are_those_that_views_decode_into():
    assert set(plan.classes.values()) == {Deployment, Pod}


def test_a_kind_that_is_only_read_wakes_nobody():
    assert [(w.kind, w.map, w.index) for w in plan.watches] == [
        (NODE, None, None),
        (POD, None, None),
    ]


def test_writes_of_a_plan_take_kinds_in_any_of_their_forms():
    assert Delete(kind="apps/v1/Deployment", name="d").kind == DEPLOYMENT
    assert Patch(kind=ConfigMap, name="c", body={}).kind == CONFIG_MAP


def test_a_plan_is_frozen_whatever_it_was_made_from():
    made = Plan(apply=[obj(POD, "p")], events=iter(()))
    assert isinstance(made.apply, tuple)
    assert made.events == ()
    assert Plan() == Plan(apply=[])
