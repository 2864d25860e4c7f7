"""The hosts files of pods, kept up to date."""

from __future__ import annotations

import ipaddress
import json

import pytest
from node_pods import pod

from mlctl_core.cache.informer import Change
from mlctl_core.cache.store import Entry
from mlctl_core.embedded.node.addresses import PodNames, pod_address
from mlctl_core.objects.keys import ObjectKey
from mlctl_core.objects.kinds import SERVICE
from mlctl_core.objects.metadata import decode_metadata
from mlctl_core.testing.clock import VirtualClock


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def names(clock):
    return PodNames(clock)


def service(name="svc", namespace="ns", *, gone=False):
    raw = json.dumps(
        {
            "metadata": {"name": name, "namespace": namespace, "resourceVersion": "1"},
            "spec": {"selector": {"app": "a"}, "publishNotReadyAddresses": True},
        }
    ).encode()
    metadata = decode_metadata(raw)
    return Change(
        kind=SERVICE,
        key=ObjectKey(namespace, name),
        old=metadata if gone else None,
        new=None if gone else metadata,
        entry=None if gone else Entry(raw, metadata),
    )


def peer(uid="u2", address="127.200.0.2", namespace="ns", phase="Running"):
    return pod(
        metadata={"name": uid, "namespace": namespace, "uid": uid, "labels": {"app": "a"}},
        status={"podIP": address, "phase": phase},
        subdomain="svc",
    )


def test_addresses_are_on_the_loopback_network_and_follow_from_the_uid():
    found = {pod_address(f"uid-{number}") for number in range(2000)}
    assert len(found) == 2000
    assert all(ipaddress.ip_address(a) in ipaddress.ip_network("127.128.0.0/9") for a in found)
    assert not any(a.endswith((".0", ".255")) for a in found)
    assert pod_address("uid-7") == pod_address("uid-7")


async def test_a_file_follows_the_pods_and_services_of_its_namespace(names, clock, tmp_path):
    file = tmp_path / "u1" / "hosts"
    names.open(pod(), "127.200.0.1", file)
    assert "127.200.0.1\tp\n" in file.read_text()
    inode = file.stat().st_ino

    names.service_changed(service())
    names.pod_changed(peer())
    await clock.advance(1)
    assert "127.200.0.2\tu2.svc.ns.svc.cluster.local " in file.read_text()

    names.pod_changed(peer(phase="Succeeded"))
    await clock.advance(1)
    assert "127.200.0.2" not in file.read_text()

    names.pod_changed(peer(uid="u3", address="127.200.0.3"))
    await clock.advance(1)
    assert "u3.svc" in file.read_text()
    names.pod_gone("u3")
    await clock.advance(1)
    assert "u3.svc" not in file.read_text()

    names.pod_changed(peer())
    names.service_changed(service(gone=True))
    await clock.advance(1)
    assert "svc" not in file.read_text()
    assert file.stat().st_ino == inode, "a file that is mounted must be rewritten in place"


async def test_a_file_begins_with_what_is_known_already(names, clock, tmp_path):
    names.service_changed(service())
    names.pod_changed(peer())
    names.open(pod(), "127.200.0.1", tmp_path / "hosts")
    assert "u2.svc.ns.svc " in (tmp_path / "hosts").read_text()


async def test_other_namespaces_are_none_of_its_business(names, clock, tmp_path):
    names.open(pod(), "127.200.0.1", tmp_path / "hosts")
    before = (tmp_path / "hosts").read_text()
    names.service_changed(service(namespace="other"))
    names.pod_changed(peer(namespace="other"))
    await clock.advance(1)
    assert (tmp_path / "hosts").read_text() == before


async def test_a_file_is_left_alone_when_its_pod_has_ended(names, clock, tmp_path):
    names.open(pod(), "127.200.0.1", tmp_path / "hosts")
    (tmp_path / "hosts").unlink()
    names.close("u1")
    names.close("u1")
    names.service_changed(service())
    names.pod_changed(peer())
    await clock.advance(1)
    assert not (tmp_path / "hosts").exists()


async def test_a_file_that_cannot_be_written_hurts_no_other(names, clock, tmp_path):
    names.open(pod(), "127.200.0.1", tmp_path / "a" / "hosts")
    names.open(pod(metadata={"uid": "u9"}), "127.200.0.9", tmp_path / "b" / "hosts")
    (tmp_path / "a" / "hosts").unlink()
    (tmp_path / "a" / "hosts").mkdir()
    names.service_changed(service())
    names.pod_changed(peer())
    await clock.advance(1)
    assert "u2.svc" in (tmp_path / "b" / "hosts").read_text()
