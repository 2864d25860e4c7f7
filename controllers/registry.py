"""Every controller of the application: the planners, each with its way to look outside.

Planners are pure, so it is here, not in their modules, that they meet what does I/O. The
rights that the application runs under are derived from this module.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from controllers import framework, identity, jvmjob, pythonjob, sparkjob, tensorflowjob
from controllers.catalogue.usage import Usage
from controllers.gpu.accounting import GPU_RESOURCES
from controllers.gpu.counters import JobGpuSeconds
from controllers.gpu.gauges import GpuGauges, JobGauges
from controllers.identities.observe import observe as observe_identity
from controllers.jobs.life import lifecycle
from controllers.jobs.observe import observing
from mlctl_core.clock import SystemClock
from mlctl_core.objects.kinds import NODE, POD

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from prometheus_client.registry import Collector

    from controllers.jobs.job import JobKind
    from mlctl_core.cache.store import Store
    from mlctl_core.objects.kinds import Kind
    from mlctl_core.reconcile.planner import Planner

    Collected: TypeAlias = tuple[Callable[[Mapping[Kind, Store]], Collector], tuple[Kind, ...]]

_KINDS = (
    (pythonjob.plan, pythonjob.PYTHON_JOB),
    (tensorflowjob.plan, tensorflowjob.TENSORFLOW_JOB),
    (jvmjob.plan, jvmjob.JVM_JOB),
    (sparkjob.plan, sparkjob.SPARK_JOB),
)


def _of_jobs(planner: Planner[Any], kind: JobKind, cluster_domain: str) -> Planner[Any]:
    here = attrs.evolve(kind, cluster_domain=cluster_domain)
    return attrs.evolve(
        planner,
        function=partial(_of_kind, lifecycle.plan, here),
        observe=observing(partial(_of_kind, lifecycle.wanted, here)),
    )


def _of_kind(function: Any, kind: JobKind, job: Any, view: Any) -> Any:
    return function(job, kind, view)


def _jobs(cluster_domain: str = "") -> tuple[Planner[Any], ...]:
    return tuple(_of_jobs(planner, kind, cluster_domain) for planner, kind in _KINDS)


JOBS = _jobs()
"""Those of the kinds of jobs."""


def planners(*, cluster_domain: str = "", all_namespaces: bool = True) -> tuple[Planner[Any], ...]:
    """What `python -m controllers` runs.

    Args:
        cluster_domain: completes the names of Services; see `ManagerOptions`.
        all_namespaces: whether every namespace is looked at. The catalogue belongs to all of
            them: who sees only some leaves its status to others.
    """
    found: tuple[Planner[Any], ...] = (
        *_jobs(cluster_domain),
        attrs.evolve(identity.plan, observe=observe_identity),
    )
    if not all_namespaces:
        return found
    usage = Usage(framework.JOBS)
    return (*found, attrs.evolve(framework.plan, observe=usage.observe))


PLANNERS = planners()
"""All of them, for what is derived from their declarations."""


def collectors(gpu_resources: re.Pattern[str] = GPU_RESOURCES) -> tuple[Collected, ...]:
    """Metrics computed from the caches, each with the kinds that it reads.

    Args:
        gpu_resources: matches the whole name of what counts as a GPU.
    """
    jobs = tuple(planner.kind for planner in JOBS)
    return (
        (partial(GpuGauges, resources=gpu_resources), (POD, NODE)),
        (JobGauges, jobs),
        (partial(JobGpuSeconds, clock=SystemClock()), (POD, *jobs)),
    )


COLLECTORS = collectors()
"""All of them, for what is derived from their declarations."""
