"""Kinds of which a planner owns some objects and need not know the others.

Most namespaces have ConfigMaps and Secrets that are nobody's children. A cache limited by labels
holds ours alone, and costs what they are. Promises that nothing else becomes different: a
stranger's object of a name that a plan wants is still not touched, the server says that it is
there. A limit holds for the whole process, so it is dropped where another controller needs more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from mlctl_core.objects.kinds import Kind, kind_of
from mlctl_core.reconcile.changes import PlanError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlctl_core.reconcile.plan import Plan

Labels = tuple[tuple[str, str], ...]
"""Names and values, in order."""


def _labels(labels: Mapping[str, str]) -> Labels:
    return tuple(sorted(labels.items()))


@attrs.frozen
class Own:
    """An owned kind of which only objects with certain labels are cached.

    ``Own(CONFIG_MAP, labels={"app.kubernetes.io/managed-by": "website"})``: every object of the
    kind that plans apply must carry them.
    """

    kind: Kind = attrs.field(converter=kind_of)
    labels: Labels = attrs.field(kw_only=True, converter=_labels)

    @property
    def selector(self) -> str:
        """As the API takes it."""
        return ",".join(f"{name}={value}" for name, value in self.labels)


def refuse_unseen(limits: Iterable[Own], plan: Plan) -> None:
    """Check that what a plan applies will be seen once it is there.

    Raises:
        PlanError: an object lacks labels that the cache of its kind is limited to.
    """
    by_name = {str(own.kind): own for own in limits}
    for body in plan.apply:
        own = by_name.get(f"{body.get('apiVersion')}/{body.get('kind')}")
        labels = (body.get("metadata") or {}).get("labels") or {}
        if own is not None and any(labels.get(name) != value for name, value in own.labels):
            raise PlanError(
                f"the plan applies a {own.kind} without the labels {own.selector}, which its "
                "planner owns it by"
            )
