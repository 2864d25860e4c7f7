"""`kubectl apply -k manifests` on a cluster that has nothing yet."""

from __future__ import annotations

import pytest
from installation import MANIFESTS, SECONDS, SYSTEM, eventually, installation

pytestmark = pytest.mark.real

# kubectl sends a budget's selector with every apply, since its patch strategy is `replace`, and
# calls that configured; the server finds nothing to change.
ALWAYS_SENT = "poddisruptionbudget.policy/mlctl-manager configured"


@pytest.fixture(scope="module")
def cluster():
    with installation() as cluster:
        yield cluster


def versions(cluster):
    kinds = (
        "namespaces,serviceaccounts,services,deployments,poddisruptionbudgets,networkpolicies,"
        "roles,rolebindings,clusterroles,clusterrolebindings,frameworks,sizes,"
        "validatingadmissionpolicies,validatingadmissionpolicybindings"
    )
    listed = cluster.admin.get(
        kinds, "--all-namespaces", "--selector=app.kubernetes.io/part-of=mlctl"
    )
    return {
        (found["kind"], found["metadata"]["name"]): (
            # A Deployment's status moves by itself.
            found["metadata"].get("generation", found["metadata"]["resourceVersion"])
        )
        for found in listed["items"]
    }


def test_applying_it_again_changes_nothing(cluster):
    before = versions(cluster)
    assert before
    for folder in ("manifests/crds", "manifests"):
        answer = cluster.admin.must("apply", "-k", folder)
        changed = [line for line in answer.out.splitlines() if not line.endswith(" unchanged")]
        assert changed in ([], [ALWAYS_SENT])
    assert versions(cluster) == before


def test_nothing_in_it_is_warned_about(cluster):
    for folder in ("manifests", "manifests/overlays/multi-tenant"):
        answer = cluster.admin.must("apply", "-k", folder, "--dry-run=server")
        assert answer.err == ""


def test_both_pods_of_the_manager_are_admitted(cluster):
    cluster.admin.must(
        "wait",
        f"--namespace={SYSTEM}",
        "--for=jsonpath={.status.replicas}=2",
        "deployment/mlctl-manager",
        f"--timeout={SECONDS}s",
    )
    pods = cluster.admin.get("pods", f"--namespace={SYSTEM}")["items"]
    assert len(pods) == 2
    mounted = {volume["name"].rsplit("-", 1)[0] for volume in pods[0]["spec"]["volumes"]}
    assert mounted == {"tmp", "kube-api-access"}


def test_pods_that_are_not_restricted_are_refused_there(cluster):
    answer = cluster.admin.kubectl(
        "run", "main", "--image=example.com/image", f"--namespace={SYSTEM}", "--dry-run=server"
    )
    assert not answer.succeeded
    assert 'violates PodSecurity "restricted:latest"' in answer.err


class TestPeople:
    @pytest.mark.parametrize("sample", sorted((MANIFESTS / "samples").glob("[!k]*.yaml")))
    def test_a_tenant_may_create_every_sample(self, cluster, sample):
        tenant = cluster.tenant("sam", "team-samples")

        def created():
            answer = tenant.kubectl(
                "create", "--namespace=team-samples", "--dry-run=server", "-f", str(sample)
            )
            # The roles are aggregated by a controller, some time after they were created.
            assert answer.succeeded or "Forbidden" in answer.err, answer.err
            return answer.succeeded

        eventually(created)

    @pytest.mark.parametrize(
        ("role", "verb", "resource", "may"),
        [
            ("view", "list", "pythonjobs", True),
            ("view", "get", "pythonjobs/status", True),
            ("view", "create", "pythonjobs", False),
            ("edit", "watch", "pythonjobs", True),
            ("edit", "create", "pythonjobs", True),
            ("edit", "deletecollection", "pythonjobs", True),
            ("edit", "patch", "pythonjobs/status", False),
            ("admin", "delete", "pythonjobs", True),
            ("admin", "update", "pythonjobs/status", False),
            ("view", "list", "sizes", True),
            ("view", "watch", "frameworks", True),
            ("admin", "use", "sizes", False),
        ],
    )
    def test_what_kubernetes_own_roles_may_do_in_a_namespace(
        self, cluster, role, verb, resource, may
    ):
        tenant = cluster.tenant(f"{role}er", f"team-{role}s", role)
        eventually(
            lambda: (
                tenant.kubectl(
                    "auth", "can-i", "list", "pythonjobs.mlctl.dev", f"-nteam-{role}s"
                ).succeeded
            )
        )
        plural, _, subresource = resource.partition("/")
        answer = tenant.kubectl(
            "auth",
            "can-i",
            verb,
            f"{plural}.mlctl.dev",
            f"--subresource={subresource}",
            f"-nteam-{role}s",
        )
        assert answer.succeeded is may

    def test_an_admin_of_a_namespace_does_not_keep_the_catalogue(self, cluster):
        size = cluster.admin.get("size small")
        size["metadata"] = {"name": "mine"}
        assert cluster.admin.tries_to_create(size).succeeded
        answer = cluster.tenant("adminer", "team-admins", "admin").tries_to_create(size)
        assert 'cannot create resource "sizes"' in answer.err

    def test_an_admin_of_the_whole_cluster_keeps_the_catalogue(self, cluster):
        cluster.admin.must(
            "create", "clusterrolebinding", "keeper", "--clusterrole=admin", "--user=keeper"
        )
        keeper = cluster.user("keeper")
        eventually(lambda: keeper.kubectl("auth", "can-i", "create", "sizes.mlctl.dev").succeeded)
