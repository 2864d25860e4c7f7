"""The only place that writes: carries out what is left of a plan once no-ops are gone.

Promises, for every single write, that it cannot hit another object than the one that was seen
(UIDs, deterministic names), that fields of others are left alone, and that a write which the
server has answered with "nothing changed" is not sent again. That the lease is held is seen to
by the client, which has a guard. Does not promise that a plan is carried out in whole: it stops at
the first failure, and what is left is planned again from what then is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mlctl_core.client.errors import (
    AlreadyExistsError,
    ApiError,
    ConflictError,
    InvalidError,
    NotFoundError,
)
from mlctl_core.objects.metadata import decode_metadata
from mlctl_core.reconcile.changes import (
    Apply,
    Change,
    Create,
    Merge,
    Owner,
    Refused,
    Remove,
    adoption,
    changes,
    is_ours,
    name_taken,
)
from mlctl_core.reconcile.field_ownership import FieldOwnership
from mlctl_core.reconcile.no_ops import NoOps
from mlctl_core.reconcile.plan import Plan, WriteFailure
from mlctl_core.reconcile.sink import PartialError, RefusedError, StaleError, Written

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlctl_core.cache.store import Store
    from mlctl_core.client.client import Client
    from mlctl_core.objects.json import Json
    from mlctl_core.objects.kinds import Kind

# Answers that the same request would get again: bad, forbidden (also by quota), no such
# namespace or resource, too large, invalid. Whatever else goes wrong passes by itself.
_FINAL = frozenset({400, 403, 404, 405, 413, 415, 422})

# How an apply with a field that the schema lacks is answered, under status 500 (k/k's
# managedfields/internal/structuredmerge.go).
_NOT_TYPED = "failed to create typed patch object"


class Writer:
    """Writes the plans of one controller.

    Args:
        client: Where to write.
        stores: The caches of the kinds that the planner declared; plans are compared with them.
        field_manager: Under which name the server keeps account of our fields.
    """

    def __init__(
        self,
        client: Client,
        *,
        stores: Mapping[Kind, Store],
        field_manager: str,
    ) -> None:
        self._client = client
        self._stores = stores
        self._kinds = {str(kind): kind for kind in stores}
        self._manager = field_manager
        self._no_ops = NoOps()
        self._ownership = FieldOwnership(client, field_manager)

    async def execute(
        self, owner: Owner, plan: Plan, failures: Sequence[WriteFailure] = ()
    ) -> Sequence[Written]:
        """Send what ``plan`` changes; returns what was written, nothing in the steady state.

        A write that fails ends it: what comes later in the plan may count on it. Of a plan whose
        maker knew (``failures``) that this write was refused before, the status is written
        still, as that is where it is said, and only then this fails.

        Raises:
            PlanError, UndeclaredKindError: a mistake in the planner; nothing was written.
            PartialError: a write failed; tells what was written before. Its cause is
                `StaleError`, `RefusedError`, `LeaseLostError`, or an error of the client.
        """
        known = {failure.place for failure in failures}
        written: list[Written] = []
        refused: RefusedError | None = None
        for change in changes(owner, plan, self._stores, self._kinds):
            if refused is not None and not (isinstance(change, Merge) and change.own):
                continue
            try:
                done = await self._send(change)
            except RefusedError as error:
                if refused is not None or error.failure.place not in known:
                    raise PartialError(written, error) from error
                refused = error
            except Exception as error:
                raise PartialError(written, error) from error
            else:
                if done is not None:
                    written.append(done)
        if refused is not None:
            raise PartialError(written, refused, told=True) from refused
        return written

    async def _send(self, change: Change) -> Written | None:
        if isinstance(change, Refused):
            raise RefusedError(change.failure)
        try:
            if isinstance(change, Create):
                return await self._create(change)
            if isinstance(change, Apply):
                return await self._apply(change)
            if isinstance(change, Merge):
                return await self._merge(change)
            return await self._remove(change)
        except ConflictError as error:
            raise StaleError(str(error)) from error
        except InvalidError as error:
            # How the server says, to a patch, that the UID is another object's.
            if any(cause.get("field") == "metadata.uid" for cause in error.causes):
                raise StaleError(str(error)) from error
            raise _refused(change, error) from error
        except ApiError as error:
            if error.status in _FINAL or error.message.startswith(_NOT_TYPED):
                raise _refused(change, error) from error
            raise

    async def _create(self, create: Create) -> Written:
        try:
            # Strict: a field that is dropped now would have every later apply refused.
            raw = await self._client.create(
                create.kind,
                create.body,
                create.key.namespace,
                field_manager=self._manager,
                strict=True,
            )
        except AlreadyExistsError:
            raw = await self._adopted(create)
            correction = adoption(create, raw)
            if correction is not None and (done := await self._apply(correction)) is not None:
                return done
        return _written(create, raw)

    async def _adopted(self, create: Create) -> bytes:
        """The object of that name, when it is ours: made by a try whose answer was lost."""
        try:
            raw = await self._client.get(create.kind, create.key.name, create.key.namespace)
        except NotFoundError as error:
            raise StaleError(f"{create.kind} {create.key} came and went") from error
        metadata = decode_metadata(raw)
        if not is_ours(metadata, create.controller_uid):
            raise RefusedError(name_taken(create.kind, create.key, metadata, create.controller_uid))
        return raw

    async def _apply(self, apply: Apply) -> Written | None:
        if self._no_ops.knows(apply):
            return None
        await self._ownership.take_over(apply)
        raw = await self._client.apply(
            apply.kind, apply.body, field_manager=self._manager, force=True
        )
        return self._noted(apply, raw)

    async def _merge(self, merge: Merge) -> Written | None:
        if self._no_ops.knows(merge):
            return None
        try:
            raw = await self._client.patch(
                merge.kind,
                merge.key.name,
                merge.body,
                merge.key.namespace,
                subresource=merge.subresource,
                field_manager=self._manager,
            )
        except NotFoundError as error:
            if merge.own:
                raise StaleError(f"{merge.kind} {merge.key} is gone") from error
            return None
        return self._noted(merge, raw)

    async def _remove(self, remove: Remove) -> Written | None:
        try:
            raw = await self._client.delete(
                remove.kind,
                remove.key.name,
                remove.key.namespace,
                uid=remove.uid,
                resource_version=remove.resource_version or None,
                grace_period_seconds=remove.grace_period_seconds,
            )
        except NotFoundError:
            raw = b""
        answer: Json = msgspec.json.decode(raw) if raw else {}
        metadata = {} if answer.get("kind") == "Status" else answer.get("metadata") or {}
        return Written(
            kind=remove.kind,
            key=remove.key,
            uid=remove.uid,
            resource_version=metadata.get("resourceVersion", ""),
            deleted=True,
            lingers=bool(
                metadata.get("deletionTimestamp")
                and (metadata.get("finalizers") or metadata.get("deletionGracePeriodSeconds"))
            ),
        )

    def _noted(self, change: Apply | Merge, raw: bytes) -> Written | None:
        """What was written; None, and remembered, when the server says nothing changed."""
        done = _written(change, raw)
        if done.resource_version == change.resource_version:
            self._no_ops.remember(change)
            return None
        return done


def _written(change: Create | Apply | Merge, raw: bytes) -> Written:
    metadata = decode_metadata(raw)
    return Written(
        kind=change.kind,
        key=change.key,
        uid=metadata.uid,
        resource_version=metadata.resource_version,
    )


def _refused(change: Change, error: ApiError) -> RefusedError:
    return RefusedError(
        WriteFailure(
            kind=change.kind,
            name=change.key.name,
            namespace=change.key.namespace,
            status=error.status,
            reason=error.reason,
            message=error.message,
        )
    )
