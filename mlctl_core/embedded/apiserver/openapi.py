"""OpenAPI v3 documents, one per group version, as `/openapi/v3` serves them.

Promises what clients read: schemas with their kinds (`kubectl explain`, `apply`, `diff`,
`edit`), list types and merge keys, and for every resource the operations with the patch
types and query parameters it takes. Responses are named only as far as clients look.
"""

from __future__ import annotations

import copy
import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from mlctl_core.embedded.apiserver.builtin import model_of
from mlctl_core.embedded.apiserver.schema_models import (
    REF_PREFIX,
    component,
    component_name,
    referenced,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mlctl_core.embedded.apiserver.resources import Resource
    from mlctl_core.objects.json import Json

_META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1"
_PATCH_SCHEMA: Final = f"{_META}.Patch"

_PARAMETERS: Final = {
    "pretty": ("string", "Whether the answer is indented."),
    "dryRun": ("string", "`All`: nothing is stored."),
    "fieldManager": ("string", "Name of the actor that makes the change."),
    "fieldValidation": ("string", "What becomes of unknown fields: Ignore, Warn or Strict."),
    "force": ("boolean", "Take over fields that other managers own; apply patches only."),
}
_WRITE: Final = ("dryRun", "fieldManager", "fieldValidation")
_MERGE_TYPES: Final = ("application/json-patch+json", "application/merge-patch+json")
_STRATEGIC: Final = "application/strategic-merge-patch+json"
_APPLY: Final = "application/apply-patch+yaml"

_COLLECTION: Final = {"list": "get", "create": "post", "deletecollection": "delete"}
_ITEM: Final = {"get": "get", "update": "put", "patch": "patch", "delete": "delete"}


def openapi_path(group: str, version: str) -> str:
    """The document's path below `/openapi/v3/`."""
    return f"apis/{group}/{version}" if group else f"api/{version}"


def openapi_v3_index(documents: Mapping[str, str]) -> Json:
    """The index, from each document's path to its hash.

    Clients may cache a document for as long as its hash stays.
    """
    return {
        "paths": {
            path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest}"}
            for path, digest in documents.items()
        }
    }


def document_hash(resources: Iterable[Resource]) -> str:
    """A hash that changes when the document of these resources would.

    Built-in schemas do not change while the process lives; custom ones are looked at.
    """
    digest = hashlib.sha256()
    for resource in resources:
        digest.update(f"{resource.api_version}/{resource.kind}/{resource.plural}".encode())
        digest.update(" ".join(sorted(resource.subresources)).encode())
        if resource.custom:
            digest.update(json.dumps(resource.schema(), sort_keys=True).encode())
    return digest.hexdigest().upper()


def openapi_v3(resources: Sequence[Resource]) -> Json:
    """The document of the resources of one group version; serialisable, the caller's own."""
    schemas: Json = {_PATCH_SCHEMA: {"type": "object", "description": "A patch of an object."}}
    paths: Json = {}
    models: set[str] = {"V1DeleteOptions", "V1Status", "V1ObjectMeta", "V1ListMeta"}
    for resource in resources:
        if resource.custom:
            schemas[_custom_name(resource)] = _custom_schema(resource)
            schemas[f"{_custom_name(resource)}List"] = _custom_list(resource)
        else:
            model = model_of(resource.api_version, resource.kind)
            models.add(model)
            if "list" in resource.verbs:
                models.add(f"{model}List")
        paths.update(_paths(resource))
    for model in set().union(*(referenced(name) for name in models)):
        schemas[component_name(model)] = copy.deepcopy(component(model))
    for resource in resources:
        name = _schema_name(resource)
        _mark(schemas[name], resource, resource.kind)
        if f"{name}List" in schemas:
            _mark(schemas[f"{name}List"], resource, resource.list_kind)
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "unversioned"},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _mark(schema: Json, resource: Resource, kind: str) -> None:
    schema["x-kubernetes-group-version-kind"] = [_kind_of(resource, kind)]


def _kind_of(resource: Resource, kind: str) -> Json:
    return {"group": resource.group, "version": resource.version, "kind": kind}


def _schema_name(resource: Resource) -> str:
    if resource.custom:
        return _custom_name(resource)
    return component_name(model_of(resource.api_version, resource.kind))


def _custom_name(resource: Resource) -> str:
    reverse = ".".join(reversed(resource.group.split(".")))
    return f"{reverse}.{resource.version}.{resource.kind}"


def _ref(name: str) -> Json:
    return {"$ref": f"{REF_PREFIX}{name}"}


def _type_properties() -> Json:
    """`apiVersion` and `kind`, described as for any built-in kind."""
    properties = component("V1ConfigMap")["properties"]
    return {name: dict(properties[name]) for name in ("apiVersion", "kind")}


def _described(name: str, text: str) -> Json:
    return {"description": text, "allOf": [_ref(name)]}


def _custom_schema(resource: Resource) -> Json:
    schema = copy.deepcopy(resource.schema())
    schema["type"] = "object"
    declared = schema.get("properties", {})
    schema["properties"] = {
        **declared,
        **_type_properties(),
        "metadata": _described(f"{_META}.ObjectMeta", "Standard object's metadata."),
    }
    return schema


def _custom_list(resource: Resource) -> Json:
    return {
        "type": "object",
        "description": f"{resource.list_kind} is a list of {resource.kind}",
        "required": ["items"],
        "properties": {
            **_type_properties(),
            "metadata": _described(f"{_META}.ListMeta", "Standard list metadata."),
            "items": {"type": "array", "items": _ref(_custom_name(resource))},
        },
    }


def _paths(resource: Resource) -> Json:
    root = f"/apis/{resource.group}/{resource.version}" if resource.group else "/api/v1"
    inside = f"{root}/namespaces/{{namespace}}" if resource.namespaced else root
    collection = f"{inside}/{resource.plural}"
    item = f"{collection}/{{name}}"
    kind = _kind_of(resource, resource.kind)
    schema = _schema_name(resource)
    placed = ["namespace"] if resource.namespaced else []
    paths: Json = {
        collection: _operations(
            resource, _COLLECTION, resource.verbs, kind=kind, schema=schema, placed=placed
        ),
        item: _operations(
            resource, _ITEM, resource.verbs, kind=kind, schema=schema, placed=[*placed, "name"]
        ),
    }
    for sub in resource.subresources.values():
        sub_kind = {
            "group": sub.group or resource.group,
            "version": sub.version or resource.version,
            "kind": sub.kind,
        }
        sub_schema = schema if sub.kind == resource.kind else ""
        verbs = {**_ITEM, "create": "post"}
        paths[f"{item}/{sub.name}"] = _operations(
            resource,
            verbs,
            sub.verbs,
            kind=sub_kind,
            schema=sub_schema,
            placed=[*placed, "name"],
        )
    if resource.namespaced and "list" in resource.verbs:
        paths[f"{root}/{resource.plural}"] = _operations(
            resource, {"list": "get"}, resource.verbs, kind=kind, schema=schema, placed=[]
        )
    return {path: operations for path, operations in paths.items() if len(operations) > 1}


def _operations(
    resource: Resource,
    methods: Mapping[str, str],
    verbs: Sequence[str],
    *,
    kind: Json,
    schema: str,
    placed: Sequence[str],
) -> Json:
    """The operations of one path; nothing but its parameters where none is served."""
    operations: Json = {
        "parameters": [
            *(
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                for name in placed
            ),
            _parameter("pretty"),
        ]
    }
    for verb, method in methods.items():
        if verb in verbs:
            operations[method] = _operation(resource, verb, kind, schema)
    return operations


def _parameter(name: str) -> Json:
    kind, text = _PARAMETERS[name]
    schema = {"type": kind, "uniqueItems": True}
    return {"name": name, "in": "query", "description": text, "schema": schema}


def _operation(resource: Resource, verb: str, kind: Json, schema: str) -> Json:
    answer = f"{schema}List" if verb == "list" and schema else schema
    if verb in {"delete", "deletecollection"}:
        answer = f"{_META}.Status"
    operation: Json = {
        "responses": {"200": {"description": "OK", **_content(answer, ["application/json"])}},
        "x-kubernetes-action": {"create": "post", "update": "put"}.get(verb, verb),
        "x-kubernetes-group-version-kind": kind,
    }
    if verb in {"create", "update", "patch"}:
        names = (*_WRITE, "force") if verb == "patch" else _WRITE
        operation["parameters"] = [_parameter(name) for name in names]
        types = ["application/json", "application/yaml"]
        if verb == "patch":
            types = [*_MERGE_TYPES, _APPLY]
            if not resource.custom:
                types.append(_STRATEGIC)
        body = _PATCH_SCHEMA if verb == "patch" else schema
        operation["requestBody"] = {"required": True, **_content(body, types)}
    elif verb in {"delete", "deletecollection"}:
        operation["parameters"] = [_parameter("dryRun")]
        operation["requestBody"] = _content(f"{_META}.DeleteOptions", ["application/json"])
    return operation


def _content(schema: str, types: Sequence[str]) -> dict[str, Any]:
    body = {"schema": _ref(schema)} if schema else {}
    return {"content": {name: dict(body) for name in types}}
