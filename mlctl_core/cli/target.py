"""Finding what a person means by ``digits`` or ``pyjob/digits``, and the pods that belong to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import attrs

from mlctl_core.cli.errors import CommandError
from mlctl_core.cli.kinds import find_kind, served_kinds
from mlctl_core.client.errors import ForbiddenError, NotFoundError
from mlctl_core.objects.json import Json
from mlctl_core.objects.kinds import NAMESPACE, POD, Kind

if TYPE_CHECKING:
    from mlctl_core.client.client import Client

KIND_LABEL, NAME_LABEL = "mlctl.dev/kind", "mlctl.dev/name"


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
    def namespace(self) -> str:
        """The object's namespace; empty for one of the whole cluster."""
        namespace: str = self.object["metadata"].get("namespace", "")
        return namespace

    @property
    def words(self) -> str:
        """Kind and name as kubectl writes them."""
        return f"{self.kind.name.lower()}/{self.name}"

    @property
    def status(self) -> Json:
        """The object's status; empty before a controller has seen it."""
        status: Json = self.object.get("status") or {}
        return status


async def find(client: Client, text: str, namespace: str) -> Target:
    """Return the object that the text names; a bare name is looked for in every kind.

    Raises:
        CommandError: there is none, or more than one kind has it.
    """
    word, slash, name = text.partition("/")
    if not word or (slash and not name) or "/" in name:
        raise CommandError(f"{text!r} is neither a NAME nor a KIND/NAME", code=2)
    served = await served_kinds(client)
    kinds = [find_kind(served, word)] if slash else [s.kind for s in served if s.kind.namespaced]
    found = [t for kind in kinds if (t := await read(client, kind, name or word, namespace))]
    if not found:
        await require_namespace(client, namespace)
        place = f" in namespace {namespace}" if any(kind.namespaced for kind in kinds) else ""
        raise CommandError(f"there is no {text}{place}")
    if len(found) > 1:
        raise CommandError(f"{text} is ambiguous: {', '.join(t.words for t in found)}")
    return found[0]


async def find_job(client: Client, text: str, namespace: str) -> Target:
    """Return the object that the text names, which must be one that runs.

    Raises:
        CommandError: as `find`, or it is of the catalogue, which jobs refer to.
    """
    target = await find(client, text, namespace)
    if not target.kind.namespaced:
        raise CommandError(f"{target.words} is part of the catalogue, it does not run", code=2)
    return target


async def read(client: Client, kind: Kind, name: str, namespace: str) -> Target | None:
    """Return the object, or None where there is none."""
    try:
        raw = await client.get(kind, name, namespace if kind.namespaced else "")
    except NotFoundError:
        return None
    except ValueError as error:
        # A name that could lead elsewhere in the API is sent nowhere.
        raise CommandError(str(error), code=2) from None
    return Target(kind, json.loads(raw))


async def pods_of(client: Client, target: Target) -> list[Json]:
    """Return the pods that carry the target's labels, as they are now."""
    selector = f"{KIND_LABEL}={target.kind.name},{NAME_LABEL}={target.name}"
    page = await client.list_all(POD, target.namespace, label_selector=selector)
    return [json.loads(item) for item in page.items]


async def require_namespace(client: Client, namespace: str) -> None:
    """Tell an empty namespace from one that is not there.

    Raises:
        CommandError: it is not there.
    """
    try:
        await client.get(NAMESPACE, namespace)
    except NotFoundError:
        raise CommandError(f"there is no namespace {namespace}") from None
    except ForbiddenError:
        # Most people may not read namespaces; they get the answer that they would have got.
        return
