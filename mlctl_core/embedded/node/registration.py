"""Makes nodes known to the API server and keeps their leases renewed, as a kubelet does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import structlog

from mlctl_core.client.errors import AlreadyExistsError, ClientError, NotFoundError
from mlctl_core.objects.kinds import LEASE, NAMESPACE, NODE
from mlctl_core.objects.metadata import decode_metadata
from mlctl_core.objects.times import format_micro_time

if TYPE_CHECKING:
    from mlctl_core.client.client import Client
    from mlctl_core.clock import Clock
    from mlctl_core.objects.json import Json
    from mlctl_core.objects.metadata import Metadata

__all__ = ["Heartbeat", "register"]

LEASE_NAMESPACE = "kube-node-lease"

# kubelet's nodeLeaseDurationSeconds, renewed four times in it.
LEASE_SECONDS = 40
RENEW_SECONDS = 10.0

# Renewals per second for all nodes of this process: a thousand simulated nodes must not keep
# a server busy with their leases. (Then they are renewed less often than a lease lasts.)
MAX_RENEWALS_PER_SECOND = 20.0

# A server that is not there yet is asked again after this.
RETRY_SECONDS = 1.0

_log = structlog.get_logger(__name__)


async def register(client: Client, clock: Clock, node: Json) -> Metadata:
    """Creates the Node, or brings the one of that name into line; asks until it succeeds."""
    name = node["metadata"]["name"]
    while True:
        try:
            return await _register(client, node, name)
        except ClientError as error:
            _log.warning("node not registered, will retry", node=name, error=str(error))
            await clock.sleep(RETRY_SECONDS)


async def _register(client: Client, node: Json, name: str) -> Metadata:
    try:
        return decode_metadata(await client.create(NODE, node))
    except AlreadyExistsError:
        labels = {"metadata": {"labels": node["metadata"]["labels"]}}
        await client.patch(NODE, name, labels)
        status = msgspec.json.decode(msgspec.json.encode(node["status"]))
        raw = await client.patch(NODE, name, {"status": status}, subresource="status")
        return decode_metadata(raw)


class Heartbeat:
    """Renews the leases of this process's nodes, one after the other."""

    def __init__(self, client: Client, clock: Clock, nodes: list[Metadata]) -> None:
        self._client = client
        self._clock = clock
        self._nodes = nodes

    async def run(self) -> None:
        """Renews until cancelled."""
        if not self._nodes:
            return
        interval = max(RENEW_SECONDS, len(self._nodes) / MAX_RENEWALS_PER_SECOND)
        while True:
            for node in self._nodes:
                try:
                    await self._renew(node)
                except ClientError as error:
                    _log.warning("lease not renewed", node=node.name, error=str(error))
                await self._clock.sleep(interval / len(self._nodes))

    async def _renew(self, node: Metadata) -> None:
        spec = {
            "holderIdentity": node.name,
            "leaseDurationSeconds": LEASE_SECONDS,
            "renewTime": format_micro_time(self._clock.now()),
        }
        try:
            await self._client.patch(LEASE, node.name, {"spec": spec}, LEASE_NAMESPACE)
        except NotFoundError:
            await self._create(node, spec)

    async def _create(self, node: Metadata, spec: Json) -> None:
        owner = {"apiVersion": "v1", "kind": "Node", "name": node.name, "uid": node.uid}
        metadata = {
            "name": node.name,
            "namespace": LEASE_NAMESPACE,
            "ownerReferences": [owner],
        }
        lease = {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.name,
            "metadata": metadata,
            "spec": spec,
        }
        try:
            await self._client.create(LEASE, lease)
        except NotFoundError:
            namespace = {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {"name": LEASE_NAMESPACE},
            }
            await self._client.create(NAMESPACE, namespace)
            await self._client.create(LEASE, lease)
