"""Every controller of the application: the planners, each with its way to look outside.

Planners are pure, so it is here, not in their modules, that they meet what does I/O. The
rights that the application runs under are derived from this module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from controllers import framework, identity, pythonjob
from controllers.catalogue.usage import Usage
from controllers.gpu.gauges import GpuGauges, JobGauges
from controllers.identities.observe import observe as observe_identity
from controllers.jobs.observe import observing
from mlctl_core.objects.kinds import NODE, POD

if TYPE_CHECKING:
    from mlctl_core.reconcile.planner import Planner

JOBS = (attrs.evolve(pythonjob.plan, observe=observing(pythonjob.wanted)),)
"""Those of the kinds of jobs."""


def planners(*, all_namespaces: bool = True) -> tuple[Planner[Any], ...]:
    """What `python -m controllers` runs.

    Args:
        all_namespaces: whether every namespace is looked at. The catalogue belongs to all of
            them: who sees only some leaves its status to others.
    """
    found: tuple[Planner[Any], ...] = (
        *JOBS,
        attrs.evolve(identity.plan, observe=observe_identity),
    )
    if not all_namespaces:
        return found
    usage = Usage(framework.JOBS)
    return (*found, attrs.evolve(framework.plan, observe=usage.observe))


PLANNERS = planners()
"""All of them, for what is derived from their declarations."""

COLLECTORS = (
    (GpuGauges, (POD, NODE)),
    (JobGauges, tuple(planner.kind for planner in JOBS)),
)
"""Metrics computed from the caches, each with the kinds that it reads."""
