from __future__ import annotations

import pytest

from apis.v1alpha1.dataset import Dataset
from mlctl_core.objects.codec import convert

DATASET = {
    "apiVersion": "mlctl.dev/v1alpha1",
    "kind": "Dataset",
    "metadata": {"name": "digits", "namespace": "team"},
    "spec": {"uri": "hdfs://nn/data/digits"},
}
WEB = "https://example.org/digits.csv"


def spec(**fields):
    return {"spec": fields}


GOOD = {
    "the shortest": {},
    "a volume": spec(uri="pvc://data"),
    "a path of a volume": spec(uri="pvc://data/digits/v=1", mode="Mount", readOnly=False),
    "a staged file": spec(
        uri=WEB, mode="Stage", sha256="0" * 64, mountPath="/data/in", readOnly=False
    ),
    "a file with a query": spec(uri=WEB + "?download=1", mode="Stage"),
    "an object": spec(uri="s3://bucket/digits/", mode="Reference", version="3", identity="alice"),
    "a staged directory": spec(mode="Stage"),
}
BAD = {
    "no address": (spec(uri=None), "spec.uri", "Required"),
    "an unknown scheme": (spec(uri="ftp://example.org/a"), "spec.uri", "a dataset is at hdfs://"),
    "a file": (spec(uri="file:///etc/passwd"), "spec.uri", "a dataset is at hdfs://"),
    "a password": (
        spec(uri="https://alice:hunter2@example.org/a"),
        "spec.uri",
        "put user and password into an Identity",
    ),
    "a volume's parent": (spec(uri="pvc://data/../other"), "spec.uri", "a path without .."),
    "a volume of nobody": (spec(uri="pvc:///data"), "spec.uri", "a path without .."),
    "a mounted address": (spec(mode="Mount"), "spec.mode", "mode Mount is for pvc://"),
    "a staged volume": (spec(uri="pvc://data", mode="Stage"), "spec.mode", "mode Mount is for"),
    "a hash that nobody checks": (
        spec(uri=WEB, sha256="0" * 64),
        "spec.sha256",
        "set mode to Stage",
    ),
    "a hash in capitals": (
        spec(uri=WEB, mode="Stage", sha256="A" * 64),
        "spec.sha256",
        "should match",
    ),
    "a place for what is nowhere": (
        spec(mountPath="/data/x"),
        "spec.mountPath",
        "remove mountPath",
    ),
    "a writable address": (spec(readOnly=False), "spec.readOnly", "remove readOnly"),
    "a staged site": (
        spec(uri="https://example.org/", mode="Stage"),
        "spec.uri",
        "let uri end with its name",
    ),
    "another namespace's identity": (
        spec(identity="other/alice"),
        "spec.identity",
        "should match",
    ),
    "a directory of the platform's": (
        spec(uri="pvc://data", mountPath="/mlctl/code"),
        "spec.mountPath",
        "choose one of its own",
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_good_datasets_are_taken(refusals, name):
    assert refusals(Dataset, DATASET, GOOD[name]) == []


@pytest.mark.parametrize("name", BAD)
def test_bad_datasets_are_refused_with_the_field_and_the_fix(refusals, name):
    patch, field, words = BAD[name]
    said = refusals(Dataset, DATASET, patch)
    assert any(error.startswith(f"{field}:") and words in error for error in said), said


@pytest.mark.parametrize(
    ("uri", "mode"), [("pvc://data", "Mount"), (WEB, "Reference"), ("s3://b/k", "Reference")]
)
def test_a_dataset_without_a_mode_has_the_one_that_fits(uri, mode):
    assert convert(Dataset, {"metadata": {"name": "d"}, "spec": {"uri": uri}}).mode == mode
