"""Pods of every kind of job, whatever it asks for, where only restricted ones are taken."""

from __future__ import annotations

import pytest
from installation import User, eventually
from kind_world import ALICE, CASES, case
from pod_security import violations

from mlctl_core.testing.control_plane import ControlPlane
from mlctl_core.testing.kubernetes.assets import assets_from_environment_or_cache

pytestmark = pytest.mark.real

TEAM = "team-a"
RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
ACCOUNTS = ("sparkjob-mnist", ALICE["serviceAccountName"])


def of(kind, name, **metadata):
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, **metadata}}


def listed(objects):
    return {"apiVersion": "v1", "kind": "List", "items": list(objects)}


@pytest.fixture(scope="module")
def admin():
    assets = assets_from_environment_or_cache()
    with ControlPlane(assets) as plane:
        admin = User(assets.kubectl, plane.kubeconfig)
        namespace = of("Namespace", TEAM, labels=RESTRICTED)
        accounts = [of("ServiceAccount", name, namespace=TEAM) for name in ACCOUNTS]
        assert admin.create(listed([namespace, *accounts])).succeeded
        default = ("get", "serviceaccount", "default", f"--namespace={TEAM}")
        eventually(lambda: admin.kubectl(*default).succeeded)
        yield admin


def pods():
    """All of them, each by a name of its own, as the manager or a driver sends it."""
    for number, (sample, feature) in enumerate(CASES):
        for pod in case(sample, feature).planned_pods():
            name, labels = pod["metadata"]["name"], pod["metadata"]["labels"]
            metadata = {"name": f"{name}-{number}", "namespace": TEAM, "labels": labels}
            yield {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod["spec"]}


def test_the_server_takes_them_all_without_a_warning(admin):
    planned = list(pods())
    answer = admin.kubectl(
        "create", "-f", "-", "--dry-run=server", "-o", "name", body=listed(planned)
    )
    assert answer.err == ""
    assert len(answer.out.splitlines()) == len(planned)


def test_the_server_refuses_there_what_our_own_check_refuses(admin):
    pod = next(pods())
    del pod["spec"]["containers"][0]["securityContext"]["capabilities"]
    assert violations(pod["spec"]) == ["capabilities drop"]
    answer = admin.tries_to_create(pod)
    assert 'violates PodSecurity "restricted:latest": unrestricted capabilities' in answer.err
