"""What a cluster's DNS would answer, as the lines of a hosts file. Pure.

A Service with a selector has the addresses of its pods under its name; a pod whose ``subdomain``
names such a Service has its own under ``<hostname>.<subdomain>``. Pods that are not ready are
left out unless the Service publishes them (``publishNotReadyAddresses``), as in a cluster's
EndpointSlices. Ports are not translated: a client has to know the one that the pod listens at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import attrs
import msgspec

from mlctl_core.embedded.node.pod_status import TERMINAL_PHASES
from mlctl_core.objects.metadata import Metadata

if TYPE_CHECKING:
    from mlctl_core.embedded.node.manifest import Pod

__all__ = ["Member", "Service", "decode_service", "hosts_file", "member", "service_lines"]

CLUSTER_DOMAIN = "cluster.local"
"""A name may be written with or without it."""

# As a kubelet begins the file (pkg/kubelet/kubelet_pods.go).
_HEADER = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"


class _ServiceSpec(msgspec.Struct, frozen=True, rename="camel", gc=False):
    selector: dict[str, str] = {}
    publish_not_ready_addresses: bool = False


class Service(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A Service as DNS sees it."""

    metadata: Metadata
    spec: _ServiceSpec = _ServiceSpec()


_decoder = msgspec.json.Decoder(Service)


def decode_service(raw: bytes) -> Service:
    """Decodes a whole Service object.

    Raises:
        msgspec.DecodeError: not JSON, or a field has another type than the API gives it.
    """
    return _decoder.decode(raw)


@attrs.frozen
class Member:
    """A pod that has an address, as DNS sees it."""

    namespace: str
    hostname: str
    subdomain: str
    labels: Mapping[str, str]
    address: str
    ready: bool


def member(pod: Pod) -> Member | None:
    """The pod as DNS sees it; None for one that has no address, or none any more."""
    status, metadata = pod.status, pod.metadata
    if not status.pod_ip or status.phase in TERMINAL_PHASES:
        return None
    ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in status.conditions)
    return Member(
        namespace=metadata.namespace,
        hostname=pod.spec.hostname or metadata.name,
        subdomain=pod.spec.subdomain,
        labels=metadata.labels,
        address=status.pod_ip,
        ready=ready and not metadata.deleting,
    )


def service_lines(services: Iterable[Service], members: Iterable[Member]) -> str:
    """The names of all Services and of their pods, for a namespace and its own members."""
    found = list(members)
    lines = []
    for service in services:
        name, namespace = service.metadata.name, service.metadata.namespace
        selector, spec = service.spec.selector, service.spec
        if not selector:
            continue
        for one in found:
            if one.namespace != namespace or not selector.items() <= one.labels.items():
                continue
            if not (one.ready or spec.publish_not_ready_addresses):
                continue
            names = _spellings(name, namespace)
            if one.subdomain == name:
                names = [*_spellings(f"{one.hostname}.{name}", namespace), *names]
            lines.append(f"{one.address}\t{' '.join(names)}\n")
    return "".join(sorted(lines))


def hosts_file(own: Member, others: str) -> str:
    """The whole file of one pod: itself, then the names that everybody sees."""
    names = [own.hostname]
    if own.subdomain:
        names = [*_spellings(f"{own.hostname}.{own.subdomain}", own.namespace), own.hostname]
    return f"{_HEADER}{own.address}\t{' '.join(names)}\n{others}"


def _spellings(name: str, namespace: str) -> list[str]:
    """The ways to write a name: whole, and as the search domains of a pod complete it.

    The whole name comes first, so that it is what a reverse look-up gives.
    """
    return [
        f"{name}.{namespace}.svc.{CLUSTER_DOMAIN}",
        f"{name}.{namespace}.svc",
        f"{name}.{namespace}",
        name,
    ]
