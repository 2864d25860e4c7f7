"""pods/log: the log of a container, passed on from the node that runs it.

Promise: bytes are passed on as they come, so a followed log is live; what the node refuses is
refused in its words. Nothing is kept, and a client that goes away ends the node's work too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import aiohttp
from aiohttp import web

from mlctl_core.embedded.apiserver import field_errors
from mlctl_core.embedded.apiserver.errors import (
    StatusError,
    bad_request,
    internal,
    invalid,
    not_found,
)

if TYPE_CHECKING:
    import ssl

    from mlctl_core.embedded.apiserver.exchange import Exchange
    from mlctl_core.objects.json import Json

NODES = "/nodes"
CONNECT_SECONDS = 5.0
"""Nodes are on this machine or near; a longer wait would only hide that one is gone."""

_PASSED_ON = (
    "follow",
    "previous",
    "timestamps",
    "tailLines",
    "limitBytes",
    "sinceSeconds",
    "sinceTime",
    "stream",
)
_NOT_NEGATIVE = ("tailLines",)
_POSITIVE = ("limitBytes", "sinceSeconds")
_ADDRESSES = ("InternalIP", "Hostname", "ExternalIP")
_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


class Kubelets:
    """The connections to the nodes of one server."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context = context
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """End all connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def session(self) -> aiohttp.ClientSession:
        """Give the session, made at its first use."""
        if self._session is None:
            # No certificate of a node is checked, as kube-apiserver does not check it unless
            # it is told an authority; without TLS of its own the server has nothing to show.
            verify: ssl.SSLContext | bool = self._context if self._context is not None else False
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=verify, limit=0),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
                auto_decompress=False,
                trust_env=False,
            )
        return self._session


async def serve_log(exchange: Exchange, kubelets: Kubelets) -> web.StreamResponse:
    """Answer a request for a pod's log.

    Raises:
        StatusError: 400, 404, 422, or what the node answers.
    """
    target = exchange.target
    record = exchange.cluster.get(exchange.resource, target.namespace, target.name)
    pod = record.to_json()
    query = _options(exchange)
    container = _container(pod, exchange.query.get("container", ""))
    node = (pod.get("spec") or {}).get("nodeName")
    if not node:
        return web.Response(status=204)  # nothing has run yet
    path = "/".join(quote(part, safe="") for part in (target.namespace, target.name, container))
    url = f"{_node_url(exchange, node)}/containerLogs/{path}"
    try:
        async with kubelets.session().get(url, params=query) as answer:
            return await _pass_on(exchange, answer)
    except aiohttp.ClientError as error:
        raise internal(f'Get "{url}": {error}') from None


async def _pass_on(exchange: Exchange, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    if answer.status != web.HTTPOk.status_code:
        text = (await answer.text(errors="replace")).strip()
        if answer.status == web.HTTPBadRequest.status_code:
            raise bad_request(text)
        reason = "NotFound" if answer.status == web.HTTPNotFound.status_code else ""
        raise StatusError(answer.status, reason, text)
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    response.enable_chunked_encoding()
    await response.prepare(exchange.request)
    try:
        async for chunk in answer.content.iter_any():
            await response.write(chunk)
        await response.write_eof()
    except ConnectionError:
        pass  # The reader has gone, which is how a followed log ends.
    return response


def _options(exchange: Exchange) -> dict[str, str]:
    name = exchange.target.name
    query = {key: exchange.query[key] for key in _PASSED_ON if exchange.query.get(key)}
    for key in (*_NOT_NEGATIVE, *_POSITIVE):
        if key not in query:
            continue
        try:
            value = int(query[key])
        except ValueError:
            text = query[key]
            raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None
        least = 0 if key in _NOT_NEGATIVE else 1
        if value < least:
            detail = (
                f"must be greater than or equal to {least}"
                if not least
                else "must be greater than 0"
            )
            error = field_errors.invalid(key, value, detail)
            raise invalid("", "PodLogOptions", name, [error])
    if "sinceSeconds" in query and "sinceTime" in query:
        error = field_errors.forbidden(
            "", "at most one of `sinceTime` or `sinceSeconds` may be specified"
        )
        raise invalid("", "PodLogOptions", name, [error])
    return query


def _container(pod: Json, asked: str) -> str:
    """Choose the container, as upstream does when the client does not say."""
    name, spec = pod["metadata"]["name"], pod.get("spec") or {}
    groups = ("containers", "initContainers", "ephemeralContainers")
    names = {group: [one["name"] for one in spec.get(group) or []] for group in groups}
    if asked:
        if not any(asked in listed for listed in names.values()):
            raise bad_request(f"container {asked} is not valid for pod {name}")
        return asked
    if len(names["containers"]) == 1:
        return str(names["containers"][0])
    default = (pod["metadata"].get("annotations") or {}).get(_DEFAULT_CONTAINER)
    if default in names["containers"]:
        return str(default)
    choice = " ".join(names["containers"])
    message = f"a container name must be specified for pod {name}, choose one of: [{choice}]"
    if names["initContainers"]:
        message += f" or one of the init containers: [{' '.join(names['initContainers'])}]"
    raise bad_request(message)


def _node_url(exchange: Exchange, name: str) -> str:
    """Find where a node answers.

    Raises:
        StatusError: 404, no such node; 500, it does not say where it answers.
    """
    record = exchange.cluster.store.collection(NODES).get("", name)
    if record is None:
        # Upstream says "pods" here too: the look-up is part of a request for a pod.
        raise not_found("", "pods", name)
    status: Json = record.to_json().get("status") or {}
    port = ((status.get("daemonEndpoints") or {}).get("kubeletEndpoint") or {}).get("Port")
    addresses: dict[str, Any] = {
        one["type"]: one["address"] for one in status.get("addresses") or []
    }
    address = next((addresses[kind] for kind in _ADDRESSES if kind in addresses), None)
    if not port or not address:
        raise internal(f'node "{name}" does not say where its kubelet answers')
    host = f"[{address}]" if ":" in str(address) else address
    return f"https://{host}:{port}"
