from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import pytest
from msgspec import json

from mlctl_core.cache.entries import entry_of
from mlctl_core.objects.core import Node, Pod
from mlctl_core.objects.json import DecodeError
from mlctl_core.objects.metadata import Metadata
from mlctl_core.reconcile.decoded import MEMORY, Decoded


def entry(name="a", **fields):
    metadata = {"name": name, "namespace": "ns", "uid": f"uid-{name}", "resourceVersion": "1"}
    return entry_of(json.encode({"metadata": metadata, **fields}))


@attrs.frozen(kw_only=True)
class Inner:
    free: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Loose:
    metadata: Metadata
    spec: tuple[Inner, ...] = ()


def test_the_same_version_is_decoded_once():
    decoded, one = Decoded(), entry(spec={"nodeName": "n"})
    first = decoded.get(Pod, one)
    assert first.spec.node_name == "n"
    assert decoded.get(Pod, one) is first


def test_another_version_is_decoded_anew_and_takes_its_place():
    decoded = Decoded()
    decoded.get(Pod, entry(spec={"nodeName": "old"}))
    assert decoded.get(Pod, entry(spec={"nodeName": "new"})).spec.node_name == "new"
    assert len(decoded) == 1


def test_the_same_object_as_another_class_is_another_object():
    decoded, one = Decoded(), entry()
    assert isinstance(decoded.get(Pod, one), Pod)
    assert isinstance(decoded.get(Node, one), Node)


def test_what_could_be_changed_is_not_shared():
    decoded, one = Decoded(), entry(spec=[{"free": {"a": {"b": 1}}}])
    first = decoded.get(Loose, one)
    first.spec[0].free["a"]["b"] = 2
    assert decoded.get(Loose, one).spec[0].free["a"]["b"] == 1
    assert len(decoded) == 0


def test_what_cannot_be_decoded_says_so_each_time():
    decoded, bad = Decoded(), entry(spec={"nodeName": 1})
    for _ in range(2):
        with pytest.raises(DecodeError, match="nodeName"):
            decoded.get(Pod, bad)


def test_what_was_not_looked_at_for_longest_is_forgotten():
    decoded = Decoded()
    entries = [entry(f"pod-{number}") for number in range(MEMORY + 1)]
    kept, *_ = objects = [decoded.get(Pod, one) for one in entries[:MEMORY]]
    assert decoded.get(Pod, entries[0]) is kept
    decoded.get(Pod, entries[MEMORY])
    assert len(decoded) == MEMORY
    assert decoded.get(Pod, entries[0]) is kept
    assert decoded.get(Pod, entries[1]) is not objects[1]
