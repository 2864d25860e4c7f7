"""Which names lead to which pods."""

from __future__ import annotations

import json

import pytest
from node_pods import deleted, pod

from mlctl_core.embedded.node.hosts import decode_service, hosts_file, member, service_lines

READY = {"podIP": "127.200.0.1", "conditions": [{"type": "Ready", "status": "True"}]}
UNREADY = {"podIP": "127.200.0.1", "conditions": [{"type": "Ready", "status": "False"}]}


def service(name="svc", namespace="ns", **spec):
    obj = {"metadata": {"name": name, "namespace": namespace}, "spec": spec}
    return decode_service(json.dumps(obj).encode())


def labelled(status=None, metadata=None, **spec):
    labels = {"labels": {"app": "a", "more": "x"}}
    return pod(metadata=labels | (metadata or {}), status=status or READY, **spec)


def lines(a_service, *pods):
    found = service_lines([a_service], [m for m in map(member, pods) if m])
    return [line.split() for line in found.splitlines()]


SPELLINGS = ["svc.ns.svc.cluster.local", "svc.ns.svc", "svc.ns", "svc"]


def test_a_service_has_the_addresses_of_the_pods_that_it_selects():
    selecting = service(selector={"app": "a"})
    others = pod(metadata={"labels": {"app": "b"}}, status=READY)
    elsewhere = labelled(metadata={"namespace": "other"})
    assert lines(selecting, labelled(), others, elsewhere) == [["127.200.0.1", *SPELLINGS]]


def test_a_pod_of_the_services_subdomain_has_a_name_of_its_own():
    [found] = lines(service(selector={"app": "a"}), labelled(hostname="w-0", subdomain="svc"))
    assert found == ["127.200.0.1", *(f"w-0.{name}" for name in SPELLINGS), *SPELLINGS]


def test_a_pod_without_a_hostname_is_called_by_its_name():
    [found] = lines(service(selector={"app": "a"}), labelled(subdomain="svc"))
    assert found[1] == "p.svc.ns.svc.cluster.local"


def test_a_subdomain_of_another_service_gives_no_name():
    [found] = lines(service(selector={"app": "a"}), labelled(hostname="w-0", subdomain="other"))
    assert found == ["127.200.0.1", *SPELLINGS]


@pytest.mark.parametrize("published", [False, True])
@pytest.mark.parametrize(
    ("status", "metadata", "always"),
    [(READY, {}, True), (UNREADY, {}, False), (READY, deleted(), False)],
)
def test_pods_that_are_not_ready_are_found_only_if_published(status, metadata, always, published):
    selecting = service(selector={"app": "a"}, publishNotReadyAddresses=published)
    assert bool(lines(selecting, labelled(status, metadata))) is (always or published)


@pytest.mark.parametrize(
    "status", [{"phase": "Pending"}, {**READY, "phase": "Succeeded"}, {**READY, "phase": "Failed"}]
)
def test_a_pod_without_an_address_or_that_has_ended_is_not_found(status):
    assert member(labelled(status)) is None


def test_a_service_without_a_selector_has_no_pods():
    assert lines(service(), labelled()) == []


def test_a_pod_finds_itself_before_any_service_exists():
    own = member(labelled(hostname="w-0", subdomain="svc"))
    text = hosts_file(own, "127.200.0.9\tother\n")
    assert text.splitlines() == [
        "127.0.0.1\tlocalhost",
        "::1\tlocalhost ip6-localhost ip6-loopback",
        "127.200.0.1\tw-0.svc.ns.svc.cluster.local w-0.svc.ns.svc w-0.svc.ns w-0.svc w-0",
        "127.200.0.9\tother",
    ]
