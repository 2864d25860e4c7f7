"""What the driver of a SparkJob may do, by the rights that the manager gives it, and what not."""

from __future__ import annotations

import copy

import pytest
from installation import MANIFESTS, User, eventually, installation, pod

from controllers.spark import rbac
from hack.demo import cluster as demo

pytestmark = pytest.mark.real

NAMESPACE = "team-a"
DRIVER = "sparkjob-words-driver"
ACCOUNT = {"name": "sparkjob-words", "namespace": NAMESPACE}
OF_WORDS = {"mlctl.dev/kind": "SparkJob", "mlctl.dev/name": "words"}


@pytest.fixture(scope="module")
def cluster():
    with installation() as cluster:
        cluster.tenant("jane", NAMESPACE)
        yield cluster


@pytest.fixture(scope="module")
def manager(cluster):
    """The manager, which has given a driver its account and its rights."""
    manager = cluster.manager()
    account, binding = rbac.service_account(ACCOUNT), rbac.role_binding(ACCOUNT, ACCOUNT["name"])
    assert manager.create(account).succeeded
    assert manager.create(binding).succeeded
    driver = pod(DRIVER, NAMESPACE, labels=OF_WORDS)
    driver["spec"] |= {"serviceAccountName": ACCOUNT["name"]}
    assert manager.create(driver).succeeded
    return manager


@pytest.fixture(scope="module")
def driver(cluster, manager):
    """Who has the token of the driver's pod."""
    kubeconfig = cluster.plane.kubeconfig_for_service_account(NAMESPACE, ACCOUNT["name"], DRIVER)
    driver = User(cluster.program, kubeconfig)
    eventually(lambda: driver.tries_to_create(executor(manager)).succeeded)
    stray = executor(manager)
    del stray["metadata"]["ownerReferences"]
    eventually(lambda: "mlctl-spark" in driver.tries_to_create(stray).err)
    return driver


def executor(manager, labels=(), **spec):
    """An executor as Spark makes it."""
    found = manager.get(f"pod {DRIVER}", "-n", NAMESPACE)["metadata"]
    owner = {"apiVersion": "v1", "kind": "Pod", "name": DRIVER, "uid": found["uid"]}
    wanted = {**OF_WORDS, "mlctl.dev/role": "executor", "spark-exec-id": "1", **dict(labels)}
    made = pod("sparkjob-words-1-exec-1", NAMESPACE, labels=wanted)
    made["metadata"]["ownerReferences"] = [{**owner, "controller": True}]
    made["spec"] |= {"automountServiceAccountToken": False, **spec}
    return made


def test_the_sample_is_accepted(cluster):
    [sample] = demo.documents([MANIFESTS / "samples" / "words.yaml"])
    sample["metadata"]["namespace"] = NAMESPACE
    answer = cluster.user("jane").tries_to_create(sample)
    assert answer.succeeded, answer.err


def test_a_property_of_the_platforms_is_refused_by_name(cluster):
    [sample] = demo.documents([MANIFESTS / "samples" / "words.yaml"])
    sample = copy.deepcopy(sample)
    sample["metadata"]["namespace"] = NAMESPACE
    sample["spec"]["conf"]["spark.kubernetes.container.image"] = "mine"
    answer = cluster.user("jane").tries_to_create(sample)
    assert "spark.kubernetes.container.image is the framework's" in answer.err


def test_a_driver_looks_after_its_executors(manager, driver):
    assert driver.create(executor(manager)).succeeded
    name = "pod sparkjob-words-1-exec-1"
    patch = {"metadata": {"labels": {"spark-exec-inactive": "true"}}}
    assert driver.patch(name, patch, namespace=NAMESPACE).succeeded
    driver.must("delete", *name.split(), "-n", NAMESPACE, "--wait=false")


@pytest.mark.parametrize("resource", ["secrets", "configmaps", "services", "serviceaccounts"])
def test_a_driver_has_rights_to_pods_alone(driver, resource):
    answer = driver.kubectl("get", resource, "-n", NAMESPACE)
    assert "Forbidden" in answer.err


def test_a_driver_has_no_rights_elsewhere(driver):
    assert "Forbidden" in driver.kubectl("get", "pods", "-n", "default").err


def test_an_executor_of_nobody_is_refused(manager, driver):
    stray = executor(manager)
    del stray["metadata"]["ownerReferences"]
    assert "a driver makes executors of its own" in driver.tries_to_create(stray).err


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ({"mlctl.dev/name": "other"}, "mlctl.dev/"),
        ({"mlctl.dev/role": "driver"}, "mlctl.dev/"),
    ],
    ids=["another job's", "another role"],
)
def test_an_executor_of_another_is_refused(manager, driver, labels, told):
    answer = driver.tries_to_create(executor(manager, labels))
    assert not answer.succeeded
    assert told in answer.err


def test_an_executor_with_another_account_is_refused(cluster, manager, driver):
    other = rbac.service_account({"name": "other", "namespace": NAMESPACE})
    assert cluster.admin.create(other).succeeded
    answer = driver.tries_to_create(executor(manager, serviceAccountName="other"))
    assert "an executor does not run as other" in answer.err


def test_an_executor_with_a_token_is_refused(manager, driver):
    answer = driver.tries_to_create(executor(manager, automountServiceAccountToken=True))
    assert "executors get no token" in answer.err


def test_a_tenant_cannot_make_an_executor(cluster, manager):
    answer = cluster.user("jane").tries_to_create(executor(manager))
    assert "is set by mlctl alone" in answer.err


def test_the_manager_can_give_away_no_other_role(manager):
    binding = rbac.role_binding({"name": "more", "namespace": NAMESPACE}, ACCOUNT["name"])
    for role in ("cluster-admin", "edit"):
        answer = manager.create({**binding, "roleRef": {**binding["roleRef"], "name": role}})
        assert "is attempting to grant RBAC permissions not currently held" in answer.err
