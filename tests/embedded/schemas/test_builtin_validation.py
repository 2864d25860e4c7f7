"""Built-in objects are refused in the words of a real kube-apiserver."""

from __future__ import annotations

import copy

import pytest
from recorded_answers import BUILTIN, load, refusal

from mlctl_core.embedded.apiserver.field_errors import summary
from mlctl_core.embedded.apiserver.strategic_merge import strategic_merge_patch
from mlctl_core.embedded.apiserver.strategy import strategy_for

PODS = load("pods")
KINDS = load("kinds")
UPDATES = load("pod_updates")


def brief(value):
    return str(value)[:60]


@pytest.mark.parametrize("case", PODS, ids=lambda case: brief(case["spec"]))
def test_a_pod_is_judged_as_a_real_server_judges_it(case):
    assert refusal("v1", "Pod", {"spec": case["spec"]}) == case["error"]


@pytest.mark.parametrize("case", KINDS, ids=lambda case: brief((case["kind"], case["object"])))
def test_other_kinds_are_judged_as_a_real_server_judges_them(case):
    assert refusal(case["apiVersion"], case["kind"], case["object"]) == case["error"]


@pytest.mark.parametrize("case", UPDATES["cases"], ids=lambda case: brief(case["patch"]))
def test_only_some_fields_of_a_pod_may_change(case):
    strategy = strategy_for(BUILTIN["v1", "Pod"])
    old = UPDATES["pod"]
    new = copy.deepcopy(strategic_merge_patch(old, case["patch"], strategy.schema))
    strategy.decode(new)
    strategy.default(new)
    errors = strategy.validate_update(new, old)
    said = summary(errors).split("\nchanged: ")[0] if errors else None
    assert said == case["error"]


def test_a_forbidden_change_names_the_fields_that_differ():
    strategy = strategy_for(BUILTIN["v1", "Pod"])
    new = copy.deepcopy(UPDATES["pod"])
    new["spec"]["containers"][0]["command"] = ["x"]
    (error,) = strategy.validate_update(new, UPDATES["pod"])
    assert error.message.endswith("\nchanged: spec.containers[0].command")


def test_tolerations_may_be_added_to_a_pod():
    strategy = strategy_for(BUILTIN["v1", "Pod"])
    new = copy.deepcopy(UPDATES["pod"])
    new["spec"]["tolerations"].insert(0, {"key": "k2", "operator": "Exists"})
    assert strategy.validate_update(new, UPDATES["pod"]) == []


def config_map(**fields):
    metadata = {"name": "c", "namespace": "n"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **fields}


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({"data": {"a": "2"}}, ["data"]),
        ({"immutable": False}, ["immutable"]),
        ({"immutable": None}, ["immutable"]),
        ({"binaryData": {"q": "YQ=="}}, ["binaryData"]),
        ({}, []),
    ],
)
def test_an_immutable_config_map_stays_as_it_is(change, refused):
    old = config_map(data={"a": "1"}, immutable=True)
    new = old | change
    errors = strategy_for(BUILTIN["v1", "ConfigMap"]).validate_update(new, old)
    assert [error.path for error in errors] == refused
    assert all("field is immutable when `immutable` is set" in error.message for error in errors)


def test_a_deployments_selector_may_not_change():
    strategy = strategy_for(BUILTIN["apps/v1", "Deployment"])
    template = {
        "metadata": {"labels": {"a": "b", "c": "d"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }
    old = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "namespace": "n"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template},
    }
    strategy.default(old)
    new = copy.deepcopy(old)
    new["spec"]["selector"] = {"matchLabels": {"c": "d"}}
    (error,) = strategy.validate_update(new, old)
    assert str(error) == (
        'spec.selector: Invalid value: {"matchLabels":{"c":"d"}}: field is immutable'
    )


def test_a_jobs_template_may_change_only_while_it_is_suspended():
    strategy = strategy_for(BUILTIN["batch/v1", "Job"])
    pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}
    old = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "j", "namespace": "n"},
        "spec": {"template": {"spec": pod}},
    }
    strategy.default(old)
    new = copy.deepcopy(old)
    new["spec"]["template"]["spec"]["containers"][0]["image"] = "other"
    assert [e.path for e in strategy.validate_update(new, old)] == ["spec.template"]
    old["spec"]["suspend"] = new["spec"]["suspend"] = True
    assert strategy.validate_update(new, old) == []


def test_only_one_owner_controls_an_object():
    owner = {"apiVersion": "v1", "kind": "A", "controller": True}
    owners = [{**owner, "name": "n", "uid": "u"}, {**owner, "name": "m", "uid": "w"}]
    said = refusal("v1", "ConfigMap", {"metadata": {"ownerReferences": owners}})
    assert said.startswith("metadata.ownerReferences: Invalid value: [")
    assert said.endswith(
        'Only one reference can have Controller set to true. Found "true" in references for'
        " A/n and A/m"
    )
