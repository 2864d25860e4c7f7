"""The installation with all that can be added to it, on the newest and the oldest Kubernetes."""

from __future__ import annotations

import pytest
from installation import SECONDS, SYSTEM, eventually, installation, job

from mlctl_core.testing.kubernetes.assets import RELEASES

pytestmark = pytest.mark.real

POLICIES = {
    "mlctl-jobs",
    "mlctl-leader-fence",
    "mlctl-marks",
    "mlctl-spark",
    "mlctl-status",
    "mlctl-use",
    "mlctl-use-of-role-sizes",
}
HUGE = {
    "apiVersion": "mlctl.dev/v1alpha1",
    "kind": "Size",
    "metadata": {"name": "huge"},
    "spec": {"cpu": "64", "memory": "1Ti"},
}


@pytest.fixture(scope="module", params=RELEASES, ids=lambda release: release.minor)
def cluster(request):
    with installation("manifests/overlays/multi-tenant", request.param) as cluster:
        cluster.admin.must("apply", "-k", "manifests/overlays/leader-fence")
        yield cluster


def test_the_servers_own_check_of_the_policies_has_nothing_to_say(cluster):
    def checked():
        policies = cluster.admin.get("validatingadmissionpolicies")["items"]
        statuses = [policy.get("status", {}) for policy in policies]
        return all("typeChecking" in status for status in statuses) and policies

    policies = eventually(checked)
    assert {policy["metadata"]["name"] for policy in policies} == POLICIES
    for policy in policies:
        assert policy["status"]["typeChecking"] == {}, policy["metadata"]["name"]


def test_both_pods_of_the_manager_are_admitted(cluster):
    cluster.admin.must(
        "wait",
        f"--namespace={SYSTEM}",
        "--for=jsonpath={.status.replicas}=2",
        "deployment/mlctl-manager",
        f"--timeout={SECONDS}s",
    )


def test_who_may_edit_may_use_the_default_catalogue_and_nothing_more(cluster):
    jane = cluster.tenant("jane", "team-a")
    assert cluster.admin.create(HUGE).succeeded
    eventually(lambda: jane.tries_to_create(job()).succeeded)
    eventually(lambda: "may not use huge" in jane.tries_to_create(job(size="huge")).err)
