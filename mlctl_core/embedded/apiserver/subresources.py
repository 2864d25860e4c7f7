"""The paths below an object: status, scale, finalize, binding, eviction, token, log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlctl_core.embedded.apiserver.endpoints import serve_get, serve_replace
from mlctl_core.embedded.apiserver.errors import (
    StatusError,
    method_not_allowed,
    not_found,
    not_implemented,
    unknown_resource,
    unsupported_verb,
)
from mlctl_core.embedded.apiserver.logs import serve_log
from mlctl_core.embedded.apiserver.patching import serve_patch
from mlctl_core.embedded.apiserver.pod_actions import PODS, serve_binding, serve_eviction
from mlctl_core.embedded.apiserver.scaling import serve_scale
from mlctl_core.embedded.apiserver.tokens import serve_token

if TYPE_CHECKING:
    from aiohttp import web

    from mlctl_core.embedded.apiserver.auth import Authenticator
    from mlctl_core.embedded.apiserver.exchange import Exchange
    from mlctl_core.embedded.apiserver.logs import Kubelets

_WAYS_INTO_PODS = {
    "attach": "kubectl attach",
    "exec": "kubectl exec and kubectl cp",
    "portforward": "kubectl port-forward",
    "proxy": "the proxy to pods",
}
"""Conversations with a kubelet, by their paths: in what words people know them."""

_VERBS = {"GET": "get", "PUT": "update", "PATCH": "patch", "POST": "create", "DELETE": "delete"}


async def serve_subresource(
    exchange: Exchange, authenticator: Authenticator, kubelets: Kubelets
) -> web.StreamResponse:
    """Answer a request for a path below an object.

    Raises:
        StatusError: what is asked for cannot be done.
    """
    name = exchange.target.subresource
    subresource = exchange.resource.subresources.get(name)
    if subresource is None:
        raise _unknown(exchange)
    verb = _VERBS.get(exchange.request.method, "")
    if verb not in subresource.verbs and exchange.resource.custom and name == "scale":
        raise unsupported_verb(verb, exchange.resource.group, exchange.resource.plural)
    if verb not in subresource.verbs:
        raise method_not_allowed()
    match name:
        case "scale":
            return await serve_scale(exchange)
        case "binding":
            return await serve_binding(exchange, exchange.target.name)
        case "eviction":
            return await serve_eviction(exchange)
        case "log":
            return await serve_log(exchange, kubelets)
        case "token":
            return await serve_token(exchange, authenticator)
    return await _serve_part(exchange, name, verb)


def _unknown(exchange: Exchange) -> StatusError:
    """Say that there is no such path, or that there is none here."""
    resource, target = exchange.resource, exchange.target
    if resource.custom:
        return not_found(resource.group, resource.plural, target.name)
    way = _WAYS_INTO_PODS.get(target.subresource) if resource.collection == PODS else None
    if way is None:
        return unknown_resource()
    exchange.cluster.get(resource, target.namespace, target.name)
    return not_implemented(
        f"{way}: not supported by this control plane, which runs pods as local processes or only "
        "says that it does; their output is in kubectl logs"
    )


async def _serve_part(exchange: Exchange, name: str, verb: str) -> web.StreamResponse:
    """Answer for a part of the object that has a door of its own: status, finalize."""
    if verb == "get":
        return await serve_get(exchange)
    if verb == "update":
        return await serve_replace(exchange, name)
    return await serve_patch(exchange, name)
