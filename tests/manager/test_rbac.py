from __future__ import annotations

import pytest
import website_planner

import mlctl_core
from mlctl_core.manager import rbac
from mlctl_core.manager.wiring import CustomController
from mlctl_core.objects.kinds import NODE, POD, SECRET, SERVICE, Kind
from mlctl_core.reconcile.planner import Watch
from mlctl_core.reconcile.rights import Right, Use

EVENTS = {
    "apiGroups": ["events.k8s.io"],
    "resources": ["events"],
    "verbs": ["create", "patch"],
}


def rules(*controllers, **options):
    return mlctl_core.cluster_role("x", controllers, **options)["rules"]


def test_a_team_gets_the_role_of_its_operator_from_the_planner_alone():
    assert mlctl_core.cluster_role("website", [website_planner.plan]) == {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "website"},
        "rules": [
            {
                "apiGroups": [""],
                "resources": ["services"],
                "verbs": ["get", "list", "watch", "create", "patch"],
            },
            {
                "apiGroups": ["apps"],
                "resources": ["deployments"],
                "verbs": ["get", "list", "watch", "create", "patch"],
            },
            EVENTS,
            {"apiGroups": ["example.org"], "resources": ["websites"], "verbs": ["list", "watch"]},
            {
                "apiGroups": ["example.org"],
                "resources": ["websites/finalizers"],
                "verbs": ["update"],
            },
            {"apiGroups": ["example.org"], "resources": ["websites/status"], "verbs": ["patch"]},
        ],
    }


def test_a_manager_without_controllers_may_record_events():
    assert rules() == [EVENTS]


def test_kinds_that_only_metrics_read_are_listed_and_watched():
    assert rules(reads=["v1/Node"]) == [
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["list", "watch"]},
        EVENTS,
    ]


def test_a_low_level_controller_has_what_it_caches_and_what_it_names():
    custom = CustomController(
        kind=SERVICE,
        reconciler=lambda *_: None,
        owns=[POD],
        watches=(Watch(NODE),),
        uses=(Use(POD, ["delete", "create"]),),
    )
    assert rules(custom) == [
        {"apiGroups": [""], "resources": ["nodes", "services"], "verbs": ["list", "watch"]},
        {
            "apiGroups": [""],
            "resources": ["pods"],
            "verbs": ["list", "watch", "create", "delete"],
        },
        EVENTS,
    ]


def test_what_several_controllers_need_is_granted_once():
    assert rules(website_planner.plan, website_planner.plan) == rules(website_planner.plan)


ANY = Kind("example.org", "v1", "Any", "anys")


@pytest.mark.parametrize(
    ("rights", "expected"),
    [
        (
            [Right(SECRET, "get", name="b"), Right(SECRET, "get", name="a")],
            [(["secrets"], ["a", "b"], ["get"])],
        ),
        (
            [Right(SECRET, "get", name="a"), Right(SECRET, "get")],
            [(["secrets"], None, ["get"])],
        ),
        (
            [Right(SECRET, "get"), Right(SECRET, "update", name="a")],
            [(["secrets"], None, ["get"]), (["secrets"], ["a"], ["update"])],
        ),
        (
            [Right(POD, "get", "log"), Right(POD, "get")],
            [(["pods", "pods/log"], None, ["get"])],
        ),
    ],
)
def test_names_limit_a_verb_unless_it_is_granted_on_all(rights, expected):
    made = rbac.policy_rules(rights)
    assert [(r["resources"], r.get("resourceNames"), r["verbs"]) for r in made] == expected


def test_versions_of_a_kind_share_a_rule():
    newer = Kind("example.org", "v2", "Any", "anys")
    assert len(rbac.policy_rules([Right(ANY, "get"), Right(newer, "get")])) == 1


def test_the_order_of_rights_does_not_show():
    rights = sorted(website_planner.plan.rights, key=str)
    assert rbac.policy_rules(rights) == rbac.policy_rules(reversed(rights))


def test_a_binding_is_as_wide_as_its_role():
    wide = rbac.binding(rbac.metrics_auth_role("m"), "manager", "ns")
    assert (wide["kind"], "namespace" in wide["metadata"]) == ("ClusterRoleBinding", False)
    narrow = rbac.binding(rbac.leader_election_role("l", "ns", "lease"), "manager", "ns")
    assert (narrow["kind"], narrow["metadata"]["namespace"]) == ("RoleBinding", "ns")
    assert narrow["roleRef"] == {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "Role",
        "name": "l",
    }
    assert narrow["subjects"] == [{"kind": "ServiceAccount", "name": "manager", "namespace": "ns"}]
