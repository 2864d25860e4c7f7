"""Which kinds the cluster has in category ``ml``, asked of the server itself.

The command line knows no kind by name: one that joins the group is served as soon as it is there.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import attrs

from mlctl_core.cli.errors import CommandError
from mlctl_core.client.errors import NotFoundError
from mlctl_core.objects.kinds import Kind

if TYPE_CHECKING:
    from mlctl_core.client.client import Client
    from mlctl_core.objects.json import Json

CATEGORY = "ml"
GROUP_VERSION = ("mlctl.dev", "v1alpha1")


@attrs.frozen
class Served:
    """A kind that the server serves, with every word a person may use for it."""

    kind: Kind
    words: frozenset[str]


async def served_kinds(client: Client) -> list[Served]:
    """Return the kinds of category ml.

    Raises:
        CommandError: the cluster has none.
    """
    group, version = GROUP_VERSION
    try:
        answer: Json = json.loads(await client.request("GET", f"/apis/{group}/{version}"))
    except NotFoundError:
        raise CommandError(
            f"the cluster does not serve {group}/{version}: install the CRDs first "
            "(kubectl apply -k manifests/crds)"
        ) from None
    return [
        _served(group, version, resource)
        for resource in answer["resources"]
        if "/" not in resource["name"] and CATEGORY in resource.get("categories", [])
    ]


def _served(group: str, version: str, resource: Json) -> Served:
    kind = Kind(group, version, resource["kind"], resource["name"], resource["namespaced"])
    singular = resource.get("singularName") or kind.name.lower()
    words = {resource["name"], singular, kind.name.lower(), *resource.get("shortNames", [])}
    return Served(kind, frozenset(words))


def find_kind(served: list[Served], word: str) -> Kind:
    """Return the kind that the word names: plural, singular or short name.

    Raises:
        CommandError: none does; the message lists those that are there.
    """
    for candidate in served:
        if word.lower() in candidate.words:
            return candidate.kind
    known = ", ".join(sorted(min(c.words, key=len) for c in served))
    raise CommandError(f"unknown kind {word!r}; the cluster has {known}")
