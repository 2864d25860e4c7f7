"""What a framework of the catalogue tells: who uses it, and whether its images are certain."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from apis.v1alpha1.framework import Framework
from controllers import framework
from controllers.catalogue.usage import COUNTED_FOR, Usage, Used
from mlctl_core.cache.store import Entry, Store
from mlctl_core.objects.codec import decode
from mlctl_core.objects.keys import ObjectKey
from mlctl_core.objects.kinds import kind_of
from mlctl_core.objects.metadata import decode_metadata
from mlctl_core.reconcile.view import View

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DIGEST = "@sha256:" + "0" * 64


def a_framework(name="tensorflow", cpu="tf:1", gpu=None, **fields):
    images = {"cpu": cpu} | ({"gpu": gpu} if gpu else {})
    obj = {
        "metadata": {"name": name, "generation": 3},
        "spec": {"type": "TensorFlow", "version": "1", "images": images},
        **fields,
    }
    return decode(Framework, json.dumps(obj).encode())


class Cluster:
    def __init__(self):
        self.stores = {kind: Store() for kind in framework.JOBS}
        self.versions = 0

    def job(self, kind, name, used, phase=None, namespace="team-a"):
        self.versions += 1
        metadata = {"name": name, "namespace": namespace, "uid": f"{kind.name}-{namespace}-{name}"}
        obj = {
            "metadata": {**metadata, "resourceVersion": str(self.versions)},
            "spec": {"framework": used},
            "status": {"phase": phase} if phase else {},
        }
        raw = json.dumps(obj).encode()
        self.stores[kind].put(Entry(raw, decode_metadata(raw)))

    def view(self, now=NOW, facts=None):
        return View(key=ObjectKey("", "tensorflow"), now=now, facts=facts, stores=self.stores)


@pytest.fixture
def cluster():
    return Cluster()


async def test_jobs_of_all_kinds_and_namespaces_count_until_they_have_ended(cluster):
    python, tensorflow = framework.JOBS[:2]
    cluster.job(python, "a", "tensorflow")
    cluster.job(python, "a", "tensorflow", namespace="team-b")
    cluster.job(tensorflow, "a", "tensorflow", "Running")
    cluster.job(tensorflow, "b", "tensorflow", "Succeeded")
    cluster.job(tensorflow, "c", "tensorflow", "Failed")
    cluster.job(tensorflow, "d", "other", "Running")
    usage = Usage(framework.JOBS)
    assert await usage.observe(a_framework(), cluster.view(), None) == Used(3)
    assert await usage.observe(a_framework("other"), cluster.view(), None) == Used(1)
    assert await usage.observe(a_framework("unused"), cluster.view(), None) == Used(0)


async def test_a_count_is_made_anew_after_a_while(cluster):
    [kind, *_] = framework.JOBS
    usage = Usage(framework.JOBS)
    cluster.job(kind, "a", "tensorflow", "Running")
    assert await usage.observe(a_framework(), cluster.view(), None) == Used(1)
    cluster.job(kind, "a", "tensorflow", "Succeeded")
    soon = cluster.view(NOW + timedelta(seconds=1))
    assert await usage.observe(a_framework(), soon, None) == Used(1)
    later = cluster.view(NOW + COUNTED_FOR)
    assert await usage.observe(a_framework(), later, None) == Used(0)


def status_of(cluster, obj, facts=None):
    return framework.plan(obj, cluster.view(facts=facts)).status


def test_a_framework_says_how_many_jobs_use_it_also_when_none_does(cluster):
    assert status_of(cluster, a_framework(), Used(7))["usedBy"] == 7
    assert status_of(cluster, a_framework(), Used(0))["usedBy"] == 0
    assert status_of(cluster, a_framework(), Used(0))["observedGeneration"] == 3


def test_without_a_count_the_last_one_stands(cluster):
    assert status_of(cluster, a_framework(status={"usedBy": 5}))["usedBy"] == 5


@pytest.mark.parametrize(
    ("images", "status", "names"),
    [
        ({"cpu": f"tf:1{DIGEST}"}, "True", ""),
        ({"cpu": f"tf{DIGEST}", "gpu": f"tf{DIGEST}"}, "True", ""),
        ({"cpu": "tf:1"}, "False", "spec.images.cpu: "),
        ({"cpu": f"tf{DIGEST}", "gpu": "tf:1-gpu"}, "False", "spec.images.gpu: "),
        ({"cpu": "tf", "gpu": "tf"}, "False", "spec.images.cpu and spec.images.gpu: "),
    ],
)
def test_images_that_are_given_by_tags_alone_are_named(cluster, images, status, names):
    [condition] = status_of(cluster, a_framework(**images))["conditions"]
    assert (condition["type"], condition["status"]) == ("Pinned", status)
    assert condition["message"].startswith(names)


def test_a_framework_is_counted_again_and_nothing_else_is_done(cluster):
    plan = framework.plan(a_framework(), cluster.view())
    assert plan.requeue_after == framework.RECOUNT_SECONDS
    assert not plan.apply
    assert framework.plan.kind == kind_of(Framework)
