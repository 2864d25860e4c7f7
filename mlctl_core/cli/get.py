"""``mlctl get``: what there is, and how it fares.

What runs is shown with its phase and the reason for it; the catalogue in the columns that its
definitions give it, which the server fills in as it does for kubectl.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mlctl_core.cli.kinds import find_kind, served_kinds
from mlctl_core.cli.output import age, columns, document
from mlctl_core.cli.target import find, require_namespace

if TYPE_CHECKING:
    from datetime import datetime

    from mlctl_core.cli.target import Target
    from mlctl_core.client.client import Client
    from mlctl_core.objects.json import Json
    from mlctl_core.objects.kinds import Kind

_HEADER = ("NAME", "PHASE", "SIZE", "RESTARTS", "AGE", "REASON")
_WIDE = ("MESSAGE",)
_AS_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


async def get(
    client: Client, what: str | None, namespace: str | None, form: str, now: datetime
) -> str:
    """Return the text for one object (``pyjob/digits``), one kind, or all that runs.

    Args:
        client: of the cluster.
        what: a kind, an object, or None for every namespaced kind.
        namespace: None is all of them.
        form: "", "wide", "json" or "yaml".
        now: what ages are counted from.

    Raises:
        CommandError: there is no such kind, object or namespace.
    """
    if what and "/" in what:
        target = await find(client, what, namespace or client.config.namespace)
        return await _one(client, target, form, now)
    served = await served_kinds(client)
    kinds = [find_kind(served, what)] if what else [s.kind for s in served if s.kind.namespaced]
    if what and not kinds[0].namespaced and form not in {"json", "yaml"}:
        return await _table(client, kinds[0], "", wide=form == "wide")
    found = [(kind, obj) for kind in kinds for obj in await _list(client, kind, namespace)]
    if not found and namespace and kinds[0].namespaced:
        await require_namespace(client, namespace)
    if form in {"json", "yaml"}:
        return document([_shown(kind, obj) for kind, obj in found], form)
    if not found:
        return f"nothing found in {f'namespace {namespace}' if namespace else 'any namespace'}"
    return _overview(found, form, now, with_namespace=namespace is None)


async def _one(client: Client, target: Target, form: str, now: datetime) -> str:
    if form in {"json", "yaml"}:
        return document(_shown(target.kind, target.object), form)
    if not target.kind.namespaced:
        return await _table(client, target.kind, target.name, wide=form == "wide")
    return _overview([(target.kind, target.object)], form, now, with_namespace=False)


async def _list(client: Client, kind: Kind, namespace: str | None) -> list[Json]:
    page = await client.list_all(kind, (namespace or "") if kind.namespaced else "")
    return [json.loads(item) for item in page.items]


def _shown(kind: Kind, obj: Json) -> Json:
    """Return the object as a file would say it: whole, but for who wrote which field."""
    metadata = {k: v for k, v in obj["metadata"].items() if k != "managedFields"}
    return {"apiVersion": kind.api_version, "kind": kind.name, **obj, "metadata": metadata}


def _overview(
    found: list[tuple[Kind, Json]], form: str, now: datetime, *, with_namespace: bool
) -> str:
    header = (("NAMESPACE",) if with_namespace else ()) + _HEADER + _WIDE
    rows = [_row(kind, obj, now, with_namespace=with_namespace) for kind, obj in found]
    last = None if form == "wide" else -len(_WIDE)
    return columns(header[:last], [row[:last] for row in rows])


def _row(kind: Kind, obj: Json, now: datetime, *, with_namespace: bool) -> tuple[str, ...]:
    metadata, status = obj["metadata"], obj.get("status", {})
    return (
        *((metadata["namespace"],) if with_namespace else ()),
        f"{kind.name.lower()}/{metadata['name']}",
        status.get("phase", ""),
        obj.get("spec", {}).get("size", ""),
        str(status.get("restarts", "")),
        age(metadata["creationTimestamp"], now),
        status.get("reason", ""),
        status.get("message", ""),
    )


async def _table(client: Client, kind: Kind, name: str, *, wide: bool) -> str:
    """Return the server's own table of a cluster-scoped kind, or of one object of it."""
    table: Json = json.loads(await client.request("GET", kind.path("", name), accept=_AS_TABLE))
    chosen = [
        (index, column["name"].upper())
        for index, column in enumerate(table["columnDefinitions"])
        if wide or not column.get("priority")
    ]
    if not table["rows"]:
        return f"there is no {kind.name} yet"
    rows = [[_cell(row["cells"][index]) for index, _ in chosen] for row in table["rows"]]
    return columns([heading for _, heading in chosen], rows)


def _cell(value: object) -> str:
    return "" if value is None else str(value)
