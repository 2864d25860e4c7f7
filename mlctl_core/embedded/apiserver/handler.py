"""The server's front door: authentication, routing, and errors turned into responses.

Promise: every request gets an answer that a Kubernetes client understands; a mistake of the
server's own is a 500 with a Status and is logged with its traceback, and touches no other
request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import structlog
from aiohttp import web

from mlctl_core.embedded.apiserver.api_documents import PREFIX as OPENAPI_PREFIX
from mlctl_core.embedded.apiserver.api_documents import V2_PATH, ApiDocuments, answer_v2
from mlctl_core.embedded.apiserver.discovery import Discovery
from mlctl_core.embedded.apiserver.endpoints import serve_resource
from mlctl_core.embedded.apiserver.errors import (
    StatusError,
    internal,
    method_not_allowed,
    unknown_resource,
)
from mlctl_core.embedded.apiserver.exchange import Exchange, error_response, json_response
from mlctl_core.embedded.apiserver.negotiation import choose_discovery
from mlctl_core.embedded.apiserver.pod_actions import serve_binding
from mlctl_core.embedded.apiserver.reviews import is_review, serve_review
from mlctl_core.embedded.apiserver.routes import Target, parse_path
from mlctl_core.embedded.apiserver.subresources import serve_subresource

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.auth import Authenticator, User
    from mlctl_core.embedded.apiserver.cluster import Cluster
    from mlctl_core.embedded.apiserver.logs import Kubelets
    from mlctl_core.embedded.apiserver.resources import Resource

_log = structlog.get_logger(__name__)

_READING = ("GET", "HEAD")
HEALTH_PATHS = ("/healthz", "/livez", "/readyz")
_DISCOVERY_TYPE = "application/json;g=apidiscovery.k8s.io;v={};as=APIGroupDiscoveryList"


class Handler:
    """Answers the requests of one server."""

    def __init__(self, cluster: Cluster, authenticator: Authenticator, kubelets: Kubelets) -> None:
        self._cluster = cluster
        self._authenticator = authenticator
        self._kubelets = kubelets
        self._discovery = Discovery(cluster.registry)
        self._documents = ApiDocuments(cluster.registry)

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        try:
            return await self._answer(request)
        except StatusError as error:
            return error_response(error)
        except ConnectionError:
            raise
        except Exception:  # noqa: BLE001 (one bad request stops nothing)
            _log.exception("request failed", method=request.method, path=request.path)
            return error_response(internal("Internal error occurred; the server's log says more"))

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        if path.rstrip("/").removesuffix("/ping") in HEALTH_PATHS:
            return web.Response(text="ok")
        user = self._authenticator.user_of(request)
        target = parse_path(path)
        if target is None:
            return self._discover(request)
        if target.plural == "bindings" and (target.group, target.version) == ("", "v1"):
            target = attrs.evolve(target, plural="pods")
            exchange = self._exchange(request, target, user)
            return await serve_binding(exchange, "")
        if self._cluster.registry.get(target.group, target.version, target.plural) is None:
            return self._unknown(target)
        exchange = self._exchange(request, target, user)
        if not _fits(target, exchange.resource):
            return self._unknown(target)
        try:
            if target.subresource:
                return await serve_subresource(exchange, self._authenticator, self._kubelets)
            if is_review(exchange.resource):
                return await serve_review(exchange, self._authenticator)
            return await serve_resource(exchange)
        except StatusError as error:
            return error_response(error, exchange.warnings)

    def _exchange(self, request: web.BaseRequest, target: Target, user: User) -> Exchange:
        resource = self._cluster.registry.get(target.group, target.version, target.plural)
        assert resource is not None
        return Exchange(self._cluster, request, target, resource, user)

    def _unknown(self, target: Target) -> web.StreamResponse:
        resources = self._cluster.registry.all()
        if any(one.group == target.group and not one.custom for one in resources):
            raise unknown_resource()
        return _page_not_found()

    def _discover(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        if request.method not in _READING:
            raise method_not_allowed()
        if path.startswith(OPENAPI_PREFIX):
            answer = self._documents.answer(path, request.query.get("hash", ""))
            return answer or _page_not_found()
        if path == V2_PATH:
            return answer_v2(request.headers.get("Accept", ""))
        aggregated = choose_discovery(request.headers.get("Accept", ""))
        parts = path.strip("/").split("/")
        if len(parts) > 1 and parts[0] == "apis" and not self._discovery.serves(parts[1]):
            return _page_not_found()
        document = self._discovery.document(path, aggregated)
        if document is None:
            return _page_not_found()
        response = json_response(document)
        if aggregated and path.strip("/") in {"api", "apis"}:
            response.headers["Content-Type"] = _DISCOVERY_TYPE.format(aggregated)
        return response


def _fits(target: Target, resource: Resource) -> bool:
    """Whether what is asked for is where its kind has its objects."""
    if resource.namespaced:
        return bool(target.namespace or not target.name)
    return not target.namespace


def _page_not_found() -> web.Response:
    return web.Response(status=404, text="404 page not found\n")
