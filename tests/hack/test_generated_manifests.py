from __future__ import annotations

import sys

import pytest
import yaml

from hack import manifests
from mlctl_core.manager.args import DEFAULT_NAMESPACE, own_namespace
from mlctl_core.objects.kinds import kind_of


@pytest.fixture
def run(monkeypatch):
    def program(*arguments):
        monkeypatch.setattr(sys, "argv", ["manifests.py", *arguments])
        return manifests.main()

    return program


@pytest.fixture
def elsewhere(monkeypatch, tmp_path):
    monkeypatch.setattr(manifests, "MANIFESTS", tmp_path)
    return tmp_path


def test_the_manifests_in_the_tree_are_those_that_are_generated(run, capsys):
    assert run("--check") == 0, capsys.readouterr().out


def test_check_names_what_differs_and_writes_nothing(run, capsys, elsewhere):
    run()
    (elsewhere / "base" / "rbac.yaml").write_text("a verb more")
    (elsewhere / "crds" / "sizes.yaml").write_text("edited by hand")
    (elsewhere / "crds" / "frameworks.yaml").unlink()
    (elsewhere / "crds" / "older.yaml").write_text("of a kind that is gone")
    capsys.readouterr()
    assert run("--check") == 1
    named = [line.split(" ")[0].split("/", 1)[1] for line in capsys.readouterr().out.splitlines()]
    assert named == [
        "base/rbac.yaml",
        "crds/frameworks.yaml",
        "crds/sizes.yaml",
        "crds/older.yaml",
    ]
    assert (elsewhere / "crds" / "sizes.yaml").read_text() == "edited by hand"


def test_writing_leaves_exactly_the_definitions_of_the_classes(run, elsewhere):
    run()
    (elsewhere / "crds" / "older.yaml").write_text("of a kind that is gone")
    run()
    assert run("--check") == 0
    plurals = {kind_of(cls).plural for cls in manifests.CLASSES}
    files = {path.name for path in (elsewhere / "crds").iterdir()}
    assert files == {"kustomization.yaml", *(f"{plural}.yaml" for plural in plurals)}


def test_what_is_written_by_hand_next_to_the_roles_stays(run, elsewhere):
    run()
    (elsewhere / "base" / "service.yaml").write_text("by hand")
    run()
    assert (elsewhere / "base" / "service.yaml").read_text() == "by hand"


def test_every_file_says_where_it_comes_from_and_is_yaml():
    for name, text in manifests.generated().items():
        assert text.startswith("#")
        assert "enerated" in text.split("\napiVersion", 1)[0]
        assert all(document["kind"] for document in yaml.safe_load_all(text)), name


class TestRoles:
    """What nobody may slip into the manager's rights, whatever a controller declares."""

    @pytest.fixture
    def roles(self):
        return {
            obj["metadata"]["name"]: obj
            for obj in manifests.rbac_objects()
            if obj["kind"] in ("ClusterRole", "Role")
        }

    @pytest.fixture
    def rules(self, roles):
        return [rule for role in roles.values() for rule in role["rules"]]

    def test_no_rule_has_a_star(self, rules):
        assert not [rule for rule in rules if "*" in str(rule)]

    def test_secrets_are_never_listed_or_watched_nor_written(self, rules):
        on_secrets = [r for r in rules if any("secrets" in name for name in r["resources"])]
        assert {verb for rule in on_secrets for verb in rule["verbs"]} <= {"get"}

    def test_nothing_that_raises_its_own_rights(self, rules):
        verbs = {verb for rule in rules for verb in rule["verbs"] if not rule.get("resourceNames")}
        assert not verbs & {"escalate", "impersonate", "bind"}
        groups = {
            group
            for rule in rules
            for group in rule["apiGroups"]
            if set(rule["verbs"]) & {"create", "update", "patch", "delete", "deletecollection"}
        }
        assert not groups & {"admissionregistration.k8s.io", "apiextensions.k8s.io"}

    def test_no_door_into_running_pods_or_nodes(self, rules):
        resources = {name for rule in rules for name in rule["resources"]}
        forbidden = {"pods/exec", "pods/attach", "pods/portforward", "nodes/proxy", "pods/proxy"}
        forbidden |= {"serviceaccounts/token"}
        assert not resources & forbidden

    def test_the_lease_is_the_only_one_that_can_be_read_or_changed(self, roles):
        role = roles["mlctl-leader-election"]
        assert role["kind"] == "Role"
        assert role["metadata"]["namespace"] == DEFAULT_NAMESPACE == own_namespace()
        named = {tuple(r["verbs"]): r.get("resourceNames") for r in role["rules"]}
        assert named == {("create",): None, ("get", "update"): ["mlctl"]}

    def test_each_role_is_bound_to_the_managers_account_and_to_nobody_else(self, roles):
        bindings = [o for o in manifests.rbac_objects() if o["kind"].endswith("Binding")]
        assert {b["roleRef"]["name"] for b in bindings} == set(roles)
        for bound in bindings:
            assert bound["kind"] == roles[bound["roleRef"]["name"]]["kind"] + "Binding"
            assert bound["subjects"] == [
                {
                    "kind": "ServiceAccount",
                    "name": "mlctl-manager",
                    "namespace": DEFAULT_NAMESPACE,
                }
            ]
