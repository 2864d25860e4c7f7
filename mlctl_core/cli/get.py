"""``mlctl get``: what there is, and how it fares."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mlctl_core.cli.kinds import find_kind, served_kinds
from mlctl_core.cli.output import age, columns, document
from mlctl_core.cli.target import find

if TYPE_CHECKING:
    from datetime import datetime

    from mlctl_core.client.client import Client
    from mlctl_core.objects.json import Json
    from mlctl_core.objects.kinds import Kind

_HEADER = ("NAME", "PHASE", "SIZE", "RESTARTS", "AGE", "REASON")
_WIDE = ("MESSAGE",)


async def get(
    client: Client, what: str | None, namespace: str | None, form: str, now: datetime
) -> str:
    """Return the text for one object (``pyjob/digits``), one kind, or all jobs.

    Args:
        client: of the cluster.
        what: a kind, an object, or None for every namespaced kind.
        namespace: None is all of them.
        form: "", "wide", "json" or "yaml".
        now: what ages are counted from.
    """
    if what and "/" in what:
        target = await find(client, what, namespace or client.config.namespace)
        if form in {"json", "yaml"}:
            return document(target.object, form)
        return _table([(target.kind, target.object)], namespace, form, now)
    served = await served_kinds(client)
    kinds = [find_kind(served, what)] if what else [s.kind for s in served if s.kind.namespaced]
    found = [(kind, obj) for kind in kinds for obj in await _list(client, kind, namespace)]
    if form in {"json", "yaml"}:
        return document([obj for _, obj in found], form)
    if not found:
        return f"nothing found in {f'namespace {namespace}' if namespace else 'any namespace'}"
    return _table(found, namespace, form, now)


async def _list(client: Client, kind: Kind, namespace: str | None) -> list[Json]:
    page = await client.list_all(kind, (namespace or "") if kind.namespaced else "")
    return [json.loads(item) for item in page.items]


def _table(found: list[tuple[Kind, Json]], namespace: str | None, form: str, now: datetime) -> str:
    header = _HEADER + (_WIDE if form == "wide" else ())
    rows = [_row(kind, obj, now, with_namespace=namespace is None) for kind, obj in found]
    return columns(header, [row[: len(header)] for row in rows])


def _row(kind: Kind, obj: Json, now: datetime, *, with_namespace: bool) -> tuple[str, ...]:
    metadata, status = obj["metadata"], obj.get("status", {})
    name = f"{kind.name.lower()}/{metadata['name']}"
    if with_namespace and kind.namespaced:
        name = f"{metadata['namespace']}/{name}"
    return (
        name,
        status.get("phase", ""),
        obj.get("spec", {}).get("size", ""),
        str(status.get("restarts", "")),
        age(metadata["creationTimestamp"], now),
        status.get("reason", ""),
        status.get("message", ""),
    )
