"""What the server serves: the description of one resource in one version, and their table.

Promise: everything a request needs to know of a resource is in its `Resource`, so built-in
kinds and custom ones go through the same code. The registry answers by group, version and
plural, and changes only when a CustomResourceDefinition does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import attrs

from mlctl_core.objects.json import Json

if TYPE_CHECKING:
    from collections.abc import Iterable


VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
"""What a resource does unless it says otherwise, in the order discovery lists it."""

STATUS_VERBS = ("get", "patch", "update")


@attrs.frozen
class Subresource:
    """A path below an object."""

    name: str
    kind: str
    verbs: tuple[str, ...] = STATUS_VERBS
    group: str = ""
    """Of the kind, where that is not the resource's own group."""
    version: str = ""


@attrs.frozen
class ScalePaths:
    """Where a scale subresource finds its numbers in the object."""

    spec: tuple[str, ...]
    status: tuple[str, ...]
    selector: tuple[str, ...] = ()


@attrs.frozen(eq=False)
class Resource:
    """One resource as it is served in one version."""

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    namespaced: bool
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = VERBS
    subresources: Mapping[str, Subresource] = attrs.field(factory=dict)
    storage: str = ""
    """The collection's name, `group/plural` when empty; two resources may share one."""
    storage_version: str = ""
    """The apiVersion objects are stored in; the served one when empty."""
    schema: Callable[[], Json] = dict
    """The OpenAPI v3 schema of the object; not worked out before it is asked for."""
    selectable: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    """Field selectors beside metadata.name and metadata.namespace: label to path."""
    generation: bool = False
    """Whether metadata.generation counts changes of what is wanted."""
    scale: ScalePaths | None = None
    custom: bool = False
    """Defined by a CustomResourceDefinition: structural schema, pruning, rules."""
    columns: tuple[Json, ...] = ()
    """additionalPrinterColumns of a custom resource."""
    refuses_create: bool = False
    """Its definition is being deleted."""

    @property
    def api_version(self) -> str:
        """`apps/v1`, `v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def stored_api_version(self) -> str:
        """The apiVersion of the stored bytes."""
        return self.storage_version or self.api_version

    @property
    def collection(self) -> str:
        """The name of the store's collection."""
        return self.storage or f"{self.group}/{self.plural}"

    @property
    def list_kind(self) -> str:
        """The kind of a list of these."""
        return f"{self.kind}List"


class Registry:
    """All resources, by where they are served."""

    def __init__(self, resources: Iterable[Resource] = ()) -> None:
        self._by_path: dict[tuple[str, str, str], Resource] = {}
        self._by_kind: dict[tuple[str, str], Resource] = {}
        self._by_collection: tuple[int, dict[str, Resource]] = (-1, {})
        self.generation = 0
        """Rises with every change; what is derived from the registry is kept by it."""
        for resource in resources:
            self.add(resource)

    def add(self, resource: Resource) -> None:
        """Serve a resource, in place of one at the same path."""
        self._by_path[resource.group, resource.version, resource.plural] = resource
        self._by_kind[resource.api_version, resource.kind] = resource
        self.generation += 1

    def remove(self, group: str, plural: str) -> None:
        """Serve a resource no longer, in any version."""
        for path in [p for p in self._by_path if p[0] == group and p[2] == plural]:
            resource = self._by_path.pop(path)
            self._by_kind.pop((resource.api_version, resource.kind), None)
        self.generation += 1

    def get(self, group: str, version: str, plural: str) -> Resource | None:
        """Look up what is served at `/apis/{group}/{version}/…/{plural}`."""
        return self._by_path.get((group, version, plural))

    def by_kind(self, api_version: str, kind: str) -> Resource | None:
        """Look up the resource that objects of a kind belong to."""
        return self._by_kind.get((api_version, kind))

    def by_collection(self, name: str) -> Resource | None:
        """Give a resource of a collection: the one in whose version its objects are stored."""
        generation, found = self._by_collection
        if generation != self.generation:
            found = {}
            for resource in self._by_path.values():
                if resource.api_version == resource.stored_api_version:
                    found[resource.collection] = resource
                else:
                    found.setdefault(resource.collection, resource)
            self._by_collection = (self.generation, found)
        return found.get(name)

    def all(self) -> list[Resource]:
        """List everything that is served."""
        return list(self._by_path.values())

    def groups(self) -> dict[str, list[str]]:
        """List the versions of each group, the preferred first."""
        groups: dict[str, list[str]] = {}
        for group, version, _ in self._by_path:
            versions = groups.setdefault(group, [])
            if version not in versions:
                versions.append(version)
        for versions in groups.values():
            versions.sort(key=version_priority)
        return groups

    def in_version(self, group: str, version: str) -> list[Resource]:
        """List the resources of one group version, by name."""
        found = [r for r in self._by_path.values() if (r.group, r.version) == (group, version)]
        return sorted(found, key=lambda resource: resource.plural)


_VERSION = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?")


def version_priority(version: str) -> tuple[int, int, int, str]:
    """Sort versions as upstream does: v2, v1, v2beta1, v1alpha2, then others by name."""
    match = _VERSION.fullmatch(version)
    if match is None:
        return (3, 0, 0, version)
    major, stage, minor = match.groups()
    rank = {None: 0, "beta": 1, "alpha": 2}[stage]
    return (rank, -int(major), -int(minor or 0), version)
