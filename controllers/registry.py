"""Every controller of the application: the planners, each with its way to look outside.

Planners are pure, so it is here, not in their modules, that they meet what does I/O. The
rights that the application runs under are derived from this module.
"""

from __future__ import annotations

import attrs

from controllers import identity, pythonjob
from controllers.gpu.gauges import GpuGauges, JobGauges
from controllers.identities.observe import observe as observe_identity
from controllers.jobs.observe import observing
from mlctl_core.objects.kinds import NODE, POD

JOBS = (attrs.evolve(pythonjob.plan, observe=observing(pythonjob.wanted)),)
"""Those of the kinds of jobs."""

PLANNERS = (
    *JOBS,
    attrs.evolve(identity.plan, observe=observe_identity),
)
"""What `python -m controllers` runs."""

COLLECTORS = (
    (GpuGauges, (POD, NODE)),
    (JobGauges, tuple(planner.kind for planner in JOBS)),
)
"""Metrics computed from the caches, each with the kinds that it reads."""
