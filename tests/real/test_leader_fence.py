"""The leader-fence overlay: a manager's pod writes only while the Lease names it."""

from __future__ import annotations

import pytest
import yaml
from installation import SYSTEM, User, eventually, installation, pod

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def cluster():
    with installation("manifests/overlays/leader-fence") as cluster:
        cluster.admin.must("create", "namespace", "team-a")
        yield cluster


@pytest.fixture(scope="module")
def replicas(cluster):
    """Both pods of the Deployment: their names, and kubectl with the token each gets."""
    pods = eventually(
        lambda: (found := cluster.admin.get("pods", f"-n{SYSTEM}")["items"])[1:] and found
    )
    account = yaml.safe_load(cluster.manager().kubeconfig.read_text())
    found = {}
    for name in (replica["metadata"]["name"] for replica in pods):
        token = cluster.admin.must(
            "create",
            "token",
            "mlctl-manager",
            f"-n{SYSTEM}",
            "--bound-object-kind=Pod",
            f"--bound-object-name={name}",
        ).out
        account["users"][0]["user"] = {"token": token.strip()}
        kubeconfig = cluster.plane.directory / f"{name}.kubeconfig"
        kubeconfig.write_text(yaml.safe_dump(account))
        found[name] = User(cluster.program, kubeconfig)
    return found


def lease(holder):
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "mlctl", "namespace": SYSTEM},
        "spec": {"holderIdentity": holder, "leaseDurationSeconds": 15},
    }


def test_writes_follow_the_lease(cluster, replicas):
    (first, leader), (second, standby) = replicas.items()
    nobody = cluster.manager()
    # No Lease yet: nobody has led, and the fence is open, for everyone else's writes too.
    assert leader.tries_to_create(pod()).succeeded

    assert leader.create(lease(f"{first}_0123456789abcdef")).succeeded
    eventually(lambda: not standby.tries_to_create(pod()).succeeded)
    assert leader.tries_to_create(pod()).succeeded
    told = standby.tries_to_create(pod()).err
    assert f'the Lease mlctl-system/mlctl is held by "{first}_' in told
    assert f"this write came from pod {second}, which does not lead" in told
    assert "came from a token of no pod" in nobody.tries_to_create(pod()).err

    # The standby takes over: it may write the Lease, which the fence leaves alone.
    taken = lease(f"{second}_fedcba9876543210")
    taken["metadata"] = standby.get("lease mlctl", f"-n{SYSTEM}")["metadata"]
    standby.must("replace", "-f", "-", body=taken)
    eventually(lambda: standby.tries_to_create(pod()).succeeded)
    assert "which does not lead" in leader.tries_to_create(pod()).err

    # Others are not asked.
    assert cluster.admin.tries_to_create(pod()).succeeded
