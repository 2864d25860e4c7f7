from __future__ import annotations

import pytest
from reconcile_objects import obj

from mlctl_core.objects.core import ConfigMap, Deployment
from mlctl_core.objects.kinds import CONFIG_MAP, POD
from mlctl_core.reconcile.changes import PlanError
from mlctl_core.reconcile.own import Own, refuse_unseen
from mlctl_core.reconcile.plan import Plan
from mlctl_core.reconcile.planner import planner

OURS = Own(ConfigMap, labels={"managed-by": "us", "app": "x"})


def declare(**declared):
    return planner(Deployment, **declared)(lambda obj, view: Plan())


def test_labels_are_a_selector_whatever_their_order():
    assert OURS.selector == "app=x,managed-by=us"
    assert Own("v1/ConfigMap", labels={"app": "x", "managed-by": "us"}) == OURS


def test_a_kind_that_is_owned_within_limits_is_owned():
    plan = declare(owns=[POD, OURS])
    assert plan.owns == (POD, CONFIG_MAP)
    assert plan.limits == (OURS,)
    assert plan.rights == declare(owns=[POD, CONFIG_MAP]).rights


@pytest.mark.parametrize("watched", ["v1/ConfigMap", "apps/v1/Deployment"])
def test_what_is_read_as_a_whole_cannot_be_limited(watched):
    own = Own(watched, labels={"a": "b"})
    watches = [] if watched == "apps/v1/Deployment" else [watched]
    with pytest.raises(ValueError, match="own it without a limit"):
        declare(owns=[own], watches=watches)


@pytest.mark.parametrize("labels", [None, {}, {"app": "x"}, {"app": "y", "managed-by": "us"}])
def test_a_plan_that_would_lose_sight_of_its_child_is_refused(labels):
    child = obj(CONFIG_MAP, "child", metadata={"labels": labels})
    with pytest.raises(PlanError, match="without the labels app=x,managed-by=us"):
        refuse_unseen([OURS], Plan(apply=[child]))


def test_labels_beyond_those_and_other_kinds_are_no_concern():
    labels = {"app": "x", "managed-by": "us", "more": "z"}
    child = obj(CONFIG_MAP, "child", metadata={"labels": labels})
    refuse_unseen([OURS], Plan(apply=[child, obj(POD, "p")]))
