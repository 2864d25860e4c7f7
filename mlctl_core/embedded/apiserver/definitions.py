"""Reads the resources that a CustomResourceDefinition defines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlctl_core.embedded.apiserver.resources import STATUS_VERBS, Resource, ScalePaths, Subresource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlctl_core.objects.json import Json

DEFINITIONS = "apiextensions.k8s.io/customresourcedefinitions"
"""Their collection."""

CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
"""Finalizer that holds a definition until its objects are gone."""


def resources_of(definition: Json, *, refuses_create: bool = False) -> list[Resource]:
    """Give the resource of each served version."""
    spec = definition["spec"]
    storage = next(one["name"] for one in spec["versions"] if one.get("storage"))
    return [
        _resource(spec, version, storage, refuses_create=refuses_create)
        for version in spec["versions"]
        if version.get("served")
    ]


def stored_resources(definition: Json) -> list[Resource]:
    """Give the resource of each version, also of those that are not served."""
    spec = definition["spec"]
    storage = next(one["name"] for one in spec["versions"] if one.get("storage"))
    return [_resource(spec, one, storage, refuses_create=False) for one in spec["versions"]]


def _resource(spec: Json, version: Json, storage: str, *, refuses_create: bool) -> Resource:
    given, group = spec["names"], spec["group"]
    schema = version["schema"]["openAPIV3Schema"]
    below = version.get("subresources") or {}
    subresources: dict[str, Subresource] = {}
    if "status" in below:
        subresources["status"] = Subresource("status", given["kind"], STATUS_VERBS)
    scale = None
    if below.get("scale"):
        subresources["scale"] = Subresource(
            "scale", "Scale", STATUS_VERBS, group="autoscaling", version="v1"
        )
        scale = ScalePaths(
            _path(below["scale"]["specReplicasPath"]),
            _path(below["scale"]["statusReplicasPath"]),
            _path(below["scale"].get("labelSelectorPath", "")),
        )
    return Resource(
        group=group,
        version=version["name"],
        kind=given["kind"],
        plural=given["plural"],
        singular=given["singular"],
        namespaced=spec["scope"] == "Namespaced",
        short_names=tuple(given.get("shortNames") or ()),
        categories=tuple(given.get("categories") or ()),
        subresources=subresources,
        storage_version=f"{group}/{storage}",
        schema=lambda: schema,
        selectable=_selectable(version),
        generation=True,
        scale=scale,
        custom=True,
        columns=tuple(version.get("additionalPrinterColumns") or ()),
        refuses_create=refuses_create,
    )


def _selectable(version: Json) -> Mapping[str, tuple[str, ...]]:
    paths = [_path(one["jsonPath"]) for one in version.get("selectableFields") or ()]
    return {".".join(path): path for path in paths}


def _path(text: str) -> tuple[str, ...]:
    """Take `.spec.replicas` apart; definitions allow nothing more than such paths here."""
    return tuple(part for part in text.split(".") if part)
