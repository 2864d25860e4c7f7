"""Finding the object that a person means by ``digits`` or ``pyjob/digits``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import attrs

from mlctl_core.cli.errors import CommandError
from mlctl_core.cli.kinds import find_kind, served_kinds
from mlctl_core.client.errors import NotFoundError
from mlctl_core.objects.json import Json
from mlctl_core.objects.kinds import Kind

if TYPE_CHECKING:
    from mlctl_core.client.client import Client


@attrs.frozen
class Target:
    """An object that was found."""

    kind: Kind
    object: Json

    @property
    def name(self) -> str:
        """The object's name."""
        name: str = self.object["metadata"]["name"]
        return name

    @property
    def words(self) -> str:
        """Kind and name as kubectl writes them."""
        return f"{self.kind.name.lower()}/{self.name}"


async def find(client: Client, text: str, namespace: str) -> Target:
    """Return the object that the text names; a bare name is looked for in every kind.

    Raises:
        CommandError: there is none, or more than one kind has it.
    """
    served = await served_kinds(client)
    word, slash, name = text.partition("/")
    kinds = [find_kind(served, word)] if slash else [s.kind for s in served if s.kind.namespaced]
    found = [t for kind in kinds if (t := await _get(client, kind, name or word, namespace))]
    if not found:
        raise CommandError(f"{text!r} is not there in namespace {namespace}")
    if len(found) > 1:
        raise CommandError(f"{text!r} is ambiguous: {', '.join(t.words for t in found)}")
    return found[0]


async def _get(client: Client, kind: Kind, name: str, namespace: str) -> Target | None:
    try:
        raw = await client.get(kind, name, namespace if kind.namespaced else "")
    except NotFoundError:
        return None
    return Target(kind, json.loads(raw))
