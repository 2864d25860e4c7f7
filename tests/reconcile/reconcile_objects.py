"""Objects and views for the tests of this directory."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from mlctl_core.cache.informer import Change
from mlctl_core.cache.store import Entry, Store
from mlctl_core.objects.keys import ObjectKey
from mlctl_core.objects.kinds import CONFIG_MAP, DEPLOYMENT, NODE, POD, SERVICE, Kind
from mlctl_core.objects.metadata import decode_metadata
from mlctl_core.reconcile.changes import Owner
from mlctl_core.reconcile.view import View

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
KINDS = (CONFIG_MAP, DEPLOYMENT, NODE, POD, SERVICE)
BY_NAME = {str(kind): kind for kind in KINDS}

Json = dict[str, Any]


def obj(
    kind: Kind, name: str, *, namespace: str = "default", owner: str = "", **fields: Any
) -> Json:
    """An object as a server would send it; ``owner`` is the UID of its controller."""
    metadata: Json = {
        "name": name,
        "uid": f"uid-{name}",
        "resourceVersion": "1",
        **fields.pop("metadata", {}),
    }
    if kind.namespaced:
        metadata["namespace"] = namespace
    if owner:
        reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner}
        metadata["ownerReferences"] = [{**reference, "controller": True}]
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, **fields}


def entry(body: Json) -> Entry:
    raw = json.dumps(body).encode()
    return Entry(raw, decode_metadata(raw))


def stores(*bodies: Json, kinds: tuple[Kind, ...] = KINDS) -> dict[Kind, Store]:
    """Stores of `KINDS` that hold ``bodies``."""
    made = {kind: Store() for kind in kinds}
    for kind, store in made.items():
        name = (kind.api_version, kind.name)
        mine = [entry(b) for b in bodies if (b["apiVersion"], b["kind"]) == name]
        store.replace(mine, "1")
    return made


def owner(body: Json) -> Owner:
    kind = BY_NAME[f"{body['apiVersion']}/{body['kind']}"]
    held = entry(body)
    return Owner(kind=kind, key=held.key, metadata=held.metadata, raw=held.raw)


def view(*bodies: Json, of: Json | None = None, **more: Any) -> View:
    """A view of ``bodies`` from the object ``of``."""
    metadata = entry(of).metadata if of is not None else None
    key = metadata.key if metadata is not None else ObjectKey("default", "gone")
    return View(key=key, now=NOW, metadata=metadata, stores=stores(*bodies), **more)


def change(kind: Kind, old: Json | None, new: Json | None) -> Change:
    after = entry(new) if new is not None else None
    before = entry(old).metadata if old is not None else None
    some = after.metadata if after is not None else before
    assert some is not None
    return Change(kind, some.key, before, after.metadata if after is not None else None, after)
