"""Whatever a status says is bounded: a cluster's rules are costed by it, and etcd by its size."""

from __future__ import annotations

import pytest

from hack.manifests import CLASSES
from mlctl_core.objects.crd import crd


def strings(schema, path):
    """Every text below, by where it is."""
    if schema.get("type") == "string":
        yield path, schema
    for name, below in schema.get("properties", {}).items():
        yield from strings(below, f"{path}.{name}")
    for below in ("items", "additionalProperties"):
        if below in schema:
            yield from strings(schema[below], f"{path}[]")


@pytest.fixture(params=CLASSES, ids=lambda cls: cls.__name__)
def texts(request):
    [version] = crd(request.param)["spec"]["versions"]
    status = version["schema"]["openAPIV3Schema"]["properties"]["status"]
    return list(strings(status, "status"))


def test_every_text_has_a_length_or_a_choice(texts):
    assert [path for path, text in texts if not {"maxLength", "enum"} & text.keys()] == []


def test_every_time_is_known_as_one(texts):
    times = {path: text for path, text in texts if path.endswith(("ime", "expiresAt"))}
    assert times
    assert {text.get("format") for text in times.values()} == {"date-time"}
