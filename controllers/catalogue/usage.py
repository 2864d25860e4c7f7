"""How many jobs that have not ended name which framework, counted from the caches.

Nothing tells a framework of its jobs, so they are counted from time to time. A count is shared by
all frameworks and decodes only the jobs that have changed since the one before.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from apis.v1alpha1.framework import Framework
    from mlctl_core.client.client import Client
    from mlctl_core.objects.kinds import Kind
    from mlctl_core.reconcile.view import Unstructured, View

COUNTED_FOR = timedelta(seconds=5)
"""Frameworks are looked at one after another: as long as that takes, one count will do."""

_ENDED = frozenset(("Succeeded", "Failed"))


@attrs.frozen
class Used:
    """What was counted for one framework."""

    by: int


class Usage:
    """Counts, and remembers the last count and what each job said.

    Args:
        kinds: of jobs; all must be cached for whoever asks.
    """

    def __init__(self, kinds: Iterable[Kind]) -> None:
        self._kinds = tuple(kinds)
        self._known: dict[str, tuple[str, str | None]] = {}
        self._counts: Mapping[str, int] = {}
        self._counted: datetime | None = None

    async def observe(self, framework: Framework, view: View, _client: Client) -> Used:
        """The ``observe`` of a planner of frameworks."""
        if self._counted is None or view.now - self._counted >= COUNTED_FOR:
            self._counts = self._count(view)
            self._counted = view.now
        return Used(self._counts.get(framework.name, 0))

    def _count(self, view: View) -> Mapping[str, int]:
        before, self._known = self._known, {}
        for kind in self._kinds:
            for job in view.list(kind, ""):
                uid, version = job.metadata.uid, job.metadata.resource_version
                known = before.get(uid)
                if known is None or known[0] != version:
                    known = version, _framework_of(job)
                self._known[uid] = known
        return Counter(name for _, name in self._known.values() if name is not None)


def _framework_of(job: Unstructured) -> str | None:
    """The framework that a job uses; None for one that has ended."""
    obj = job.to_dict()
    if obj.get("status", {}).get("phase") in _ENDED:
        return None
    name = obj.get("spec", {}).get("framework")
    return name if isinstance(name, str) else None
