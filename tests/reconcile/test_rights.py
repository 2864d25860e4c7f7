from __future__ import annotations

import pytest
from reconcile_objects import obj

from mlctl_core.objects.core import ConfigMap, Deployment
from mlctl_core.objects.kinds import CONFIG_MAP, DEPLOYMENT, NODE, POD, SECRET
from mlctl_core.reconcile.changes import PlanError
from mlctl_core.reconcile.plan import Delete, Patch, Plan
from mlctl_core.reconcile.planner import Watch, planner
from mlctl_core.reconcile.rights import Right, UndeclaredUseError, Use, refuse_undeclared


def rights(cls=Deployment, **declared):
    return {str(right) for right in planner(cls, **declared)(lambda *_: Plan()).rights}


PLANNED = {
    "list apps/v1/Deployment",
    "watch apps/v1/Deployment",
    "patch apps/v1/Deployment/status",
}


def test_a_planner_may_list_and_watch_what_it_plans_and_write_its_status():
    assert rights() == PLANNED


def test_what_has_no_status_gives_no_right_to_write_one():
    assert rights(ConfigMap) == {"list v1/ConfigMap", "watch v1/ConfigMap"}


def test_a_watched_kind_is_only_listed_and_watched():
    assert rights(watches=[Watch(NODE)]) - PLANNED == {"list v1/Node", "watch v1/Node"}


def test_an_owned_kind_is_created_read_and_patched_and_not_deleted():
    assert rights(owns=[POD]) - PLANNED == {
        *("list v1/Pod", "watch v1/Pod", "get v1/Pod", "create v1/Pod", "patch v1/Pod"),
        "update apps/v1/Deployment/finalizers",
    }


def test_what_is_used_besides_is_named():
    uses = [
        Use(POD, "delete"),
        Use(POD, ["get"], subresource="log"),
        Use(SECRET, "get", names=["a", "b"]),
    ]
    assert rights(uses=uses) - PLANNED == {
        *("delete v1/Pod", "get v1/Pod/log", "get v1/Secret a", "get v1/Secret b"),
    }


@pytest.mark.parametrize("verb", ["*", "apply", "Get", ""])
def test_what_is_no_verb_is_refused_when_it_is_declared(verb):
    with pytest.raises(ValueError, match="is no verb"):
        Use(POD, [verb])


POD_BODY = obj(POD, "p")
DELETE_POD = Plan(delete=[Delete(kind=POD, name="p")])
PATCH_POD = Plan(patch=[Patch(kind=POD, name="p", body={})])
PATCH_STATUS = Plan(patch=[Patch(kind=POD, name="p", body={}, subresource="status")])


@pytest.mark.parametrize(
    ("plan", "declared"),
    [
        (Plan(apply=[POD_BODY]), {"owns": [POD]}),
        (PATCH_POD, {"owns": [POD]}),
        (PATCH_POD, {"uses": [Use(POD, "patch")]}),
        (PATCH_POD, {"uses": [Use(POD, "patch", names=["p"])]}),
        (PATCH_STATUS, {"uses": [Use(POD, "patch", subresource="status")]}),
        (DELETE_POD, {"uses": [Use(POD, ["get", "delete"])]}),
        (Plan(status={}), {}),
        (Plan(), {}),
    ],
)
def test_a_plan_may_do_what_is_declared(plan, declared):
    check(plan, declared)


@pytest.mark.parametrize(
    ("plan", "declared", "right"),
    [
        (PATCH_POD, {"watches": [POD]}, Right(POD, "patch", name="p")),
        (PATCH_POD, {"uses": [Use(POD, "patch", names=["q"])]}, Right(POD, "patch", name="p")),
        (PATCH_STATUS, {"owns": [POD]}, Right(POD, "patch", "status", "p")),
        (DELETE_POD, {"owns": [POD]}, Right(POD, "delete", name="p")),
    ],
)
def test_a_plan_may_do_nothing_else(plan, declared, right):
    with pytest.raises(UndeclaredUseError) as refused:
        check(plan, declared)
    assert refused.value.right == right


def test_a_status_of_what_has_none_is_refused():
    made = planner(ConfigMap)(lambda *_: Plan())
    with pytest.raises(UndeclaredUseError, match="patch v1/ConfigMap/status"):
        refuse_undeclared(CONFIG_MAP, made.owns, made.rights, Plan(status={}))


def test_a_kind_that_is_only_watched_cannot_be_applied():
    with pytest.raises(PlanError, match="applies a v1/Pod: name it in the planner's owns"):
        check(Plan(apply=[POD_BODY]), {"watches": [POD]})


def check(plan, declared):
    made = planner(Deployment, **declared)(lambda *_: Plan())
    refuse_undeclared(DEPLOYMENT, made.owns, made.rights, plan)
