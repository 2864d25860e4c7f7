"""What of a plan must be sent: each write the cluster does not already answer to.

Pure: compares a plan with the caches at the instant it was made. The writer sends the result,
a dry run prints it. Ownership is decided here too: an object that another controls is never
written to, whatever the plan says.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import attrs
import msgspec

from mlctl_core.objects.json import DecodeError, Json
from mlctl_core.objects.keys import ObjectKey
from mlctl_core.objects.kinds import Kind
from mlctl_core.objects.metadata import Metadata, owner_reference
from mlctl_core.reconcile.diff import covers, merge_patch, patch_changes
from mlctl_core.reconcile.plan import NAME_TAKEN, Delete, Patch, Plan, WriteFailure
from mlctl_core.reconcile.view import UndeclaredKindError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlctl_core.cache.store import Entry, Store

APPLIED_ANNOTATION = "mlctl.dev/applied"
"""Digest of the object as it was last applied. A field that a plan no longer gives is still
there, so nothing would be missing; a digest that differs makes the apply that removes it, also
when the plan before was made by another release."""

_CONFLICT = 409


class PlanError(ValueError):
    """A plan that cannot be carried out as it stands: a mistake in the planner."""


@attrs.frozen(kw_only=True)
class Owner:
    """The object that a plan is for."""

    kind: Kind
    key: ObjectKey
    metadata: Metadata | None
    """None when the object is gone; it can own nothing then."""
    raw: bytes = b""


@attrs.frozen(kw_only=True)
class Create:
    """POST an object that the cache does not have."""

    kind: Kind
    key: ObjectKey
    body: Json
    controller_uid: str
    """Whose an object of that name must be to pass for this one; empty: known by annotation."""


@attrs.frozen(kw_only=True)
class Apply:
    """Server-side apply onto an object that is ours."""

    kind: Kind
    key: ObjectKey
    body: Json
    """With ``metadata.uid``, so that it never lands on another object of that name."""
    observed: Json
    resource_version: str


@attrs.frozen(kw_only=True)
class Merge:
    """Merge patch; also how a status is written."""

    kind: Kind
    key: ObjectKey
    body: Json
    subresource: str
    observed: Json
    resource_version: str
    """Of the cached object; empty when there is none."""
    own: bool = False
    """The status of the planned object itself, which cannot be gone without being news."""


@attrs.frozen(kw_only=True)
class Remove:
    """Delete, by UID."""

    kind: Kind
    key: ObjectKey
    uid: str
    resource_version: str
    grace_period_seconds: int | None


@attrs.frozen(kw_only=True)
class Refused:
    """An apply that is not even tried, since the object of that name is not ours."""

    kind: Kind
    key: ObjectKey
    failure: WriteFailure


Change = Create | Apply | Merge | Remove | Refused


def changes(
    owner: Owner, plan: Plan, stores: Mapping[Kind, Store], kinds: Mapping[str, Kind]
) -> list[Change]:
    """The writes of ``plan`` that would change something, in the order to send them.

    Args:
        owner: What the plan is for.
        plan: The plan.
        stores: The caches of all kinds that the planner declared.
        kinds: The same kinds by name, ``"apps/v1/Deployment"``.

    Raises:
        PlanError: the plan applies something that has no name, or that its owner cannot own, or
            it wants two things of one object.
        UndeclaredKindError: a kind that the planner did not declare.
    """
    _refuse_contradictions(owner, plan, kinds)
    candidates: list[Change | None] = []
    candidates += [_apply(owner, body, stores, kinds) for body in plan.apply]
    candidates += [_patch(owner, patch, _store(stores, patch.kind)) for patch in plan.patch]
    candidates += [_delete(owner, delete, _store(stores, delete.kind)) for delete in plan.delete]
    candidates.append(_status(owner, plan.status))
    return [change for change in candidates if change is not None]


def digest(value: Any) -> str:
    """A short digest of a JSON value that does not depend on the order of keys."""
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()[:16]


def is_ours(metadata: Metadata, controller_uid: str) -> bool:
    """Whether an object is one that a plan for this controller's UID may write to."""
    if controller_uid:
        controller = metadata.controller
        return controller is not None and controller.uid == controller_uid
    return metadata.controller is None and APPLIED_ANNOTATION in metadata.annotations


def adoption(create: Create, raw: bytes) -> Apply | None:
    """What is to be done to an object of ours that a create ran into; None when it is as wanted.

    The cache lacks it since it is new, or since it has lost the labels that the cache goes by.
    """
    observed: Json = msgspec.json.decode(raw)
    metadata = observed["metadata"]
    if metadata.get("deletionTimestamp") or covers(_without_type(create.body), observed):
        return None
    return Apply(
        kind=create.kind,
        key=create.key,
        body={**create.body, "metadata": {**create.body["metadata"], "uid": metadata["uid"]}},
        observed=observed,
        resource_version=metadata["resourceVersion"],
    )


def name_taken(kind: Kind, key: ObjectKey, metadata: Metadata, controller_uid: str) -> WriteFailure:
    """The failure to say that an object of that name exists and whose it is."""
    controller = metadata.controller
    whose = "nothing of ours"
    if controller is not None:
        # Names may be alike: an owner that was deleted and made anew finds what it left behind.
        whose = f"{controller.kind} {controller.name} with UID {controller.uid}"
        whose += f", not to UID {controller_uid}" if controller_uid else ""
    return WriteFailure(
        kind=kind,
        name=key.name,
        namespace=key.namespace,
        status=_CONFLICT,
        reason=NAME_TAKEN,
        message=f"{kind.name} {key} exists already and belongs to {whose}",
    )


def _refuse_contradictions(owner: Owner, plan: Plan, kinds: Mapping[str, Kind]) -> None:
    """Refuse two wishes for one object: each would undo the other, again and again."""
    applied: set[tuple[Kind, ObjectKey]] = set()
    for body in plan.apply:
        kind = _kind(body, kinds)
        place = (kind, _applied_key(owner, kind, body.get("metadata") or {}))
        if place in applied:
            raise PlanError(f"the plan applies {kind} {place[1]} twice")
        applied.add(place)
    for delete in plan.delete:
        place = (delete.kind, _key(owner, delete))
        if place in applied:
            raise PlanError(f"the plan both applies and deletes {delete.kind} {place[1]}")


def _apply(
    owner: Owner, body: Json, stores: Mapping[Kind, Store], kinds: Mapping[str, Kind]
) -> Change | None:
    kind = _kind(body, kinds)
    key, controller_uid, desired = _completed(owner, kind, body)
    entry = _store(stores, kind).get(key)
    if entry is None:
        return Create(kind=kind, key=key, body=desired, controller_uid=controller_uid)
    if not is_ours(entry.metadata, controller_uid):
        return Refused(
            kind=kind, key=key, failure=name_taken(kind, key, entry.metadata, controller_uid)
        )
    if entry.metadata.deletion_timestamp is not None:
        return None  # its end wakes the owner, and then it can be made anew
    observed = _decoded(entry)
    if covers(_without_type(desired), observed):
        return None
    desired["metadata"]["uid"] = entry.metadata.uid
    return Apply(
        kind=kind,
        key=key,
        body=desired,
        observed=observed,
        resource_version=entry.metadata.resource_version,
    )


def _kind(body: Json, kinds: Mapping[str, Kind]) -> Kind:
    name = f"{body.get('apiVersion')}/{body.get('kind')}"
    kind = kinds.get(name)
    if kind is None:
        raise PlanError(f"the plan applies a {name}: name it in the planner's owns")
    return kind


def _completed(owner: Owner, kind: Kind, body: Json) -> tuple[ObjectKey, str, Json]:
    """The object's key, the UID it must be controlled by, and a copy with what is implied."""
    metadata: Json = dict(body.get("metadata") or {})
    key = _applied_key(owner, kind, metadata)
    name = key.name
    if kind.namespaced:
        metadata["namespace"] = key.namespace
    if "ownerReferences" not in metadata:
        if owner.metadata is None:
            raise PlanError(f"{owner.kind.name} {owner.key} is gone and cannot own {kind} {name}")
        if owner.key.namespace and owner.key.namespace != key.namespace:
            raise PlanError(
                f"{owner.kind.name} {owner.key} cannot own {kind} {key}: an owner is in the same "
                "namespace or in none; give metadata.ownerReferences"
            )
        metadata["ownerReferences"] = [owner_reference(owner.kind, owner.metadata)]
    controller_uid = next(
        (r.get("uid", "") for r in metadata["ownerReferences"] if r.get("controller")), ""
    )
    desired = {**body, "metadata": metadata}
    annotations = {**(metadata.get("annotations") or {}), APPLIED_ANNOTATION: digest(desired)}
    metadata["annotations"] = annotations
    return key, controller_uid, desired


def _applied_key(owner: Owner, kind: Kind, metadata: Json) -> ObjectKey:
    """What an applied object is called; in its owner's namespace unless it names one."""
    name = metadata.get("name")
    if not isinstance(name, str) or not name:
        raise PlanError(f"the plan applies a {kind} without metadata.name")
    if not kind.namespaced:
        return ObjectKey("", name)
    namespace = metadata.get("namespace") or owner.key.namespace
    if not namespace:
        raise PlanError(f"the plan applies {kind} {name} without metadata.namespace")
    return ObjectKey(namespace, name)


def _without_type(body: Json) -> Json:
    """Items of a list come without apiVersion and kind, which the list says once."""
    return {name: value for name, value in body.items() if name not in ("apiVersion", "kind")}


def _patch(owner: Owner, patch: Patch, store: Store) -> Change | None:
    key = _key(owner, patch)
    entry = store.get(key)
    observed = {} if entry is None else _decoded(entry)
    if entry is not None and not patch_changes(observed, patch.body):
        return None
    return Merge(
        kind=patch.kind,
        key=key,
        body=_guarded(patch.body, patch.uid, patch.resource_version),
        subresource=patch.subresource,
        observed=observed,
        resource_version="" if entry is None else entry.metadata.resource_version,
    )


def _delete(owner: Owner, delete: Delete, store: Store) -> Change | None:
    key = _key(owner, delete)
    entry = store.get(key)
    if entry is None or (delete.uid and entry.metadata.uid != delete.uid):
        return None
    metadata = entry.metadata
    if metadata.deletion_timestamp is not None and not _shortens(delete, metadata):
        return None
    return Remove(
        kind=delete.kind,
        key=key,
        uid=metadata.uid,
        resource_version=delete.resource_version,
        grace_period_seconds=delete.grace_period_seconds,
    )


def _shortens(delete: Delete, metadata: Metadata) -> bool:
    """Whether a delete of an object that is going already makes it go sooner."""
    wanted, granted = delete.grace_period_seconds, metadata.deletion_grace_period_seconds
    return wanted is not None and granted is not None and wanted < granted


def _status(owner: Owner, status: Json | None) -> Change | None:
    if status is None or owner.metadata is None:
        return None
    observed: Json = msgspec.json.decode(owner.raw)
    difference = merge_patch(observed.get("status") or {}, status)
    if difference is None:
        return None
    return Merge(
        kind=owner.kind,
        key=owner.key,
        # A difference means something only against what it was taken from: written late, by a
        # leader that was deposed or after a time-out, it would mix two states into a third.
        body=_guarded({"status": difference}, owner.metadata.uid, owner.metadata.resource_version),
        subresource="status",
        observed=observed,
        resource_version=owner.metadata.resource_version,
        own=True,
    )


def _guarded(body: Json, uid: str, resource_version: str) -> Json:
    """``body`` with preconditions: the server refuses to change either field."""
    guards = {"uid": uid, "resourceVersion": resource_version}
    guards = {name: value for name, value in guards.items() if value}
    if not guards:
        return body
    return {**body, "metadata": {**(body.get("metadata") or {}), **guards}}


def _key(owner: Owner, write: Patch | Delete) -> ObjectKey:
    if not write.kind.namespaced:
        return ObjectKey("", write.name)
    namespace = owner.key.namespace if write.namespace is None else write.namespace
    if not namespace:
        raise PlanError(f"{write.kind} {write.name} is written to without a namespace")
    return ObjectKey(namespace, write.name)


def _store(stores: Mapping[Kind, Store], kind: Kind) -> Store:
    store = stores.get(kind)
    if store is None:
        raise UndeclaredKindError(kind)
    return store


def _decoded(entry: Entry) -> Json:
    if entry.undecodable:
        raise DecodeError(f"{entry.key}: {entry.undecodable}")
    value: Json = msgspec.json.decode(entry.raw)
    return value
