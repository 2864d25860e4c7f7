"""The catalogue may change at any time: what a job was taken up with is what it keeps."""

from __future__ import annotations

import pytest
from plane import FRAMEWORK, IMAGE, SIZE, framework, job, phase, reason, size

from mlctl_core.objects.kinds import POD

OTHER_IMAGE = "test.local/other:3"
# Fails in its first attempt; both end when the test says so.
CODE = """
import sys, urllib.request
number = int(urllib.request.urlopen("{}").read())
print("accuracy=0.97")
sys.exit(number == 1)
"""


@pytest.fixture
async def entries(namespace):
    """A framework and a size of this test's own, both of the namespace's name."""
    client = namespace.client
    await client.create(FRAMEWORK, framework(namespace.name))
    await client.create(SIZE, size(namespace.name))
    return {"framework": namespace.name, "size": namespace.name}


async def test_a_job_keeps_what_it_was_taken_up_with_when_the_catalogue_changes(
    namespace, manager, gate, entries
):
    client, name = namespace.client, namespace.name
    await namespace.apply(job("old", CODE.format(gate.url), backoffLimit=1, **entries))
    running = await namespace.until("old", lambda o: phase(o) == "Running")
    assert running["status"]["framework"]["image"] == IMAGE

    await client.patch(FRAMEWORK, name, {"spec": {"images": {"cpu": OTHER_IMAGE}}})
    await client.patch(SIZE, name, {"spec": {"cpu": "200m"}})
    await namespace.apply(job("new", **entries))
    new = await namespace.until("new", lambda o: reason(o) == "ImagePullFailed")
    assert new["status"]["framework"]["image"] == OTHER_IMAGE
    assert new["status"]["resources"]["cpu"] == "200m"

    await client.delete(FRAMEWORK, name)
    await client.delete(SIZE, name)
    await namespace.apply(job("late", **entries))
    late = await namespace.until("late", lambda o: reason(o) == "SizeNotFound")
    assert f"spec.size: there is no Size named {name}." in late["status"]["message"]

    gate.open()
    ended = await namespace.ended("old")
    assert (phase(ended), ended["status"]["restarts"]) == ("Succeeded", 1)
    for pinned in ("framework", "size", "resources"):
        assert ended["status"][pinned] == running["status"][pinned]
    pod = await namespace.get("pyjob-old-worker-0", POD)
    assert pod["metadata"]["labels"]["mlctl.dev/attempt"] == "2"
    [container] = pod["spec"]["containers"]
    assert container["image"] == IMAGE
    assert container["resources"]["limits"]["cpu"] == "100m"
