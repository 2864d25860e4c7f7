"""Tells clients what is served: plain discovery, aggregated discovery, the version.

The documents are made from the registry and kept until it changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlctl_core.embedded.apiserver.errors import unknown_resource
from mlctl_core.embedded.apiserver.records import encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlctl_core.embedded.apiserver.resources import Registry, Resource, Subresource
    from mlctl_core.objects.json import Json

VERSION: Json = {
    "major": "1",
    "minor": "37",
    "gitVersion": "v1.37.2+mlctl",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "linux/amd64",
}
"""What clients decide by is the minor version: that of the behaviour that is followed here."""


class Discovery:
    """The discovery documents of one registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._kept: dict[str, bytes] = {}
        self._generation = -1

    def document(self, path: str, aggregated: str = "") -> bytes | None:
        """Give the document at a path, None when the path is not one of discovery's.

        `aggregated` is the version of aggregated discovery the client asked for, or "".

        Raises:
            StatusError: 404, a group version that is not served.
        """
        parts = path.strip("/").split("/")
        match parts:
            case ["version"]:
                return encode(VERSION)
            case ["api"] | ["apis"] if aggregated:
                core = parts == ["api"]
                return self._keep(f"{aggregated} {parts[0]}", lambda: self._all(aggregated, core))
            case ["api"]:
                return self._keep("api", self._versions)
            case ["apis"]:
                return self._keep("apis", self._groups)
            case ["apis", group]:
                return self._keep(path, lambda: self._group(group))
            case ["api", version]:
                return self._keep(path, lambda: self._resources("", version))
            case ["apis", group, version]:
                return self._keep(path, lambda: self._resources(group, version))
        return None

    def serves(self, group: str) -> bool:
        """Whether anything of a group is served."""
        return group in self._registry.groups()

    def _keep(self, name: str, make: Callable[[], Json]) -> bytes:
        if self._generation != self._registry.generation:
            self._kept.clear()
            self._generation = self._registry.generation
        if name not in self._kept:
            self._kept[name] = encode(make())
        return self._kept[name]

    def _versions(self) -> Json:
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}

    def _groups(self) -> Json:
        groups = [_group_of(name, vs) for name, vs in self._registry.groups().items() if name]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}

    def _group(self, name: str) -> Json:
        versions = self._registry.groups().get(name)
        if not versions:
            raise unknown_resource()
        return {"kind": "APIGroup", "apiVersion": "v1", **_group_of(name, versions)}

    def _resources(self, group: str, version: str) -> Json:
        resources = self._registry.in_version(group, version)
        if not resources:
            raise unknown_resource()
        entries: list[Json] = []
        for resource in resources:
            entries.append(_entry(resource))
            entries.extend(
                _subresource_entry(resource, sub)
                for _, sub in sorted(resource.subresources.items())
            )
        if not group:
            entries.append(_BINDINGS)
            entries.sort(key=lambda entry: str(entry["name"]))
        group_version = f"{group}/{version}" if group else version
        listed: Json = {"kind": "APIResourceList", "groupVersion": group_version}
        if group:
            listed["apiVersion"] = "v1"
        return {**listed, "resources": entries}

    def _all(self, document_version: str, core: bool) -> Json:  # noqa: FBT001
        items = []
        for group, versions in self._registry.groups().items():
            if core != (not group):
                continue
            listed = [
                {
                    "version": version,
                    "resources": [_entry_v2(r) for r in self._registry.in_version(group, version)],
                    "freshness": "Current",
                }
                for version in versions
            ]
            items.append({"metadata": {"name": group} if group else {}, "versions": listed})
        return {
            "kind": "APIGroupDiscoveryList",
            "apiVersion": f"apidiscovery.k8s.io/{document_version}",
            "metadata": {},
            "items": items,
        }


_BINDINGS: Json = {
    "name": "bindings",
    "singularName": "binding",
    "namespaced": True,
    "kind": "Binding",
    "verbs": ["create"],
}


def _group_of(name: str, versions: list[str]) -> Json:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def _entry(resource: Resource) -> Json:
    entry: Json = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    return entry


def _subresource_entry(resource: Resource, sub: Subresource) -> Json:
    entry: Json = {
        "name": f"{resource.plural}/{sub.name}",
        "singularName": "",
        "namespaced": resource.namespaced,
    }
    if sub.group:
        entry["group"] = sub.group
        entry["version"] = sub.version
    return {**entry, "kind": sub.kind, "verbs": list(sub.verbs)}


def _entry_v2(resource: Resource) -> Json:
    group_version = {"group": resource.group, "version": resource.version}
    entry: Json = {
        "resource": resource.plural,
        "responseKind": {**group_version, "kind": resource.kind},
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    subresources = []
    for name, sub in sorted(resource.subresources.items()):
        kind = {**group_version, "kind": sub.kind}
        if sub.group:
            kind = {"group": sub.group, "version": sub.version, "kind": sub.kind}
        subresources.append({"subresource": name, "responseKind": kind, "verbs": list(sub.verbs)})
    if subresources:
        entry["subresources"] = subresources
    return entry
