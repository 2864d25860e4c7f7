"""What carries out a plan, as those who hand plans over see it: its answers and its failures.

The writer is one such sink, the printer of a dry run another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import attrs

from mlctl_core.objects.keys import ObjectKey
from mlctl_core.objects.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlctl_core.reconcile.changes import Owner
    from mlctl_core.reconcile.plan import Plan, WriteFailure


class StaleError(Exception):
    """The server holds something newer than what the plan was made from. Normal; plan again."""


class RefusedError(Exception):
    """The server, or the rules of ownership, said no, and would say so again."""

    def __init__(self, failure: WriteFailure) -> None:
        super().__init__(f"{failure.kind.name} {failure.name}: {failure.message}")
        self.failure = failure


@attrs.frozen(kw_only=True)
class Written:
    """A write that the server has done, as the caches will come to show it."""

    kind: Kind
    key: ObjectKey
    uid: str
    resource_version: str
    """Of the object as written; empty for a delete that the server answered without one."""
    deleted: bool = False
    lingers: bool = False
    """A deleted object that stays for its grace or its finalizers, marked."""


class PlanSink(Protocol):
    """What carries out plans: the writer, or a printer of what would be written."""

    async def execute(
        self, owner: Owner, plan: Plan, failures: Sequence[WriteFailure] = ()
    ) -> Sequence[Written]:
        """Carry out ``plan``; see `Writer.execute`."""
        ...


class PartialError(Exception):
    """A plan was not carried out in whole.

    Attributes:
        written: What was written all the same.
        cause: The error of the write that failed.
        told: Whether the status was written all the same, as the planner knew of the failure.
    """

    def __init__(self, written: Sequence[Written], cause: Exception, *, told: bool = False) -> None:
        super().__init__(str(cause))
        self.written = tuple(written)
        self.cause = cause
        self.told = told
