from __future__ import annotations

import pytest
from reconcile_objects import NOW, obj, view

from mlctl_core.objects.core import ConfigMap, Pod
from mlctl_core.objects.json import DecodeError
from mlctl_core.objects.kinds import CONFIG_MAP, DEPLOYMENT, NODE, POD, SECRET, SERVICE, Kind
from mlctl_core.reconcile.view import UndeclaredKindError, Unstructured

ME = obj(CONFIG_MAP, "owner")
MINE = obj(POD, "mine", owner="uid-owner")
ALSO_MINE = obj(POD, "also-mine", owner="uid-owner", metadata={"labels": {"a": "1", "b": "2"}})
ANOTHERS = obj(POD, "anothers", owner="uid-another", metadata={"labels": {"a": "1"}})
FAR = obj(POD, "far", namespace="elsewhere", metadata={"labels": {"mlctl.dev/kind": "x"}})


def names(objects):
    return [o.metadata.name for o in objects]


def test_an_object_is_found_in_the_planned_objects_namespace_unless_told_otherwise():
    seen = view(MINE, FAR, of=ME)
    assert seen.get("v1/Pod", "mine").metadata.uid == "uid-mine"
    assert seen.get("v1/Pod", "far") is None
    assert seen.get("v1/Pod", "far", "elsewhere").metadata.name == "far"


def test_a_class_and_a_name_of_a_kind_give_the_same_typed_object():
    seen = view(MINE, of=ME)
    assert isinstance(seen.get(Pod, "mine"), Pod)
    assert seen.get(Pod, "mine") == seen.get("v1/Pod", "mine") == seen.get(POD, "mine")


def test_owned_is_by_uid_and_in_order_of_name():
    seen = view(MINE, ALSO_MINE, ANOTHERS, of=ME)
    assert names(seen.owned("v1/Pod")) == ["also-mine", "mine"]


def test_anothers_child_of_that_name_is_not_owned():
    seen = view(MINE, ANOTHERS, of=ME)
    assert seen.owned(Pod, name="anothers") is None
    assert seen.owned(Pod, name="mine").metadata.name == "mine"


def test_an_object_that_is_gone_owns_nothing():
    assert view(MINE).owned("v1/Pod") == ()


def test_list_is_of_the_own_namespace_or_of_all():
    seen = view(MINE, FAR, of=ME)
    assert names(seen.list("v1/Pod")) == ["mine"]
    assert names(seen.list("v1/Pod", namespace="")) == ["mine", "far"]
    assert names(seen.list("v1/Pod", namespace="elsewhere")) == ["far"]


def test_a_cluster_scoped_object_lists_all_namespaces():
    assert names(view(MINE, FAR, of=obj(NODE, "n")).list("v1/Pod")) == ["mine", "far"]


def test_cluster_scoped_objects_have_no_namespace_to_look_in():
    seen = view(obj(NODE, "n"), of=ME)
    assert seen.get("v1/Node", "n").metadata.name == "n"
    assert names(seen.list("v1/Node")) == ["n"]


def test_list_by_labels_wants_all_of_them():
    seen = view(MINE, ALSO_MINE, ANOTHERS, FAR, of=ME)
    assert names(seen.list("v1/Pod", labels={"a": "1"})) == ["also-mine", "anothers"]
    assert names(seen.list("v1/Pod", labels={"a": "1", "b": "2"})) == ["also-mine"]
    assert names(seen.list("v1/Pod", labels={"mlctl.dev/kind": "x"})) == []
    assert names(seen.list("v1/Pod", namespace="", labels={"mlctl.dev/kind": "x"})) == ["far"]


def test_a_kind_that_was_not_declared_is_an_error_that_says_what_to_do():
    with pytest.raises(UndeclaredKindError, match="v1/Secret is not cached: name it in"):
        view(of=ME).get(SECRET, "s")


def test_a_kind_without_a_class_comes_as_metadata_and_a_dict_of_ones_own():
    kind = Kind("", "v1", "Service", "services")
    seen = view(obj(SERVICE, "s", spec={"ports": []}), of=ME)
    found = Unstructured(kind, seen.get(SERVICE, "s").metadata, b'{"spec":{"ports":[]}}')
    found.to_dict()["spec"]["ports"].append(1)
    assert found.to_dict() == {"apiVersion": "v1", "kind": "Service", "spec": {"ports": []}}


def test_classes_of_the_planner_come_before_the_runtimes_own():
    class Special:
        pass

    seen = view(obj(CONFIG_MAP, "c"), of=ME, classes={CONFIG_MAP: ConfigMap})
    assert isinstance(seen.get("v1/ConfigMap", "c"), ConfigMap)


def test_a_child_that_does_not_fit_its_class_is_a_decode_error_with_a_path():
    bad = obj(DEPLOYMENT, "d", spec={"replicas": "many"})
    with pytest.raises(DecodeError, match="replicas"):
        view(bad, of=ME).get("apps/v1/Deployment", "d")


def test_the_time_is_the_views():
    assert view(of=ME).now is NOW
