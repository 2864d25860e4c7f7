from __future__ import annotations

import pytest
from reconcile_objects import change, obj

from mlctl_core.objects.core import ConfigMap, Pod
from mlctl_core.objects.keys import ObjectKey
from mlctl_core.objects.kinds import CONFIG_MAP, NODE, POD, Kind
from mlctl_core.reconcile import triggers
from mlctl_core.reconcile.planner import Watch

SITE = Kind("example.org", "v1", "Website", "websites")
FARM = Kind("example.org", "v1", "Farm", "farms", namespaced=False)


def state(**metadata):
    return obj(POD, "p", metadata={"generation": 1, **metadata})


@pytest.mark.parametrize(
    "after",
    [
        {"generation": 2},
        {"labels": {"a": "b"}},
        {"annotations": {"a": "b"}},
        {"finalizers": ["f"]},
        {"deletionTimestamp": "2026-01-01T00:00:00Z"},
        {"uid": "another"},
    ],
)
def test_a_change_that_a_planner_can_act_on_wakes_it(after):
    found = triggers.for_(change(POD, state(), state(resourceVersion="2", **after)))
    assert list(found) == [(ObjectKey("default", "p"), "Pod changed")]


def test_a_status_write_does_not_wake_the_object_itself():
    assert list(triggers.for_(change(POD, state(), state(resourceVersion="2")))) == []


def test_without_a_generation_every_version_counts():
    old, new = obj(POD, "p"), obj(POD, "p", metadata={"resourceVersion": "2"})
    assert list(triggers.for_(change(POD, old, new)))
    assert not list(triggers.for_(change(POD, old, old)))


def test_coming_and_going_wake():
    assert [r for _, r in triggers.for_(change(POD, None, state()))] == ["Pod added"]
    assert [r for _, r in triggers.for_(change(POD, state(), None))] == ["Pod deleted"]


def child(owner="a", kind="Website", api_version="example.org/v1", **reference):
    reference = {
        "apiVersion": api_version,
        "kind": kind,
        "name": owner,
        "uid": f"uid-{owner}",
        "controller": True,
        **reference,
    }
    return obj(POD, "p", metadata={"ownerReferences": [reference]})


def test_any_change_of_a_child_wakes_its_controller():
    found = list(triggers.owns(change(POD, child(), child()), SITE))
    assert found == [(ObjectKey("default", "a"), "Pod p changed")]


def test_a_child_that_changes_hands_wakes_both():
    found = [key.name for key, _ in triggers.owns(change(POD, child("a"), child("b")), SITE)]
    assert found == ["a", "b"]


def test_another_version_of_the_owners_group_is_the_same_owner():
    found = triggers.owns(change(POD, None, child(api_version="example.org/v1beta1")), SITE)
    assert [key.name for key, _ in found] == ["a"]


@pytest.mark.parametrize(
    "stranger",
    [child(kind="Farm"), child(api_version="other.org/v1"), child(controller=False), state()],
)
def test_a_child_of_something_else_wakes_nobody(stranger):
    assert list(triggers.owns(change(POD, None, stranger), SITE)) == []


def test_the_key_of_a_cluster_scoped_owner_has_no_namespace():
    found = triggers.owns(change(POD, None, child(kind="Farm")), FARM)
    assert [key for key, _ in found] == [ObjectKey("", "a")]


def keys_by_label(metadata):
    name = metadata.labels.get("for")
    return [ObjectKey(metadata.namespace, name)] if name else []


def test_a_mapped_change_wakes_what_it_pointed_at_and_points_at_now():
    watch = Watch(POD, map=keys_by_label)
    old, new = state(labels={"for": "a"}), state(labels={"for": "b"})
    found = list(triggers.mapped(change(POD, old, new), watch))
    assert found == [
        (ObjectKey("default", "a"), "Pod default/p changed"),
        (ObjectKey("default", "b"), "Pod default/p changed"),
    ]


def test_a_watch_without_a_mapping_wakes_nobody():
    assert not list(triggers.mapped(change(POD, None, state()), Watch(POD)))


class TestReferences:
    """Pods that name their node, seen from the nodes."""

    def references(self):
        watch = Watch(NODE, index=lambda pod: [ObjectKey("", pod.spec.node_name or "none")])
        return triggers.References(watch, Pod)

    def pod(self, name, node, generation=1):
        return obj(POD, name, metadata={"generation": generation}, spec={"nodeName": node})

    def woken(self, references, node):
        found = references.watches(change(NODE, None, obj(NODE, node)))
        return [key.name for key, _ in found]

    def test_a_change_wakes_those_that_refer_to_it(self):
        references = self.references()
        for name, node in (("b", "n1"), ("a", "n1"), ("c", "n2")):
            references.follow(change(POD, None, self.pod(name, node)))
        assert self.woken(references, "n1") == ["a", "b"]
        assert self.woken(references, "n3") == []

    def test_a_reference_follows_its_object(self):
        references = self.references()
        first, second = self.pod("a", "n1"), self.pod("a", "n2", generation=2)
        references.follow(change(POD, None, first))
        references.follow(change(POD, first, second))
        assert (self.woken(references, "n1"), self.woken(references, "n2")) == ([], ["a"])

    def test_what_is_gone_refers_to_nothing_and_leaves_nothing(self):
        references = self.references()
        references.follow(change(POD, None, self.pod("a", "n1")))
        references.follow(change(POD, self.pod("a", "n1"), None))
        assert self.woken(references, "n1") == []
        assert not references._referrers
        assert not references._targets

    def test_an_object_that_cannot_be_decoded_refers_to_nothing(self):
        references = self.references()
        references.follow(change(POD, None, obj(POD, "a", spec={"nodeName": 7})))
        assert not references._targets

    def test_following_asks_for_no_look_at_anything(self):
        assert not list(self.references().follow(change(POD, None, self.pod("a", "n1"))))


def test_a_watch_takes_a_class_for_a_kind():
    assert Watch(ConfigMap).kind == CONFIG_MAP
