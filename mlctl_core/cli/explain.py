"""``mlctl explain``: what a file would create, planned here and written nowhere.

The server checks and defaults the object by a dry run; the plan is then made by the same pure
planner that the manager runs, on the cluster's catalogue as it is now.
"""

from __future__ import annotations

import difflib
import importlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from mlctl_core.cache.entries import entry_of
from mlctl_core.cache.store import Store
from mlctl_core.cli.errors import CommandError
from mlctl_core.clock import SystemClock
from mlctl_core.objects.codec import decode
from mlctl_core.reconcile.view import View

if TYPE_CHECKING:
    from mlctl_core.client.client import Client
    from mlctl_core.objects.json import Json
    from mlctl_core.objects.kinds import Kind
    from mlctl_core.reconcile.plan import Plan
    from mlctl_core.reconcile.planner import Planner

REGISTRY = "controllers.registry"
_FIELD_MANAGER = "mlctl-explain"
# A job is looked at once to pin what it is made of, and once more to create its children.
_MOST_PLANS = 4
_APPLY = "application/apply-patch+yaml"


async def explain(client: Client, file: str, namespace: str, *, size: str | None) -> str:
    """Return the children that the file's objects would have, as YAML.

    Args:
        client: of the cluster whose catalogue counts.
        file: a path, or ``-``.
        namespace: for objects that name none.
        size: also show the difference that this size makes.

    Raises:
        CommandError: there are no planners here, or none for the file's kind.
    """
    planners = _planners()
    parts = []
    for document in _documents(file):
        planner = planners.get(document.get("kind", ""))
        if planner is None:
            known = ", ".join(sorted(planners))
            raise CommandError(f"nothing plans kind {document.get('kind')!r}; known: {known}")
        stores = await _stores(client, planner)
        now = await _planned(client, planner, stores, document, namespace)
        parts.append(now)
        if size is not None:
            other = {**document, "spec": {**document["spec"], "size": size}}
            then = await _planned(client, planner, stores, other, namespace)
            parts.append(_difference(now, then, document["spec"].get("size", ""), size))
    return "\n---\n".join(parts)


def _planners() -> dict[str, Planner[Any]]:
    sys.path.insert(0, str(Path.cwd()))
    try:
        registry = importlib.import_module(REGISTRY)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{REGISTRY}.".startswith(f"{error.name}."):
            raise
        raise CommandError(
            f"explain needs the planners: run it where the module {REGISTRY} is", code=2
        ) from None
    return {planner.kind.name: planner for planner in registry.PLANNERS}


def _documents(file: str) -> list[Json]:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text()
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}") from None
    try:
        return [document for document in yaml.safe_load_all(text) if document]
    except yaml.YAMLError as error:
        raise CommandError(f"{file} is not YAML: {error}") from None


async def _stores(client: Client, planner: Planner[Any]) -> dict[Kind, Store]:
    """Return what the planner may read: the catalogue as it is, and no children yet."""
    stores = {kind: Store() for kind in planner.kinds}
    for kind in planner.kinds:
        if kind.namespaced:
            continue
        for raw in (await client.list_all(kind)).items:
            stores[kind].put(entry_of(raw))
    return stores


async def _planned(
    client: Client,
    planner: Planner[Any],
    stores: dict[Kind, Store],
    document: Json,
    namespace: str,
) -> str:
    """Return the first plan for the object that declares children, as YAML.

    A planner may first want a status on record; that is done here as the writer would.
    """
    obj = await _dry_run(client, planner.kind, document, namespace)
    for _ in range(_MOST_PLANS):
        plan = _plan(planner, stores, obj)
        if plan.apply or plan.status is None:
            break
        obj["status"] = {**obj.get("status", {}), **plan.status}
    if not plan.apply:
        status = obj.get("status", {})
        words = (status.get("reason", ""), status.get("message", "nothing would be created"))
        return f"# {obj['metadata']['name']}: {': '.join(w for w in words if w)}"
    return yaml.safe_dump_all(plan.apply, sort_keys=False).rstrip()


def _plan(planner: Planner[Any], stores: dict[Kind, Store], obj: Json) -> Plan:
    entry = entry_of(json.dumps(obj).encode())
    view = View(
        key=entry.key,
        now=SystemClock().now(),
        metadata=entry.metadata,
        stores=stores,
        classes=planner.classes,
    )
    return planner(decode(planner.cls, entry.raw), view)


async def _dry_run(client: Client, kind: Kind, document: Json, namespace: str) -> Json:
    """Return the object as the server would store it."""
    place = {"namespace": namespace} if kind.namespaced else {}
    metadata = {**place, **document["metadata"]}
    path = kind.path(metadata.get("namespace", ""), metadata["name"])
    params = {"fieldManager": _FIELD_MANAGER, "force": "true", "dryRun": "All"}
    raw = await client.request(
        "PATCH",
        path,
        params=params,
        body={**document, "metadata": metadata},
        content_type=_APPLY,
    )
    answer: Json = json.loads(raw)
    # As if it were new: how an earlier object of that name fares is not the question.
    answer.pop("status", None)
    return answer


def _difference(now: str, then: str, size: str, other: str) -> str:
    lines = difflib.unified_diff(
        now.splitlines(), then.splitlines(), f"size: {size}", f"size: {other}", lineterm="", n=1
    )
    return "\n".join(lines) or f"# size {other} makes no difference"
