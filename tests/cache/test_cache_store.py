import gc
import json
import sys
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlctl_core.cache.entries import entry_of
from mlctl_core.cache.store import Store
from mlctl_core.cache.versions import is_older
from mlctl_core.objects.json import DecodeError
from mlctl_core.objects.keys import ObjectKey


def entry(name, version=1, *, uid=None, namespace="n", owner=None, labels=None, **more):
    metadata = {
        "name": name,
        "namespace": namespace,
        "uid": uid or f"uid-{name}",
        "resourceVersion": str(version),
    }
    if labels:
        metadata["labels"] = labels
    if owner:
        reference = {"apiVersion": "v1", "kind": "X", "name": "x", "uid": owner}
        metadata["ownerReferences"] = [{**reference, "controller": True}]
    return entry_of(json.dumps({"metadata": metadata, **more}).encode())


def names(entries):
    return sorted(e.metadata.name for e in entries)


def key(name, namespace="n"):
    return ObjectKey(namespace, name)


def assert_indexes_hold_nothing(store):
    assert store._by_namespace == store._by_owner == store._by_label == {}
    assert store.size_bytes == 0


class TestReading:
    def test_what_was_put_is_found_by_key(self):
        store = Store()
        a = entry("a")
        assert store.put(a)
        assert store.get(key("a")) is a
        assert key("a") in store
        assert store.keys() == [key("a")]
        assert len(store) == 1

    def test_what_was_not_is_none(self):
        store = Store()
        assert store.get(key("a")) is None
        assert store.list() == store.list("n") == store.by_owner("u") == []
        assert store.by_label("mlctl.dev/x", "1") == store.by_label("app", "1") == []

    def test_by_namespace(self):
        store = Store()
        for e in (entry("a", namespace="n"), entry("b", namespace="m"), entry("c", namespace="n")):
            store.put(e)
        assert names(store.list("n")) == ["a", "c"]
        assert names(store.list()) == ["a", "b", "c"]

    def test_by_controlling_owner_and_no_other(self):
        store = Store()
        store.put(entry("a", owner="u"))
        loose = json.loads(entry("b", owner="u").raw)
        loose["metadata"]["ownerReferences"][0]["controller"] = False
        store.put(entry_of(json.dumps(loose).encode()))
        assert names(store.by_owner("u")) == ["a"]

    @pytest.mark.parametrize("indexed", [("mlctl.dev/",), ("mlctl.dev/job",), ()])
    def test_by_label_with_an_index_or_without(self, indexed):
        store = Store(indexed)
        store.put(entry("a", labels={"mlctl.dev/job": "x", "app": "y"}))
        store.put(entry("b", labels={"mlctl.dev/job": "z"}))
        assert names(store.by_label("mlctl.dev/job", "x")) == ["a"]
        assert names(store.by_label("app", "y")) == ["a"]

    @pytest.mark.parametrize("indexed", [("mlctl.dev/",), ()])
    def test_by_label_within_a_namespace(self, indexed):
        store = Store(indexed)
        labels = {"mlctl.dev/job": "x"}
        store.put(entry("a", labels=labels))
        store.put(entry("b", namespace="m", labels=labels))
        for name in "cde":
            store.put(entry(name))
        assert names(store.by_label("mlctl.dev/job", "x", "n")) == ["a"]
        assert names(store.by_label("mlctl.dev/job", "x", "m")) == ["b"]
        assert store.by_label("mlctl.dev/job", "x", "nowhere") == []

    def test_what_other_namespaces_call_the_same_costs_nothing(self):
        class Counting(dict):
            reads = 0

            def __getitem__(self, name):
                self.reads += 1
                return super().__getitem__(name)

        store = Store()
        for number in range(500):
            store.put(entry("a", namespace=f"n{number}", labels={"mlctl.dev/job": "x"}))
        store._entries = Counting(store._entries)
        assert len(store.by_label("mlctl.dev/job", "x", "n7")) == 1
        assert store._entries.reads == 1


class TestChanging:
    def test_a_change_moves_the_object_between_indexes(self):
        store = Store()
        store.put(entry("a", 1, owner="u1", labels={"mlctl.dev/x": "1"}))
        store.put(entry("a", 2, owner="u2", labels={"mlctl.dev/x": "2"}))
        assert store.by_owner("u1") == store.by_label("mlctl.dev/x", "1") == []
        assert names(store.by_owner("u2")) == names(store.by_label("mlctl.dev/x", "2")) == ["a"]
        assert len(store) == 1

    def test_a_version_never_goes_back(self):
        store = Store()
        store.put(entry("a", 9, data="new"))
        assert not store.put(entry("a", 8))
        assert not store.remove(entry("a", 8))
        assert store.get(key("a")).metadata.resource_version == "9"

    def test_versions_that_cannot_be_compared_are_taken(self):
        store = Store()
        store.put(entry("a", "opaque-b"))
        assert store.put(entry("a", "opaque-a"))

    def test_removing_what_is_not_there_is_no_change(self):
        assert not Store().remove(entry("a"))

    def test_indexes_are_empty_when_everything_has_gone(self):
        store = Store()
        for i in range(1000):
            store.put(entry("a", i, owner=f"u{i}", labels={"mlctl.dev/x": str(i)}))
        assert len(store._by_owner) == len(store._by_label["mlctl.dev/x"]) == 1
        store.remove(entry("a", 1000))
        assert_indexes_hold_nothing(store)

    def test_bytes_are_counted(self):
        store = Store()
        small, large = entry("a", 1), entry("a", 2, data="x" * 1000)
        store.put(small)
        assert store.size_bytes == len(small.raw)
        store.put(large)
        assert store.size_bytes == len(large.raw)
        store.remove(large)
        assert store.size_bytes == 0


class TestReplacing:
    def test_only_what_differs_is_a_change_and_deletions_come_first(self):
        store = Store()
        for e in (entry("same"), entry("changed"), entry("gone"), entry("again", uid="u1")):
            store.put(e)
        changes = store.replace(
            [entry("same"), entry("changed", 2), entry("new"), entry("again", 3, uid="u2")], "9"
        )
        told = [
            (old and (old.metadata.name, old.metadata.uid), new and new.metadata.uid)
            for old, new in changes
        ]
        assert told == [
            (("gone", "uid-gone"), None),
            (("changed", "uid-changed"), "uid-changed"),
            (None, "uid-new"),
            (("again", "u1"), "u2"),
        ]
        assert names(store.list()) == ["again", "changed", "new", "same"]
        assert store.resource_version == "9"

    def test_a_list_may_set_versions_back_for_the_server_may_have_been_restored(self):
        store = Store()
        store.put(entry("a", 9))
        store.replace([entry("a", 5)], "6")
        assert store.get(key("a")).metadata.resource_version == "5"
        assert store.resource_version == "6"

    def test_an_empty_list_empties_the_store(self):
        store = Store()
        store.put(entry("a", owner="u", labels={"mlctl.dev/x": "1"}))
        store.replace([], "9")
        assert_indexes_hold_nothing(store)

    def test_a_list_of_one_namespace_leaves_the_others_alone(self):
        store = Store(scopes=("n", "m"))
        store.replace([entry("a", namespace="n")], "5", "n")
        store.replace([entry("b", namespace="m")], "6", "m")
        store.replace([], "7", "n")
        assert names(store.list()) == ["b"]


class TestVersion:
    def test_it_moves_forward_only(self):
        store = Store()
        assert store.resource_version == ""
        store.advance("10")
        store.advance("9")
        store.advance("")
        assert store.resource_version == "10"

    def test_of_several_namespaces_it_is_the_one_that_lags(self):
        store = Store(scopes=("n", "m"))
        store.advance("10", "n")
        assert store.resource_version == ""
        store.advance("8", "m")
        assert store.resource_version == "8"

    @pytest.mark.parametrize(
        ("version", "than", "older"),
        [
            ("9", "10", True),
            ("10", "9", False),
            ("9", "9", False),
            ("abc", "9", False),
            ("", "9", False),
            ("9", "", False),
            ("9" * 19 + "8", "9" * 20, True),
        ],
    )
    def test_older_is_only_what_certainly_is(self, version, than, older):
        assert is_older(version, than) is older


versions = st.integers(1, 9)
entries = st.builds(
    entry,
    st.sampled_from("ab"),
    versions,
    uid=st.sampled_from(["u1", "u2"]),
    namespace=st.sampled_from(["n", "m"]),
    owner=st.none() | st.sampled_from(["o1", "o2"]),
    labels=st.dictionaries(st.sampled_from(["mlctl.dev/x", "app"]), st.sampled_from("12")),
)
steps = st.lists(
    st.tuples(st.sampled_from(["put", "remove"]), entries)
    | st.tuples(st.just("replace"), st.lists(entries, max_size=3)),
    max_size=20,
)


@given(steps)
def test_indexes_always_agree_with_what_is_stored(history):
    store = Store()
    for step, argument in history:
        if step == "replace":
            store.replace(argument, "1")
        else:
            getattr(store, step)(argument)
        everything = store.list()
        assert store.size_bytes == sum(len(e.raw) for e in everything)
        for owner in ("o1", "o2"):
            expected = [e for e in everything if e.metadata.controller is not None]
            expected = [e.key for e in expected if e.metadata.controller.uid == owner]
            assert sorted(e.key for e in store.by_owner(owner)) == sorted(expected)
        for value in "12":
            for label in ("mlctl.dev/x", "app"):
                expected = [e.key for e in everything if e.metadata.labels.get(label) == value]
                assert sorted(e.key for e in store.by_label(label, value)) == sorted(expected)
    store.replace([], "1")
    assert_indexes_hold_nothing(store)


class TestEntries:
    def test_an_ordinary_object(self):
        e = entry("a", 7)
        assert (e.key, e.undecodable) == (key("a"), "")

    @pytest.mark.parametrize(
        "odd", [{"labels": {"a": 1}}, {"generation": "x"}, {"finalizers": "x"}, {"labels": [1]}]
    )
    def test_an_object_with_odd_metadata_keeps_its_key(self, odd):
        metadata = {"name": "a", "namespace": "n", "uid": "u", "resourceVersion": "7", **odd}
        e = entry_of(json.dumps({"metadata": metadata}).encode())
        assert e.key == key("a")
        assert (e.metadata.uid, e.metadata.resource_version) == ("u", "7")
        assert "DecodeError" in e.undecodable

    def test_an_object_nested_too_deeply_keeps_all_its_metadata(self):
        depth = sys.getrecursionlimit() * 4
        deep = b'{"a":' * depth + b"1" + b"}" * depth
        e = entry_of(b'{"metadata":{"name":"a","labels":{"x":"1"}},"spec":' + deep + b"}")
        assert e.metadata.labels == {"x": "1"}
        assert "recursion" in e.undecodable

    @pytest.mark.parametrize(
        "raw",
        [b"", b"{}", b"[]", b'{"metadata":{}}', b'{"metadata":{"name":3}}', b'{"metadata":3}'],
    )
    def test_what_has_no_name_is_an_error(self, raw):
        with pytest.raises(DecodeError):
            entry_of(raw)


def test_two_thousand_pods_and_jobs_fit_well_within_sixty_megabytes():
    spec = {"containers": [{"name": str(i), "image": "x" * 400} for i in range(5)]}
    tracemalloc.start()
    pods, jobs = Store(), Store()
    for i in range(2000):
        labels = {"mlctl.dev/job-name": f"job-{i}", "mlctl.dev/job-uid": f"u{i}", "app": "x"}
        pods.put(entry(f"pod-{i}", i, owner=f"u{i}", labels=labels, spec=spec, status="x" * 2000))
        jobs.put(entry(f"job-{i}", i, uid=f"u{i}", spec=spec))
    gc.collect()
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used < 30e6
    assert used < 1.7 * (pods.size_bytes + jobs.size_bytes)
