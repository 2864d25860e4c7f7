"""What is done to pods by name: evictions and bindings."""

from __future__ import annotations

import pytest
from specimens import pod


@pytest.fixture
async def path(server, pods):
    await server.made(pods, pod("a"))
    return f"{pods}/a"


def eviction(name="a", **more):
    return {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name},
        **more,
    }


def binding(node="n", **more):
    return {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": "a"},
        "target": {"kind": "Node", "name": node},
        **more,
    }


class TestEvictions:
    """A pod is asked to go."""

    async def test_a_pod_goes(self, server, path):
        answer = await server.post(f"{path}/eviction", eviction())
        assert answer.ok(201)["status"] == "Success"
        await server.gone(path)

    async def test_a_pod_that_is_still_there_says_that_it_was_evicted(self, server, pods):
        await server.made(pods, pod("held", finalizers=["example.com/f"]))
        (await server.post(f"{pods}/held/eviction", eviction("held"))).ok(201)
        found = await server.found(f"{pods}/held")
        assert "deletionTimestamp" in found["metadata"]
        [target] = [c for c in found["status"]["conditions"] if c["type"] == "DisruptionTarget"]
        assert target.pop("lastTransitionTime")
        assert target == {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "EvictionByEvictionAPI",
            "message": "Eviction API: evicting",
            "lastProbeTime": None,
        }
        await server.patch(f"{pods}/held", {"metadata": {"finalizers": None}})

    async def test_an_eviction_of_another_version_leaves_no_trace(self, server, path):
        found = await server.found(path)
        options = {"preconditions": {"resourceVersion": "1"}}
        answer = await server.post(f"{path}/eviction", eviction(deleteOptions=options))
        assert answer.refusal[:2] == (409, "Conflict")
        assert await server.found(path) == found

    async def test_an_eviction_of_this_very_version_is_done(self, server, path):
        version = (await server.found(path))["metadata"]["resourceVersion"]
        options = {"preconditions": {"resourceVersion": version}}
        (await server.post(f"{path}/eviction", eviction(deleteOptions=options))).ok(201)
        await server.gone(path)

    async def test_a_dry_run_of_the_request_evicts_nothing(self, server, path):
        (await server.post(f"{path}/eviction", eviction(), dryRun="All")).ok(201)
        assert "deletionTimestamp" not in (await server.found(path))["metadata"]

    async def test_a_dry_run_evicts_nothing(self, server, path):
        options = {"dryRun": ["All"]}
        (await server.post(f"{path}/eviction", eviction(deleteOptions=options))).ok(201)
        assert "deletionTimestamp" not in (await server.found(path))["metadata"]

    async def test_what_is_not_there_cannot_be_evicted(self, server, pods):
        answer = await server.post(f"{pods}/b/eviction", eviction("b"))
        assert answer.refusal == (404, "NotFound", 'pods "b" not found')

    @pytest.mark.parametrize("body", [eviction("b"), {}], ids=["another", "none"])
    async def test_the_name_is_that_of_the_request(self, server, path, body):
        answer = await server.post(f"{path}/eviction", body)
        message = "name in URL does not match name in Eviction object"
        assert answer.refusal == (400, "BadRequest", message)

    async def test_nothing_but_an_eviction_evicts(self, server, path):
        answer = await server.post(f"{path}/eviction", eviction(kind="Other"))
        assert answer.refusal[:2] == (400, "BadRequest")
        assert "cannot be handled as a Eviction" in answer.message


class TestBindings:
    """A pod is put on a node."""

    async def test_a_pod_is_bound_and_says_so(self, server, path):
        (await server.post(f"{path}/binding", binding())).ok(201)
        found = await server.found(path)
        assert found["spec"]["nodeName"] == "n"
        [condition] = found["status"]["conditions"]
        assert (condition["type"], condition["status"]) == ("PodScheduled", "True")

    async def test_once(self, server, path):
        (await server.post(f"{path}/binding", binding())).ok(201)
        answer = await server.post(f"{path}/binding", binding("m"))
        assert answer.refusal == (
            409,
            "Conflict",
            (
                'Operation cannot be fulfilled on pods/binding "a": '
                'pod a is already assigned to node "n"'
            ),
        )

    async def test_the_old_door_is_still_there(self, server, path, namespace):
        (await server.post(f"/api/v1/namespaces/{namespace}/bindings", binding())).ok(201)
        assert (await server.found(path))["spec"]["nodeName"] == "n"

    async def test_what_is_not_there_cannot_be_bound(self, server, pods):
        answer = await server.post(f"{pods}/b/binding", binding(metadata={"name": "b"}))
        assert answer.refusal == (404, "NotFound", 'pods "b" not found')

    async def test_the_name_is_that_of_the_request(self, server, path):
        answer = await server.post(f"{path}/binding", binding(metadata={"name": "b"}))
        message = "name in URL does not match name in Binding object"
        assert answer.refusal == (400, "BadRequest", message)

    @pytest.mark.parametrize(
        ("target", "words"),
        [
            ({"kind": "Node"}, "target.name: Required value"),
            (
                {"kind": "Pod", "name": "n"},
                'target.kind: Unsupported value: "Pod": supported values: "Node", "<empty>"',
            ),
        ],
        ids=["no name", "no node"],
    )
    async def test_the_target_must_be_a_node(self, server, path, target, words):
        answer = await server.post(f"{path}/binding", binding(target=target))
        assert answer.refusal == (500, "", words)


async def test_a_pod_that_is_nowhere_has_no_log(server, path):
    answer = await server.get(f"{path}/log")
    assert (answer.status, answer.raw) == (204, b"")
