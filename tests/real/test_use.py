"""The multi-tenant overlay: who may name which size and framework."""

from __future__ import annotations

import pytest
from installation import eventually, installation, job

pytestmark = pytest.mark.real

HUGE = {
    "apiVersion": "mlctl.dev/v1alpha1",
    "kind": "Size",
    "metadata": {"name": "huge"},
    "spec": {"cpu": "64", "memory": "1Ti"},
}
SECRET = {
    "apiVersion": "mlctl.dev/v1alpha1",
    "kind": "Framework",
    "metadata": {"name": "secret"},
    "spec": {"type": "Python", "version": "3.12", "images": {"cpu": "example.com/secret"}},
}


@pytest.fixture(scope="module")
def cluster():
    with installation("manifests/overlays/multi-tenant") as cluster:
        for body in (HUGE, SECRET):
            assert cluster.admin.create(body).succeeded
        yield cluster


@pytest.fixture(scope="module")
def jane(cluster):
    jane = cluster.tenant("jane", "team-a")
    eventually(lambda: "mlctl-use" in jane.tries_to_create(job(size="huge")).err)
    eventually(lambda: jane.tries_to_create(job()).succeeded)
    return jane


def allow(cluster, user, what, name, namespace):
    """Let somebody use one thing; an empty namespace is everywhere."""
    role = f"use-{what}-{name}"
    body = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": role},
        "rules": [
            {
                "apiGroups": ["mlctl.dev"],
                "resources": [what],
                "resourceNames": [name],
                "verbs": ["use"],
            }
        ],
    }
    cluster.admin.must("apply", "-f", "-", body=body)
    scope = (f"--namespace={namespace}",) if namespace else ()
    kind = "rolebinding" if namespace else "clusterrolebinding"
    binding = (kind, f"{role}-{user}")
    cluster.admin.must("create", *binding, f"--clusterrole={role}", f"--user={user}", *scope)
    return lambda: cluster.admin.must("delete", *binding, *scope)


@pytest.mark.parametrize("size", ["small", "medium", "large", "gpu-small", "gpu-large"])
def test_the_default_sizes_are_for_everyone_who_may_edit(jane, size):
    assert jane.tries_to_create(job(size=size)).succeeded


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (
            {"size": "huge"},
            (
                "spec.size: jane may not use huge in namespace team-a: "
                "name another size, or ask for the verb use on the size huge"
            ),
        ),
        (
            {"framework": "secret"},
            (
                "spec.framework: jane may not use secret in namespace team-a: "
                "name another framework, or ask for the verb use on the framework secret"
            ),
        ),
        ({"size": "missing"}, "spec.size: jane may not use missing"),
    ],
)
def test_what_was_not_given_is_refused(jane, spec, told):
    answer = jane.tries_to_create(job(**spec))
    assert not answer.succeeded
    assert told in answer.err


@pytest.mark.parametrize(
    ("what", "spec"),
    [("sizes", {"size": "huge"}), ("frameworks", {"framework": "secret"})],
)
@pytest.mark.parametrize("namespace", ["team-x", ""])
def test_a_right_may_be_given_in_a_namespace_or_everywhere(cluster, jane, what, spec, namespace):
    name = f"kim-{what}-{namespace or 'all'}"
    kim = cluster.tenant(name, "team-x")
    [thing] = spec.values()
    allow(cluster, name, what, thing, namespace)
    eventually(lambda: kim.tries_to_create(job(namespace="team-x", **spec)).succeeded)


def test_a_right_in_another_namespace_does_not_help(cluster, jane):
    lee = cluster.tenant("lee", "team-y")
    cluster.tenant("lee", "team-z")
    allow(cluster, "lee", "sizes", "huge", "team-z")
    eventually(lambda: lee.tries_to_create(job(namespace="team-z", size="huge")).succeeded)
    assert "spec.size" in lee.tries_to_create(job(namespace="team-y", size="huge")).err


def test_a_right_that_was_taken_away_stops_new_references_only(cluster, jane):
    max_ = cluster.tenant("max", "team-m")
    take_away = allow(cluster, "max", "sizes", "huge", "team-m")
    wanted = job(namespace="team-m", size="huge", suspend=True)
    eventually(lambda: max_.create(wanted).succeeded)
    take_away()
    other = job("other", "team-m", size="huge")
    eventually(lambda: "spec.size" in max_.tries_to_create(other).err)

    def patched(spec):
        return max_.patch("pythonjob digits", {"spec": spec}, namespace="team-m")

    assert patched({"suspend": False}).succeeded
    assert patched({"size": "small"}).succeeded
    assert "spec.size" in patched({"size": "huge"}).err


def test_the_platform_is_not_asked(cluster, jane):
    assert cluster.admin.tries_to_create(job(size="huge")).succeeded


def tensorflow_job(**roles):
    """A TensorFlowJob whose roles have these sizes."""
    body = job("mnist", framework="tensorflow-2.17")
    found = {role: {"size": size} for role, size in roles.items()}
    return {**body, "kind": "TensorFlowJob", "spec": {**body["spec"], "roles": found}}


@pytest.mark.parametrize("role", ["chief", "worker", "ps", "evaluator"])
def test_the_size_of_a_role_is_asked_for_too(jane, role):
    sizes = {"worker": "small", role: "huge"}
    eventually(lambda: "mlctl-use-of-role" in jane.tries_to_create(tensorflow_job(**sizes)).err)
    answer = jane.tries_to_create(tensorflow_job(**sizes))
    assert f"spec.roles.{role}.size: jane may not use huge in namespace team-a" in answer.err
    assert jane.tries_to_create(tensorflow_job(**{**sizes, role: "small"})).succeeded


def test_a_role_may_have_a_size_that_was_given(cluster, jane):
    take_back = allow(cluster, "jane", "sizes", "huge", "team-a")
    try:
        eventually(lambda: jane.tries_to_create(tensorflow_job(worker="huge")).succeeded)
    finally:
        take_back()


def test_whoever_may_edit_may_use_the_identities_of_the_namespace(jane):
    assert jane.tries_to_create(job(identity="alice")).succeeded


def test_whoever_may_only_create_jobs_must_be_given_an_identity(cluster):
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "only-jobs"},
        "rules": [
            {"apiGroups": ["mlctl.dev"], "resources": ["pythonjobs"], "verbs": ["create"]},
            {"apiGroups": ["mlctl.dev"], "resources": ["frameworks", "sizes"], "verbs": ["use"]},
        ],
    }
    cluster.admin.must("apply", "-f", "-", body=role)
    ida = cluster.tenant("ida", "team-i", role="only-jobs")
    as_alice = job(namespace="team-i", identity="alice")
    eventually(lambda: ida.tries_to_create(job(namespace="team-i")).succeeded)
    told = "spec.identity: ida may not use alice in namespace team-i: name another identity"
    assert told in ida.tries_to_create(as_alice).err
    allow(cluster, "ida", "identities", "alice", "team-i")
    eventually(lambda: ida.tries_to_create(as_alice).succeeded)
