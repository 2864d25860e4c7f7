"""The verbs of a resource over HTTP: which function answers which method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlctl_core.embedded.apiserver.bodies import media_type, parse_object
from mlctl_core.embedded.apiserver.creating import create
from mlctl_core.embedded.apiserver.deleting import (
    ORPHANS_BY_DEFAULT,
    RETURNS_OBJECT,
    delete,
    delete_record,
)
from mlctl_core.embedded.apiserver.errors import method_not_allowed
from mlctl_core.embedded.apiserver.exchange import Exchange, json_response, success
from mlctl_core.embedded.apiserver.listing import get_object, list_objects
from mlctl_core.embedded.apiserver.options import DeleteOptions, delete_options, list_options
from mlctl_core.embedded.apiserver.patching import serve_patch
from mlctl_core.embedded.apiserver.records import RecordKey
from mlctl_core.embedded.apiserver.rendering import render_list
from mlctl_core.embedded.apiserver.selection import make_selection
from mlctl_core.embedded.apiserver.updating import replace
from mlctl_core.embedded.apiserver.watch_streams import serve_watch
from mlctl_core.embedded.apiserver.watching import Watch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from aiohttp import web

    from mlctl_core.objects.json import Json

_COLLECTION_VERBS = {"GET": "list", "POST": "create", "DELETE": "deletecollection"}
_OBJECT_VERBS = {"GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


async def serve_resource(exchange: Exchange) -> web.StreamResponse:
    """Answer a request for a collection or an object.

    Raises:
        StatusError: what is asked for cannot be done.
    """
    target, method = exchange.target, exchange.request.method
    verbs = _OBJECT_VERBS if target.name else _COLLECTION_VERBS
    verb = verbs.get(method, "")
    if method == "POST" and target.name and exchange.resource.custom:
        verb = "create"  # Upstream overlooks the name.
    if verb not in exchange.resource.verbs:
        raise method_not_allowed()
    if exchange.resource.namespaced and not target.namespace and verb != "list":
        raise method_not_allowed()
    if verb == "get" and target.watch:
        return await _watch(exchange)
    return await _ANSWERS[verb](exchange)


async def serve_get(exchange: Exchange) -> web.StreamResponse:
    """Answer a GET of one object.

    Raises:
        StatusError: 404, 504.
    """
    target, version = exchange.target, exchange.query.get("resourceVersion", "")
    record = get_object(exchange.cluster, exchange.resource, target.namespace, target.name, version)
    return exchange.answer(record)


async def _list(exchange: Exchange) -> web.StreamResponse:
    options = list_options(exchange.query, watch=exchange.target.watch)
    if options.watch:
        return await _watch(exchange)
    cluster, resource = exchange.cluster, exchange.resource
    form = exchange.form()
    page = list_objects(cluster, resource, exchange.target.namespace, options)
    include = exchange.query.get("includeObject", "")
    return json_response(render_list(cluster, resource, page, form, include))


async def _watch(exchange: Exchange) -> web.StreamResponse:
    target, resource = exchange.target, exchange.resource
    options = list_options(exchange.query, watch=True)
    selection = make_selection(
        resource, options.label_selector, options.field_selector, name=target.name
    )
    watch = Watch(
        exchange.cluster,
        resource,
        target.namespace,
        selection,
        options,
        exchange.form(),
        exchange.query.get("includeObject", ""),
    )
    watch.start()
    return await serve_watch(exchange.request, watch)


async def _create(exchange: Exchange) -> web.StreamResponse:
    options = exchange.options()
    obj = await exchange.object(options)
    record = create(exchange.cluster, exchange.resource, obj, exchange.target.namespace, options)
    return exchange.answer(record, code=201)


async def serve_replace(exchange: Exchange, subresource: str = "") -> web.StreamResponse:
    """Answer a PUT of an object or of its status.

    Raises:
        StatusError: 400, 404, 409, 422.
    """
    options = exchange.options()
    obj = await exchange.object(options)
    target = exchange.target
    record, created = replace(
        exchange.cluster,
        exchange.resource,
        obj,
        RecordKey(target.namespace, target.name),
        options,
        subresource=subresource,
    )
    return exchange.answer(record, 201 if created else 200)


async def _delete_options(exchange: Exchange) -> DeleteOptions:
    raw = await exchange.body()
    body: Json | None = None
    if raw:
        body, _ = parse_object(raw, media_type(exchange.request), "DeleteOptions")
    return delete_options(exchange.query, body)


async def _delete(exchange: Exchange) -> web.StreamResponse:
    options = await _delete_options(exchange)
    target, resource = exchange.target, exchange.resource
    _warn_of_orphans(exchange, options)
    record, done = delete(exchange.cluster, resource, target.namespace, target.name, options)
    if not done or (resource.group, resource.plural) in RETURNS_OBJECT:
        return exchange.answer(record)
    details: Json = {"name": record.key.name}
    if resource.group:
        details["group"] = resource.group
    details.update(kind=resource.plural, uid=record.uid)
    return success(details, warnings=exchange.warnings)


def _warn_of_orphans(exchange: Exchange, options: DeleteOptions) -> None:
    resource = exchange.resource
    if not options.propagation and (resource.group, resource.plural) in ORPHANS_BY_DEFAULT:
        exchange.warnings.append(
            f"child pods are preserved by default when {resource.plural} are deleted; set "
            "propagationPolicy=Background to remove them or set propagationPolicy=Orphan to "
            "suppress this warning"
        )


async def _delete_collection(exchange: Exchange) -> web.StreamResponse:
    options = await _delete_options(exchange)
    cluster, resource = exchange.cluster, exchange.resource
    form = exchange.form()
    page = list_objects(cluster, resource, exchange.target.namespace, list_options(exchange.query))
    _warn_of_orphans(exchange, options)
    for found in page.records:
        current = cluster.collection(resource).get(*found.key)
        if current is not None and current.uid == found.uid:
            delete_record(cluster, resource, current, options)
    # The answer is what was found, as it was before.
    return json_response(render_list(cluster, resource, page, form), warnings=exchange.warnings)


_ANSWERS: Mapping[str, Callable[[Exchange], Awaitable[web.StreamResponse]]] = {
    "list": _list,
    "create": _create,
    "get": serve_get,
    "update": serve_replace,
    "patch": serve_patch,
    "delete": _delete,
    "deletecollection": _delete_collection,
}
