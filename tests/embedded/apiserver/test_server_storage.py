"""History and store: what is kept, what is forgotten, in which order it is told."""

from __future__ import annotations

import pytest

from mlctl_core.embedded.apiserver.history import ExpiredError
from mlctl_core.embedded.apiserver.resources import version_priority
from mlctl_core.embedded.apiserver.routes import Target, parse_path
from mlctl_core.embedded.apiserver.store import Store


def obj(name, namespace="ns", **more):
    metadata = {"name": name, "namespace": namespace, "uid": f"uid-{name}"}
    return {"kind": "Thing", "apiVersion": "v1", "metadata": metadata, **more}


def names(records):
    return [record.key.name for record in records]


def test_objects_are_listed_by_namespace_and_name_as_one_path():
    store = Store()
    things = store.collection("/things")
    for namespace, name in (("b", "x"), ("a", "z"), ("a-b", "y"), ("a", "w")):
        store.put(things, obj(name, namespace), {})
    assert names(things.records()) == ["y", "w", "z", "x"]
    assert names(things.records("a")) == ["w", "z"]
    assert things.holds("a-b")
    assert not things.holds("a-")


def test_every_kept_revision_can_be_worked_out():
    store = Store()
    things = store.collection("/things")
    states = {store.revision: []}
    for name in "abc":
        store.put(things, obj(name), {})
        states[store.revision] = [*"abc"[: "abc".index(name) + 1]]
    store.put(things, obj("b", spec=1), {})
    states[store.revision] = ["a", "b", "c"]
    store.remove(things, obj("a"), {})
    states[store.revision] = ["b", "c"]
    for revision, expected in states.items():
        assert names(things.records_at(revision)) == expected
    before = store.revision - 2
    assert b'"spec"' not in things.records_at(before)[1].raw


def test_at_least_the_window_is_kept_and_at_most_twice_as_much():
    store = Store(window=4)
    things = store.collection("/things")
    for number in range(20):
        store.put(things, obj(f"o{number}"), {})
        history = things.history
        kept = history.read(history.position_after(max(store.revision - 4, 1)))
        assert [event.revision for event in kept][-1] == store.revision
    with pytest.raises(ExpiredError):
        history.position_after(store.revision - 9)
    with pytest.raises(ExpiredError):
        history.read(0)


def test_a_collection_nobody_wrote_to_has_a_whole_history():
    store = Store()
    store.put(store.collection("/others"), obj("a"), {})
    history = store.collection("/things").history
    assert history.read(history.position_after(1)) == []


def test_listeners_that_write_are_told_in_the_order_of_the_writes():
    store = Store()
    things = store.collection("/things")
    told = []

    def answer(collection, event):
        if event.record.key.name == "first":
            store.put(collection, obj("second"), {})

    store.listen(answer)
    store.listen(lambda _, event: told.append(event.record.key.name))
    store.put(things, obj("first"), {})
    assert told == ["first", "second"]


def test_a_listener_that_fails_fails_no_write():
    store = Store()

    def fail(collection, event):
        raise ValueError("no")

    told = []
    store.listen(fail)
    store.listen(lambda _, event: told.append(event.type))
    store.put(store.collection("/things"), obj("a"), {})
    assert told == ["ADDED"]


def test_a_record_is_not_reached_by_what_happens_to_a_decoded_object():
    store = Store()
    record = store.put(store.collection("/things"), obj("a", spec={"n": 1}), {})
    record.to_json()["spec"]["n"] = 2
    assert record.to_json()["spec"] == {"n": 1}


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/api/v1/pods", Target("", "v1", "pods")),
        ("/api/v1/namespaces/a/pods/b", Target("", "v1", "pods", "a", "b")),
        ("/api/v1/namespaces/a/pods/b/log", Target("", "v1", "pods", "a", "b", "log")),
        ("/api/v1/namespaces/a", Target("", "v1", "namespaces", "", "a")),
        ("/api/v1/namespaces/a/status", Target("", "v1", "namespaces", "", "a", "status")),
        ("/api/v1/namespaces/a/finalize", Target("", "v1", "namespaces", "", "a", "finalize")),
        ("/apis/apps/v1/deployments/", Target("apps", "v1", "deployments")),
        ("/apis/g.io/v1/watch/things", Target("g.io", "v1", "things", watch=True)),
        ("/apis/rbac/v1/roles/a%2Fb", Target("rbac", "v1", "roles", "", "a/b")),
        ("/apis/apps/v1", None),
        ("/version", None),
        ("/", None),
    ],
)
def test_paths_are_taken_apart(path, target):
    assert parse_path(path) == target


def test_versions_are_preferred_by_their_stability():
    versions = ["v1alpha1", "foo", "v1", "v2beta1", "v10", "v2", "v1beta2"]
    ordered = ["v10", "v2", "v1", "v2beta1", "v1beta2", "v1alpha1", "foo"]
    assert sorted(versions, key=version_priority) == ordered
