"""The JSONPath of printer columns."""

from __future__ import annotations

import pytest

from mlctl_core.embedded.apiserver.json_path import compile_path, find

OBJECT = {
    "spec": {"items": [{"n": 1, "t": "a"}, {"n": 2, "t": "b"}], "a.b": 1, "x": {"y": {"z": 0}}},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".spec.x.y.z", [0]),
        ("$.spec.x.y.z", [0]),
        ("{.spec.x.y.z}", [0]),
        ("spec.x.y.z", [0]),
        (r".spec.a\.b", [1]),
        (".spec['a.b']", [1]),
        ('.spec["a.b"]', [1]),
        (".spec.items[0].n", [1]),
        (".spec.items[-1].n", [2]),
        (".spec.items[7].n", []),
        (".spec.items[*].n", [1, 2]),
        (".spec.items[?(@.t=='b')].n", [2]),
        ('.spec.items[?(@.t=="b")].n', [2]),
        (".spec.items[?(@.n>1)].t", ["b"]),
        (".spec.items[?(@.n!=1)].t", ["b"]),
        (".spec.items[?(@.missing)].t", []),
        (".spec.items[?(@.t>1)].t", []),
        (".nothing.here", []),
        (".spec.x.y.z.deeper", []),
    ],
)
def test_a_path_leads_to_what_is_there(path, found):
    assert find(path, OBJECT) == found


@pytest.mark.parametrize("path", [".spec[", ".spec.items[?(", "..x]", ".a[b]"])
def test_a_path_that_cannot_be_read_is_refused(path):
    with pytest.raises(ValueError, match="cannot read"):
        compile_path(path)
