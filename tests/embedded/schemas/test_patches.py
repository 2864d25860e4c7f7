"""Merge patches, JSON patches and strategic merge patches."""

from __future__ import annotations

import copy

import pytest
from recorded_answers import BUILTIN, load

from mlctl_core.embedded.apiserver.patch import PatchError, json_patch, merge_patch
from mlctl_core.embedded.apiserver.strategic_merge import strategic_merge_patch
from mlctl_core.embedded.apiserver.strategy import strategy_for

DEFAULTED = ("terminationMessagePath", "terminationMessagePolicy", "imagePullPolicy")
DEFAULTED_POD = ("restartPolicy", "terminationGracePeriodSeconds", "dnsPolicy", "schedulerName")


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
        ({"a": "b"}, {"a": {"c": 1}}, {"a": {"c": 1}}),
    ],
)
def test_merge_patch_follows_the_examples_of_rfc_7386(target, patch, result):
    before = copy.deepcopy(target)
    assert merge_patch(target, patch) == result
    assert target == before


LIVE = {"data": {"a": "1"}, "metadata": {"name": "x"}}


@pytest.mark.parametrize(
    ("operations", "data"),
    [
        ([{"op": "replace", "path": "/data/a", "value": "2"}], {"a": "2"}),
        ([{"op": "replace", "path": "/data/new", "value": "2"}], {"a": "1", "new": "2"}),
        ([{"op": "add", "path": "/data/x~1y", "value": "2"}], {"a": "1", "x/y": "2"}),
        ([{"op": "remove", "path": "/data/a"}], {}),
        ([{"op": "test", "path": "/data/nope", "value": None}], {"a": "1"}),
        ([{"op": "copy", "from": "/data/a", "path": "/data/b"}], {"a": "1", "b": "1"}),
        ([{"op": "move", "from": "/data/a", "path": "/data/b"}], {"b": "1"}),
    ],
)
def test_json_patch_does_what_a_real_server_does(operations, data):
    assert json_patch(LIVE, operations)["data"] == data
    assert LIVE["data"] == {"a": "1"}


@pytest.mark.parametrize(
    "operations",
    [
        [{"op": "test", "path": "/data/a", "value": "2"}],
        [{"op": "remove", "path": "/data/zz"}],
        [{"op": "add", "path": "/foo/bar", "value": 1}],
        [{"op": "frob", "path": "/data/a"}],
        [{"path": "/data/a"}],
        [{"op": "add", "path": "data", "value": 1}],
        ["x"],
        [{"op": "replace", "path": "", "value": 1}],
    ],
)
def test_a_json_patch_that_does_not_fit_is_unprocessable(operations):
    with pytest.raises(PatchError) as caught:
        json_patch(LIVE, operations)
    assert caught.value.code == 422
    assert caught.value.message == "the server rejected our request due to an error in our request"


def test_a_json_patch_has_a_bounded_number_of_operations():
    with pytest.raises(PatchError) as caught:
        json_patch(LIVE, [{"op": "remove", "path": "/data/a"}] * 10_001)
    assert caught.value.code == 413


def slim(obj):
    """The parts of a CronJob that the patches are about, without defaults."""
    pod = copy.deepcopy(obj["spec"]["jobTemplate"]["spec"]["template"]["spec"])
    for container in pod.get("containers", []):
        for name in DEFAULTED:
            container.pop(name, None)
        if not container.get("resources"):
            container.pop("resources", None)
    for name in DEFAULTED_POD:
        pod.pop(name, None)
    metadata = {name: value for name, value in obj["metadata"].items() if name != "name"}
    return {"metadata": metadata, "pod": pod}


def test_strategic_merge_patches_do_what_a_real_server_does():
    (scenario,) = load("strategic_merge")
    strategy = strategy_for(BUILTIN[scenario["apiVersion"], scenario["kind"]])
    live = {}
    for number, step in enumerate(scenario["steps"]):
        new = step["body"]
        if step["operation"] == "strategic":
            if "error" in step:
                with pytest.raises(PatchError) as caught:
                    strategic_merge_patch(live, new, strategy.schema)
                assert caught.value.message == step["error"]
                continue
            new = strategic_merge_patch(live, new, strategy.schema)
        live = copy.deepcopy(new)
        strategy.decode(live)
        strategy.default(live)
        assert slim(live) == step["result"], f"step {number}: {step['body']}"


def test_a_strategic_merge_patch_leaves_its_arguments_alone():
    schema = strategy_for(BUILTIN["v1", "Pod"]).schema
    live = {"spec": {"containers": [{"name": "a", "env": [{"name": "E", "value": "1"}]}]}}
    patch = {"spec": {"containers": [{"name": "a", "env": [{"name": "E", "value": "2"}]}]}}
    before = copy.deepcopy((live, patch))
    strategic_merge_patch(live, patch, schema)
    assert (live, patch) == before
