"""What is done to pods by name: binding to a node, eviction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from mlctl_core.embedded.apiserver import field_errors
from mlctl_core.embedded.apiserver.bodies import media_type, parse_object
from mlctl_core.embedded.apiserver.deleting import check_preconditions, delete
from mlctl_core.embedded.apiserver.disruption import disrupted
from mlctl_core.embedded.apiserver.errors import bad_request, conflict, internal
from mlctl_core.embedded.apiserver.exchange import Exchange, success
from mlctl_core.embedded.apiserver.metadata import SCHEME
from mlctl_core.embedded.apiserver.options import delete_options
from mlctl_core.embedded.apiserver.updating import commit

if TYPE_CHECKING:
    from aiohttp import web

    from mlctl_core.objects.json import Json

PODS = "/pods"
_EVICTION_VERSIONS = ("policy/v1", "policy/v1beta1")
_EVICTED = ("EvictionByEvictionAPI", "Eviction API: evicting")


async def serve_binding(exchange: Exchange, name: str) -> web.StreamResponse:
    """Put a pod on a node, once; `name` is the URL's, "" when the body alone says it.

    Raises:
        StatusError: 400, 404; 409, the pod has a node or is being deleted.
    """
    options = exchange.options()
    binding, _ = parse_object(await exchange.body(), media_type(exchange.request), "Binding")
    metadata = binding.get("metadata") or {}
    if name and metadata.get("name") != name:
        raise bad_request("name in URL does not match name in Binding object")
    name = metadata.get("name", "")
    target = binding.get("target") or {}
    if not target.get("name"):
        raise internal(str(field_errors.required("target.name")))
    if target.get("kind") not in {None, "", "Node"}:
        error = field_errors.not_supported("target.kind", target["kind"], ("Node", "<empty>"))
        raise internal(str(error))
    record = exchange.cluster.get(exchange.resource, exchange.target.namespace, name)
    if metadata.get("uid") not in {None, "", record.uid}:
        why = f"the UID in the precondition ({metadata['uid']}) does not match the UID in record"
        raise conflict("", "pods/binding", name, f"{why} ({record.uid})")
    pod = record.to_json()
    if pod["metadata"].get("deletionTimestamp"):
        why = f"pod {name} is being deleted, cannot be assigned to a host"
        raise conflict("", "pods/binding", name, why)
    spec = pod.setdefault("spec", {})
    if spec.get("nodeName"):
        why = f'pod {name} is already assigned to node "{spec["nodeName"]}"'
        raise conflict("", "pods/binding", name, why)
    if spec.get("schedulingGates"):
        why = f"pod {name} has non-empty .spec.schedulingGates"
        raise conflict("", "pods/binding", name, why)
    spec["nodeName"] = target["name"]
    if metadata.get("annotations"):
        pod["metadata"].setdefault("annotations", {}).update(metadata["annotations"])
    _set_scheduled(exchange, pod)
    commit(exchange.cluster, exchange.resource, record, pod, options, subresource="binding")
    return success(code=201)


def _set_scheduled(exchange: Exchange, pod: Json) -> None:
    """Set the condition that a binding makes true."""
    conditions = pod.setdefault("status", {}).setdefault("conditions", [])
    now = exchange.cluster.now()
    for condition in conditions:
        if condition.get("type") == "PodScheduled":
            if condition.get("status") != "True":
                condition["lastTransitionTime"] = now
            condition["status"] = "True"
            condition.pop("reason", None)
            condition.pop("message", None)
            return
    conditions.append(
        {
            "type": "PodScheduled",
            "status": "True",
            "lastProbeTime": None,
            "lastTransitionTime": now,
        }
    )


async def serve_eviction(exchange: Exchange) -> web.StreamResponse:
    """Delete a pod, and say first that it is no failure of its own. Budgets hold nothing back.

    Raises:
        StatusError: 400, 404, 409.
    """
    write = exchange.options()
    target = exchange.target
    raw = await exchange.body()
    eviction, _ = parse_object(raw, media_type(exchange.request), "Eviction")
    kind, version = eviction.get("kind", "Eviction"), eviction.get("apiVersion", "policy/v1")
    if kind != "Eviction" or version not in _EVICTION_VERSIONS:
        why = f'no kind "{kind}" is registered for version "{version}" in scheme "{SCHEME}"'
        raise bad_request(f'{kind} in version "v1" cannot be handled as a Eviction: {why}')
    if (eviction.get("metadata") or {}).get("name") != target.name:
        raise bad_request("name in URL does not match name in Eviction object")
    options = delete_options(exchange.query, eviction.get("deleteOptions"))
    options = attrs.evolve(options, dry_run=options.dry_run or write.dry_run)
    cluster, resource = exchange.cluster, exchange.resource
    record = cluster.get(resource, target.namespace, target.name)
    check_preconditions(resource, record, options)
    if not options.dry_run:
        record = disrupted(cluster, resource, record, _EVICTED, write)
        if options.resource_version is not None:
            options = attrs.evolve(options, resource_version=str(record.revision))
    delete(cluster, resource, target.namespace, target.name, options)
    return success(code=201)
