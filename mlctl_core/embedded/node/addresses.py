"""Addresses and names of the pods that run as processes of this host.

A pod's address is on the loopback network and follows from its UID: a node that is started again
gives the same ones, and control planes that share a host need not agree. Two pods get the same
one with a chance of one in eight million, which matters only if both listen at one port.

`PodNames` keeps a hosts file for each pod of this process; see `hosts` for what is in it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec
import structlog

from mlctl_core.embedded.node.hosts import (
    Member,
    Service,
    decode_service,
    hosts_file,
    member,
    service_lines,
)

if TYPE_CHECKING:
    from pathlib import Path

    from mlctl_core.cache.informer import Change
    from mlctl_core.clock import Clock
    from mlctl_core.embedded.node.manifest import Pod
    from mlctl_core.objects.keys import ObjectKey

__all__ = ["PodNames", "pod_address"]

# 127.128.0.0/9: far from what services of the host itself listen at.
FIRST_OCTET, SECOND_OCTET = 127, 128

# A gang's pods get their addresses within moments of each other: one file for all of them.
SETTLE_SECONDS = 0.02

_log = structlog.get_logger(__name__)


def pod_address(uid: str) -> str:
    """The address of the pod of that UID."""
    first, second, third = hashlib.sha256(uid.encode()).digest()[:3]
    # 127.255.255.255 is the broadcast address of the network; no pod gets it, nor any .0.
    return f"{FIRST_OCTET}.{SECOND_OCTET | first}.{second}.{1 + third % 254}"


class PodNames:
    """Writes the hosts files of this process's pods, and again when a name changes.

    It is told of all pods and Services that it is to know. A file is rewritten in place, since
    it is mounted; a reader that comes at that moment may see part of it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._members: dict[str, Member] = {}
        self._services: dict[ObjectKey, Service] = {}
        self._files: dict[str, tuple[Path, Member]] = {}
        self._written: dict[str, str] = {}
        self._changed: set[str] = set()

    def open(self, pod: Pod, address: str, file: Path) -> None:
        """Writes the pod's file, and keeps it up to date from now on.

        Raises:
            OSError: it cannot be written.
        """
        own = Member(
            namespace=pod.metadata.namespace,
            hostname=pod.spec.hostname or pod.metadata.name,
            subdomain=pod.spec.subdomain,
            labels=pod.metadata.labels,
            address=address,
            ready=False,
        )
        file.parent.mkdir(parents=True, exist_ok=True)
        self._files[pod.metadata.uid] = (file, own)
        self._write(pod.metadata.uid, self._lines(own.namespace))

    def close(self, uid: str) -> None:
        """The pod has ended: its file is left as it is."""
        self._files.pop(uid, None)
        self._written.pop(uid, None)

    def pod_changed(self, pod: Pod) -> None:
        """A pod, of whichever node, is there or has changed."""
        found = member(pod)
        uid = pod.metadata.uid
        if found is None:
            self.pod_gone(uid)
        elif self._members.get(uid) != found:
            self._members[uid] = found
            self._touch(found.namespace)

    def pod_gone(self, uid: str) -> None:
        """A pod has no address any more."""
        if (known := self._members.pop(uid, None)) is not None:
            self._touch(known.namespace)

    def service_changed(self, change: Change) -> None:
        """A handler for an informer of Services."""
        self._services.pop(change.key, None)
        if change.entry is not None:
            try:
                self._services[change.key] = decode_service(change.entry.raw)
            except msgspec.DecodeError as error:
                _log.error("service not understood", service=str(change.key), error=str(error))
        self._touch(change.key.namespace)

    def _touch(self, namespace: str) -> None:
        if not self._changed:
            self._clock.call_later(SETTLE_SECONDS, self._rewrite)
        self._changed.add(namespace)

    def _rewrite(self) -> None:
        changed, self._changed = self._changed, set()
        for namespace in changed:
            uids = [uid for uid, (_, own) in self._files.items() if own.namespace == namespace]
            if not uids:
                continue
            lines = self._lines(namespace)
            for uid in uids:
                try:
                    self._write(uid, lines)
                except OSError as error:
                    _log.warning("hosts file not written", uid=uid, error=str(error))

    def _lines(self, namespace: str) -> str:
        """The names of a namespace; those of others are reached too rarely to be worth a file."""
        services = (s for s in self._services.values() if s.metadata.namespace == namespace)
        return service_lines(services, self._members.values())

    def _write(self, uid: str, lines: str) -> None:
        file, own = self._files[uid]
        text = hosts_file(own, lines)
        if self._written.get(uid) != text:
            file.write_text(text)
            self._written[uid] = text
