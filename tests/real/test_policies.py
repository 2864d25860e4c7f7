"""What tenants may not do, and what they are told.

``jane`` has Kubernetes' role edit in her namespace; ``lord`` may do everything in it.
"""

from __future__ import annotations

import pytest
from installation import eventually, installation, job, owned_by, pod

pytestmark = pytest.mark.real

TENANTS = ("jane", "lord")
MARK = {"mlctl.dev/name": "mnist"}


@pytest.fixture(scope="module")
def cluster():
    with installation() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def users(cluster):
    """Both tenants, the manager and an administrator, once the policies hold."""
    jane = cluster.tenant("jane", "team-a")
    cluster.admin.must(
        "create", "role", "everything", "--verb=*", "--resource=*.*", "--namespace=team-a"
    )
    cluster.admin.must(
        "create", "rolebinding", "lord", "--role=everything", "--user=lord", "--namespace=team-a"
    )
    lord = cluster.user("lord")
    refused = {
        "mlctl-jobs": job(priorityClassName="system-node-critical"),
        "mlctl-marks": pod(labels=MARK),
    }
    for policy, body in refused.items():
        eventually(lambda policy=policy, body=body: policy in lord.tries_to_create(body).err)
    eventually(lambda: jane.tries_to_create(job()).succeeded)
    return {"jane": jane, "lord": lord, "manager": cluster.manager(), "admin": cluster.admin}


@pytest.fixture(scope="module")
def running(cluster, users):
    """A job and its pod, as the manager makes it."""
    created = users["jane"].create(job("mnist")).object
    body = pod(
        "pyjob-mnist-worker-0",
        labels={"mlctl.dev/name": "mnist", "team": "a"},
        annotations={"mlctl.dev/attempt-of": "1", "mine": "1"},
        finalizers=["mlctl.dev/tracking"],
        ownerReferences=[owned_by(created)],
    )
    users["manager"].create(body)
    eventually(
        lambda: (
            "mlctl-status"
            in users["lord"]
            .patch(
                "pythonjob mnist",
                {"status": {"phase": "Running"}},
                "--subresource=status",
                namespace="team-a",
            )
            .err
        )
    )
    return created


@pytest.fixture(params=TENANTS)
def tenant(request, users):
    return users[request.param]


class TestMarksOfNewObjects:
    @pytest.mark.parametrize(
        "metadata",
        [
            {},
            {"labels": {"team": "a"}},
            {"annotations": {"sim.mlctl.dev/run-for": "5s"}},
            {"finalizers": ["example.com/mine"]},
        ],
    )
    def test_pods_without_ours_are_the_tenants_own_affair(self, tenant, metadata):
        assert tenant.tries_to_create(pod(**metadata)).succeeded

    @pytest.mark.parametrize(
        ("metadata", "told"),
        [
            (
                {"labels": MARK},
                (
                    "metadata.labels: mlctl.dev/name is set by mlctl alone: leave it as it is, "
                    "or choose a key that does not begin with mlctl.dev/"
                ),
            ),
            (
                {"annotations": {"mlctl.dev/project": "p"}},
                (
                    "metadata.annotations: mlctl.dev/project is set by mlctl alone on pods: "
                    "set it on the job,"
                ),
            ),
            (
                {"finalizers": ["mlctl.dev/tracking"]},
                (
                    "metadata.finalizers: mlctl.dev/tracking is set and removed by mlctl alone: "
                    "leave it as it is;"
                ),
            ),
        ],
    )
    def test_pods_with_ours_are_refused(self, tenant, metadata, told):
        answer = tenant.tries_to_create(pod(**metadata))
        assert not answer.succeeded
        assert told in answer.err

    def test_a_pod_that_claims_to_be_a_jobs_own_is_refused(self, tenant, running):
        answer = tenant.tries_to_create(pod(ownerReferences=[owned_by(running)]))
        assert "metadata.ownerReferences: only mlctl says what a kind of mlctl.dev" in answer.err

    def test_a_pod_that_shall_go_with_a_job_is_fine(self, tenant, running):
        owner = owned_by(running, controller=False)
        assert tenant.tries_to_create(pod(ownerReferences=[owner])).succeeded

    @pytest.mark.parametrize("field", ["labels", "finalizers"])
    def test_jobs_with_ours_are_refused(self, tenant, field):
        body = job()
        body["metadata"][field] = {
            "labels": {"mlctl.dev/tuning": "best"},
            "finalizers": ["mlctl.dev/cleanup"],
        }[field]
        answer = tenant.tries_to_create(body)
        assert f"metadata.{field}: mlctl.dev/" in answer.err

    def test_annotations_of_jobs_are_for_users_to_set(self, tenant):
        body = job()
        body["metadata"]["annotations"] = {"mlctl.dev/project": "p"}
        assert tenant.tries_to_create(body).succeeded

    @pytest.mark.parametrize("user", ["manager", "admin"])
    def test_the_platform_may(self, users, running, user):
        body = pod(
            labels=MARK, finalizers=["mlctl.dev/tracking"], ownerReferences=[owned_by(running)]
        )
        answer = users[user].tries_to_create(body)
        assert answer.succeeded, answer.err


WORKER = "pod pyjob-mnist-worker-0"
FORGERIES = [
    ({"labels": {"mlctl.dev/name": "other"}}, "metadata.labels: mlctl.dev/name"),
    ({"labels": {"mlctl.dev/name": None}}, "metadata.labels: mlctl.dev/name"),
    ({"labels": {"mlctl.dev/index": "1"}}, "metadata.labels: mlctl.dev/index"),
    ({"annotations": {"mlctl.dev/attempt-of": "2"}}, "metadata.annotations: mlctl.dev/attempt-of"),
    ({"annotations": {"mlctl.dev/attempt-of": None}}, "metadata.annotations: mlctl.dev/attempt-of"),
    ({"finalizers": []}, "metadata.finalizers: mlctl.dev/tracking"),
    (
        {"finalizers": ["mlctl.dev/tracking", "mlctl.dev/more"]},
        "metadata.finalizers: mlctl.dev/more",
    ),
    ({"ownerReferences": []}, "metadata.ownerReferences: only mlctl"),
]


class TestMarksOfAJobsPod:
    @pytest.mark.parametrize(("metadata", "told"), FORGERIES)
    def test_a_tenant_cannot_change_them(self, tenant, running, metadata, told):
        answer = tenant.patch(WORKER, {"metadata": metadata}, namespace="team-a")
        assert not answer.succeeded
        assert told in answer.err

    @pytest.mark.parametrize(
        "metadata",
        [
            {"labels": {"team": "b"}},
            {"annotations": {"mine": None}},
            {"finalizers": ["mlctl.dev/tracking", "example.com/mine"]},
        ],
    )
    def test_a_tenant_may_change_the_rest(self, tenant, running, metadata):
        answer = tenant.patch(
            WORKER, {"metadata": metadata}, "--dry-run=server", namespace="team-a"
        )
        assert answer.succeeded, answer.err

    @pytest.mark.parametrize("user", ["manager", "admin"])
    @pytest.mark.parametrize(("metadata", "told"), FORGERIES)
    def test_the_platform_may(self, users, running, user, metadata, told):
        answer = users[user].patch(
            WORKER, {"metadata": metadata}, "--dry-run=server", namespace="team-a"
        )
        assert answer.succeeded, answer.err


SUCCEEDED = {"status": {"phase": "Succeeded"}}


class TestStatus:
    def status(self, user):
        return user.patch("pythonjob mnist", SUCCEEDED, "--subresource=status", namespace="team-a")

    def test_edit_does_not_give_it(self, users, running):
        answer = self.status(users["jane"])
        assert 'cannot patch resource "pythonjobs/status"' in answer.err

    def test_nor_does_all_that_a_namespace_can_give(self, users, running):
        answer = self.status(users["lord"])
        assert "status: it is written by mlctl alone" in answer.err

    def test_one_that_comes_with_a_new_job_is_dropped(self, tenant):
        answer = tenant.tries_to_create(job() | SUCCEEDED)
        assert "status" not in answer.object or "phase" not in answer.object["status"]

    def test_the_manager_writes_it(self, users, running):
        answer = users["manager"].patch(
            "pythonjob mnist",
            {"status": {"phase": "Pending"}},
            "--subresource=status",
            "--dry-run=server",
            namespace="team-a",
        )
        # kubectl reads what it patches; that right the manager does not have, nor need.
        assert answer.succeeded or "cannot get resource" in answer.err


class TestJobs:
    @pytest.mark.parametrize("name", ["system-cluster-critical", "system-node-critical"])
    def test_none_goes_before_the_cluster_itself(self, tenant, name):
        answer = tenant.tries_to_create(job(priorityClassName=name))
        assert (
            f"spec.priorityClassName: {name} is for parts of the cluster itself: "
            "name a PriorityClass that does not begin with system-, or none"
        ) in answer.err

    def test_other_priorities_are_a_matter_of_quota(self, tenant):
        assert tenant.tries_to_create(job(priorityClassName="batch")).succeeded

    @pytest.mark.parametrize("reference", ["team-b/python", "../python", "https://x/python", "A"])
    @pytest.mark.parametrize(
        ("field", "spec"),
        [
            ("spec.framework", lambda name: {"framework": name}),
            ("spec.size", lambda name: {"size": name}),
            ("spec.source.configMap.name", lambda name: {"source": {"configMap": {"name": name}}}),
            (
                "spec.env[0].secretKeyRef.name",
                lambda name: {"env": [{"name": "X", "secretKeyRef": {"name": name, "key": "k"}}]},
            ),
        ],
        ids=["framework", "size", "configMap", "secret"],
    )
    def test_no_reference_leaves_the_namespace(self, users, field, spec, reference):
        answer = users["lord"].tries_to_create(job(**spec(reference)))
        assert not answer.succeeded
        assert field in answer.err

    @pytest.mark.parametrize(
        "spec",
        [
            {"source": {"configMap": {"name": "code", "namespace": "team-b"}}},
            {"serviceAccountName": "admin"},
            {"nodeName": "n1"},
            {"hostNetwork": True},
            {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]},
            {"image": "example.com/mine"},
        ],
        ids=lambda spec: next(iter(spec)),
    )
    def test_there_is_no_field_for_what_a_user_does_not_choose(self, users, spec):
        answer = users["lord"].tries_to_create(job(**spec))
        assert "unknown field" in answer.err
