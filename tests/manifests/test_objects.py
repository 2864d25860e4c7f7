"""What holds for every object of manifests/, and for those that name each other."""

from __future__ import annotations

import pytest
import yaml
from manifest_files import MANIFESTS, called, files, jobs, names, objects, plurals

from mlctl_core.manager.args import DEFAULT_NAMESPACE

NAMESPACED = {
    "Deployment",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "PrometheusRule",
    "Role",
    "RoleBinding",
    "Service",
    "ServiceAccount",
    "ServiceMonitor",
}
PEOPLE = ("mlctl-view", "mlctl-edit", "mlctl-admin", "mlctl-catalogue-reader", "mlctl-user")


def label(value):
    return f"{value['kind']} {value['metadata']['name']}" if isinstance(value, dict) else value


@pytest.mark.parametrize(("path", "document"), objects(), ids=label)
def test_every_object_says_what_it_belongs_to(path, document):
    labels = document["metadata"]["labels"]
    assert labels["app.kubernetes.io/name"] == labels["app.kubernetes.io/part-of"] == "mlctl"


@pytest.mark.parametrize(("path", "document"), objects(), ids=label)
def test_what_has_a_namespace_is_in_ours(path, document):
    expected = DEFAULT_NAMESPACE if document["kind"] in NAMESPACED else None
    assert document["metadata"].get("namespace") == expected


def kustomizations():
    return sorted(MANIFESTS.rglob("kustomization.yaml"))


def test_every_file_is_applied_by_some_kustomization():
    applied = set()
    for path in kustomizations():
        for resource in yaml.safe_load(path.read_text())["resources"]:
            target = (path.parent / resource).resolve()
            assert target.is_file() or (target / "kustomization.yaml").is_file(), resource
            applied.add(target)
    assert set(files()) <= applied


def applied_by(folder):
    """The files that `kubectl apply -k` of a folder sends."""
    reached = set()
    for resource in yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]:
        target = (folder / resource).resolve()
        reached |= {target} if target.is_file() else applied_by(target)
    return reached


OVERLAYS = sorted((MANIFESTS / "overlays").iterdir())


@pytest.mark.parametrize("folder", [MANIFESTS, *OVERLAYS], ids=lambda path: path.name)
def test_what_needs_definitions_is_not_applied_together_with_them(folder):
    reached = {path.relative_to(MANIFESTS).parts[0] for path in applied_by(folder)}
    assert reached - {"overlays"} == {"base", "catalogue"}


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.name)
def test_an_overlay_takes_nothing_away(overlay):
    assert applied_by(MANIFESTS) < applied_by(overlay)


def test_no_object_is_there_twice():
    seen = [(d["apiVersion"], d["kind"], d["metadata"]["name"]) for _, d in objects(apart=True)]
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize(
    "binding",
    [d for _, d in objects() if d["kind"] in {"ClusterRoleBinding", "RoleBinding"}],
    ids=label,
)
def test_a_role_that_is_bound_is_there_and_so_is_its_account(binding):
    assert binding["roleRef"]["name"] in names(binding["roleRef"]["kind"])
    for subject in binding["subjects"]:
        if subject["kind"] == "ServiceAccount":
            assert subject["name"] in names("ServiceAccount")


@pytest.mark.parametrize(
    "policy", [d for _, d in objects() if d["kind"] == "ValidatingAdmissionPolicy"], ids=label
)
class TestPolicies:
    def test_a_policy_is_bound_and_denies(self, policy):
        binding = called("ValidatingAdmissionPolicyBinding", policy["metadata"]["name"])
        assert binding["spec"]["policyName"] == policy["metadata"]["name"]
        assert binding["spec"]["validationActions"] == ["Deny"]

    def test_every_refusal_has_a_message_for_when_it_cannot_be_worked_out(self, policy):
        for validation in policy["spec"]["validations"]:
            assert validation["message"]
            assert "\n" not in validation["message"]

    def test_only_a_fence_may_fail_open(self, policy):
        fence = policy["metadata"]["name"] == "mlctl-leader-fence"
        assert policy["spec"]["failurePolicy"] == ("Ignore" if fence else "Fail")


class TestRolesOfPeople:
    @pytest.mark.parametrize("name", PEOPLE)
    def test_no_wildcards(self, name):
        for rule in called("ClusterRole", name)["rules"]:
            assert "*" not in (*rule["apiGroups"], *rule["resources"], *rule["verbs"])

    @pytest.mark.parametrize(
        ("name", "into"), [("mlctl-view", "view"), ("mlctl-edit", "edit"), ("mlctl-admin", "admin")]
    )
    def test_they_are_aggregated_into_kubernetes_own(self, name, into):
        labels = called("ClusterRole", name)["metadata"]["labels"]
        aggregated = {key for key in labels if key.startswith("rbac.authorization.k8s.io/")}
        assert aggregated == {f"rbac.authorization.k8s.io/aggregate-to-{into}"}

    def test_every_kind_of_a_namespace_can_be_seen_and_edited(self):
        kinds = plurals("Namespaced")
        [seen] = called("ClusterRole", "mlctl-view")["rules"]
        assert set(seen["resources"]) == kinds | {f"{kind}/status" for kind in kinds}
        [edited] = called("ClusterRole", "mlctl-edit")["rules"]
        assert set(edited["resources"]) == kinds

    def test_every_kind_of_the_cluster_can_be_read_and_kept(self):
        for name in ("mlctl-catalogue-reader", "mlctl-admin"):
            [rule] = called("ClusterRole", name)["rules"]
            assert set(rule["resources"]) == plurals("Cluster")

    @pytest.mark.parametrize("name", PEOPLE)
    def test_nobody_may_write_a_status(self, name):
        for rule in called("ClusterRole", name)["rules"]:
            if any("/" in resource for resource in rule["resources"]):
                assert set(rule["verbs"]) <= {"get", "list", "watch"}

    @pytest.mark.parametrize("name", [name for name in PEOPLE if name != "mlctl-user"])
    def test_the_verb_use_is_for_the_overlay_to_give(self, name):
        assert all("use" not in rule["verbs"] for rule in called("ClusterRole", name)["rules"])


class TestTenancy:
    @pytest.mark.parametrize(("kind", "plural"), [("Framework", "frameworks"), ("Size", "sizes")])
    def test_the_default_catalogue_is_for_everyone_who_may_edit(self, kind, plural):
        rules = called("ClusterRole", "mlctl-user")["rules"]
        [rule] = [rule for rule in rules if rule["resources"] == [plural]]
        assert set(rule["resourceNames"]) == names(kind)
        assert rule["verbs"] == ["use"]

    @pytest.mark.parametrize("policy", ["mlctl-jobs", "mlctl-use"])
    def test_every_kind_of_job_is_held_to_the_policy(self, policy):
        [rule] = called("ValidatingAdmissionPolicy", policy)["spec"]["matchConstraints"][
            "resourceRules"
        ]
        assert set(rule["resources"]) == jobs()
