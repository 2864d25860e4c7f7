"""Reads what a pod refers to from the API server: ConfigMaps, Secrets, service account tokens.

One at a time and when needed: a node holds no cache of secrets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mlctl_core.client.errors import ClientError, NotFoundError
from mlctl_core.embedded.node.environment import (
    ConfigError,
    Sources,
    decode_config_map,
    decode_secret,
)
from mlctl_core.objects.kinds import CONFIG_MAP, SECRET, SERVICE_ACCOUNT, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mlctl_core.client.client import Client
    from mlctl_core.embedded.node.manifest import Pod, TokenSource
    from mlctl_core.embedded.node.references import References
    from mlctl_core.objects.json import Json

__all__ = ["fetch_sources", "fetch_tokens"]


async def fetch_sources(client: Client, namespace: str, wanted: References) -> Sources:
    """Every ConfigMap and Secret in the references; those that do not exist are None.

    Raises:
        ConfigError: one cannot be read, for whatever reason but that it does not exist.
    """
    return Sources(
        config_maps=await _fetch(
            client, CONFIG_MAP, namespace, wanted.config_maps, decode_config_map
        ),
        secrets=await _fetch(client, SECRET, namespace, wanted.secrets, decode_secret),
    )


async def fetch_tokens(
    client: Client, pod: Pod, wanted: Iterable[TokenSource]
) -> dict[TokenSource, str]:
    """A token of the pod's service account for each source; bound to the pod.

    Raises:
        ConfigError: the API server issues none.
    """
    path = SERVICE_ACCOUNT.path(pod.metadata.namespace, pod.spec.service_account_name, "token")
    return {source: await _token(client, path, pod, source) for source in wanted}


async def _token(client: Client, path: str, pod: Pod, source: TokenSource) -> str:
    bound = {"kind": "Pod", "apiVersion": "v1", "name": pod.metadata.name, "uid": pod.metadata.uid}
    spec: Json = {"expirationSeconds": source.expiration_seconds, "boundObjectRef": bound}
    if source.audience:
        spec["audiences"] = [source.audience]
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    try:
        answer = await client.request("POST", path, body=body)
    except ClientError as error:
        raise ConfigError(f"failed to fetch token: {error}") from error
    token: str = msgspec.json.decode(answer)["status"]["token"]
    return token


async def _fetch(
    client: Client,
    kind: Kind,
    namespace: str,
    names: Iterable[str],
    decode: Callable[[bytes], dict[str, bytes]],
) -> dict[str, dict[str, bytes] | None]:
    found: dict[str, dict[str, bytes] | None] = {}
    for name in sorted(names):
        try:
            found[name] = decode(await client.get(kind, name, namespace))
        except NotFoundError:
            found[name] = None
        except (ClientError, ValueError) as error:
            text = f"failed to get {kind.name.lower()} {namespace}/{name}: {error}"
            raise ConfigError(text) from error
    return found
