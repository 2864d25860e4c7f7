"""``mlctl explain``: what a file would create, planned here and written nowhere.

The server checks and defaults the object by a dry run, as if it were new; the plan is then made
by the same pure planner that the manager runs, on the cluster's catalogue as it is now.
"""

from __future__ import annotations

import difflib
import importlib
import json
import string
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlctl_core.cache.entries import entry_of
from mlctl_core.cache.store import Store
from mlctl_core.cli.errors import CommandError
from mlctl_core.cli.files import documents
from mlctl_core.cli.output import yaml_documents
from mlctl_core.client.errors import AlreadyExistsError, ForbiddenError
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
_DRY_RUN = {"dryRun": "All", "fieldManager": "mlctl-explain", "fieldValidation": "Strict"}
# A job is looked at once to pin what it is made of, and once more to create its children.
_MOST_PLANS = 4


async def explain(client: Client, file: str, namespace: str, *, size: str | None) -> str:
    """Return the children that the file's objects would have, as YAML.

    Args:
        client: of the cluster whose catalogue counts.
        file: a path, or ``-``.
        namespace: for objects that name none.
        size: also show the difference that this size makes.

    Raises:
        CommandError: there are no planners here, or none for the file's kind.
        InvalidError: the server refuses the object.
    """
    planners = _planners()
    parts = []
    for document in documents(file):
        planner = planners.get(document["kind"])
        if planner is None:
            known = ", ".join(sorted(planners))
            raise CommandError(f"{file}: nothing plans kind {document['kind']}; known: {known}")
        stores = await _stores(client, planner)
        now = await _planned(client, planner, stores, document, namespace)
        parts.append(now)
        if size is not None:
            spec = document.get("spec") or {}
            other = {**document, "spec": {**spec, "size": size}}
            then = await _planned(client, planner, stores, other, namespace)
            parts.append(_difference(now, then, str(spec.get("size", "")), size))
    return "\n---\n".join(parts)


def _planners() -> dict[str, Planner[Any]]:
    # A command's own folder is on the path, the one it is called in is not.
    sys.path.insert(0, str(Path.cwd()))
    try:
        registry = importlib.import_module(REGISTRY)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{REGISTRY}.".startswith(f"{error.name}."):
            raise
        raise CommandError(
            f"explain needs the planners: run it where the module {REGISTRY} is", code=2
        ) from None
    return {planner.kind.name: planner for planner in registry.JOBS}


async def _stores(client: Client, planner: Planner[Any]) -> dict[Kind, Store]:
    """Return what the planner may read: the catalogue as it is, and no children yet."""
    stores = {kind: Store() for kind in planner.kinds}
    for kind in planner.kinds:
        if kind.namespaced:
            continue
        try:
            page = await client.list_all(kind)
        except ForbiddenError:
            # Nodes, which few people may list: what a new object needs of them is nothing.
            continue
        for raw in page.items:
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
    obj = await _as_stored(client, planner.kind, document, namespace)
    for _ in range(_MOST_PLANS):
        plan = await _plan(client, planner, stores, obj)
        if plan.apply or plan.status is None:
            break
        obj["status"] = {**obj.get("status", {}), **plan.status}
    heading = f"# {planner.kind.name} {obj['metadata']['name']}: "
    status = obj.get("status", {})
    if plan.apply:
        return heading + _makings(status | (plan.status or {})) + "\n" + yaml_documents(plan.apply)
    words = (status.get("reason"), status.get("message"))
    return heading + (": ".join(word for word in words if word) or "nothing would be created")


async def _plan(
    client: Client, planner: Planner[Any], stores: dict[Kind, Store], obj: Json
) -> Plan:
    entry = entry_of(json.dumps(obj).encode())
    typed = decode(planner.cls, entry.raw)
    view = View(
        key=entry.key,
        now=SystemClock().now(),
        metadata=entry.metadata,
        stores=stores,
        classes=planner.classes,
    )
    if planner.observe is not None:
        facts = await planner.observe(typed, view, client)
        view = View(
            key=view.key,
            now=view.now,
            metadata=entry.metadata,
            stores=stores,
            classes=planner.classes,
            facts=facts,
        )
    return planner(typed, view)


async def _as_stored(client: Client, kind: Kind, document: Json, namespace: str) -> Json:
    """Return the object as the server would store it, were it new.

    How an earlier object of its name fares, and what may not change while that one runs, is
    not the question; where there is one, a stand-in of as long a name is asked for.
    """
    metadata = {"namespace": namespace} if kind.namespaced else {}
    metadata |= document["metadata"]
    name = metadata["name"]
    path = kind.path(metadata.get("namespace", ""))
    for stand_in in (name, *(name[:-1] + last for last in string.ascii_lowercase)):
        body = {**document, "metadata": {**metadata, "name": stand_in}}
        try:
            raw = await client.request("POST", path, params=_DRY_RUN, body=body)
        except AlreadyExistsError:
            continue
        answer: Json = json.loads(raw)
        answer["metadata"]["name"] = name
        return answer
    raise CommandError(f"there is a {kind.name} {name} already, and others of names like it")


def _makings(status: Json) -> str:
    """Return what the plan was made of, as far as the status pins it."""
    framework, size = status.get("framework", {}), status.get("size", {})
    parts = []
    if framework:
        parts.append(f"framework {framework.get('name')} is image {framework.get('image')}")
    if resources := status.get("resources"):
        amounts = ", ".join(f"{name} {amount}" for name, amount in resources.items())
        parts.append(f"size {size.get('name')} is {amounts}")
    return "; ".join(parts) or "would create"


def _difference(now: str, then: str, size: str, other: str) -> str:
    if not _creates(then) or not _creates(now):
        return then
    lines = difflib.unified_diff(
        now.splitlines(), then.splitlines(), f"size: {size}", f"size: {other}", lineterm="", n=1
    )
    return "\n".join(lines) or f"# size {other} makes no difference"


def _creates(text: str) -> bool:
    return "\n" in text
