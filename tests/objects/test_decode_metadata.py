from __future__ import annotations

import gc
import json

import pytest

from mlctl_core.objects.json import DecodeError
from mlctl_core.objects.keys import ObjectKey
from mlctl_core.objects.kinds import POD
from mlctl_core.objects.metadata import (
    Metadata,
    OwnerReference,
    decode_metadata,
    owner_reference,
)

RAW = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "a",
        "namespace": "ml",
        "uid": "u-1",
        "resourceVersion": "42",
        "generation": 3,
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "deletionTimestamp": "2026-01-01T00:01:00Z",
        "deletionGracePeriodSeconds": 30,
        "labels": {"app": "x"},
        "annotations": {"note": "y"},
        "finalizers": ["mlctl.dev/tracking"],
        "ownerReferences": [
            {"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u-2"},
            {
                "apiVersion": "mlctl.dev/v1alpha1",
                "kind": "PythonJob",
                "name": "j",
                "uid": "u-3",
                "controller": True,
                "blockOwnerDeletion": True,
            },
        ],
        "managedFields": [{"manager": "kubectl"}],
    },
    "spec": {"anything": [1, {"x": None}]},
}


def decoded(**metadata):
    return decode_metadata(json.dumps({"metadata": {**RAW["metadata"], **metadata}}).encode())


def test_metadata_is_decoded_from_the_bytes_of_a_whole_object():
    metadata = decode_metadata(json.dumps(RAW).encode())
    assert metadata.key == ObjectKey("ml", "a")
    assert (metadata.uid, metadata.resource_version, metadata.generation) == ("u-1", "42", 3)
    assert metadata.creation_timestamp == "2026-01-01T00:00:00Z"
    assert metadata.deletion_timestamp == "2026-01-01T00:01:00Z"
    assert metadata.deletion_grace_period_seconds == 30
    assert metadata.labels == {"app": "x"}
    assert metadata.annotations == {"note": "y"}
    assert metadata.finalizers == ("mlctl.dev/tracking",)
    assert metadata.deleting


def test_the_controller_is_the_owner_that_says_so():
    assert decoded().controller == OwnerReference(
        "mlctl.dev/v1alpha1", "PythonJob", "j", "u-3", controller=True, block_owner_deletion=True
    )
    assert decoded(ownerReferences=[]).controller is None


def test_absent_maps_are_empty():
    metadata = decode_metadata(b'{"metadata":{"name":"a","annotations":null}}')
    assert (metadata.labels, metadata.annotations) == ({}, {})
    assert not metadata.deleting


def test_labels_and_annotations_cannot_be_written():
    metadata = decoded()
    with pytest.raises(TypeError):
        metadata.labels["app"] = "z"
    with pytest.raises(TypeError):
        metadata.annotations["note"] = "z"
    with pytest.raises(AttributeError):
        metadata.name = "b"


def test_the_garbage_collector_does_not_walk_metadata():
    assert not gc.is_tracked(decoded())


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"{", "truncated"),
        (b"[]", "Expected `object`"),
        (b"{}", "metadata"),
        (b'{"metadata":{"labels":{"a":1}}}', r"\$\.metadata\.labels"),
    ],
)
def test_what_is_no_object_is_refused_with_the_path(raw, message):
    with pytest.raises(DecodeError, match=message):
        decode_metadata(raw)


def test_an_owner_reference_makes_the_owner_the_controller():
    owner = Metadata(name="p", namespace="ml", uid="u-9")
    assert owner_reference(POD, owner) == {
        "apiVersion": "v1",
        "kind": "Pod",
        "name": "p",
        "uid": "u-9",
        "controller": True,
        "blockOwnerDeletion": True,
    }


def test_an_object_nested_too_deeply_is_a_decode_error_like_any_other():
    deep = b'{"metadata":{"name":"a"},"spec":' + b"[" * 20_000 + b"]" * 20_000 + b"}"
    with pytest.raises(DecodeError, match="recursion"):
        decode_metadata(deep)
