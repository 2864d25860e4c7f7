from __future__ import annotations

import pytest

from mlctl_core.objects.core import Pod
from mlctl_core.objects.kinds import BUILT_IN, DEPLOYMENT, NODE, POD, Kind, kind_of

WEBSITE = Kind("example.org", "v1", "Website", "websites")


@pytest.mark.parametrize(
    ("kind", "arguments", "path"),
    [
        (POD, {}, "/api/v1/pods"),
        (POD, {"namespace": "ml"}, "/api/v1/namespaces/ml/pods"),
        (POD, {"namespace": "ml", "name": "a"}, "/api/v1/namespaces/ml/pods/a"),
        (
            POD,
            {"namespace": "ml", "name": "a", "subresource": "log"},
            "/api/v1/namespaces/ml/pods/a/log",
        ),
        (NODE, {"name": "n1"}, "/api/v1/nodes/n1"),
        (DEPLOYMENT, {"namespace": "ml"}, "/apis/apps/v1/namespaces/ml/deployments"),
        (
            WEBSITE,
            {"namespace": "ml", "name": "w", "subresource": "status"},
            "/apis/example.org/v1/namespaces/ml/websites/w/status",
        ),
    ],
)
def test_the_path_is_the_one_the_server_serves(kind, arguments, path):
    assert kind.path(**arguments) == path


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (NODE, {"namespace": "ml"}, "cluster-scoped"),
        (POD, {"name": "a"}, "needs a namespace"),
        (POD, {"namespace": "ml", "subresource": "status"}, "needs a name"),
    ],
)
def test_a_path_that_no_server_serves_is_an_error(kind, arguments, message):
    with pytest.raises(ValueError, match=message):
        kind.path(**arguments)


def test_a_kind_reads_as_its_api_version_and_name():
    assert [str(kind) for kind in (POD, DEPLOYMENT)] == ["v1/Pod", "apps/v1/Deployment"]
    assert [kind.api_version for kind in (POD, DEPLOYMENT)] == ["v1", "apps/v1"]


def test_equal_kinds_are_one_key():
    assert {WEBSITE: 1}[Kind("example.org", "v1", "Website", "websites")] == 1


@pytest.mark.parametrize("thing", ["v1/Pod", POD, Pod])
def test_a_kind_is_found_by_name_by_itself_and_by_class(thing):
    assert kind_of(thing) is POD


def test_every_built_in_kind_is_found_by_what_it_reads_as():
    assert all(kind_of(str(kind)) is kind for kind in BUILT_IN.values())


def test_an_unknown_name_is_answered_with_those_that_are_known():
    with pytest.raises(LookupError, match=r"'v1/Pood' is no built-in kind.*apps/v1/Deployment"):
        kind_of("v1/Pood")


def test_a_class_without_a_kind_is_told_how_to_get_one():
    with pytest.raises(LookupError, match="declare it with @resource"):
        kind_of(int)


def test_a_subclass_of_an_api_class_is_no_kind_of_its_own():
    with pytest.raises(LookupError):
        kind_of(type("Derived", (Pod,), {}))
