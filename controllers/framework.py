"""The controller of Framework: says how many jobs use it, and whether its images are certain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apis.v1alpha1.framework import Framework, FrameworkStatus
from apis.v1alpha1.jvmjob import JVMJob
from apis.v1alpha1.pythonjob import PythonJob
from apis.v1alpha1.sparkjob import SparkJob
from apis.v1alpha1.tensorflowjob import TensorFlowJob
from controllers.catalogue.usage import Used
from mlctl_core.objects.codec import encode
from mlctl_core.objects.conditions import Condition, set_condition
from mlctl_core.objects.kinds import kind_of
from mlctl_core.objects.times import format_time
from mlctl_core.reconcile.plan import Plan
from mlctl_core.reconcile.planner import planner

if TYPE_CHECKING:
    from datetime import datetime

    from apis.v1alpha1.framework import Images
    from mlctl_core.reconcile.view import View

RECOUNT_SECONDS = 30.0
"""How late ``usedBy`` may be. Each change of it is a write, whatever the number of jobs."""

JOBS = tuple(map(kind_of, (JVMJob, PythonJob, SparkJob, TensorFlowJob)))
"""Kinds whose jobs name a framework."""


@planner(Framework, watches=JOBS)
def plan(framework: Framework, view: View) -> Plan:
    """What is to be said of a framework."""
    known = framework.status
    pinned = _pinned(framework.spec.images, view.now)
    status = FrameworkStatus(
        observed_generation=framework.metadata.generation,
        # Without a count the last one stands.
        used_by=view.facts.by if isinstance(view.facts, Used) else known.used_by,
        conditions=set_condition(known.conditions, pinned),
    )
    return Plan(status=encode(status), requeue_after=RECOUNT_SECONDS)


def _pinned(images: Images, now: datetime) -> Condition:
    given = {"images.cpu": images.cpu, "images.gpu": images.gpu}
    tags = [field for field, image in given.items() if image and "@" not in image]
    if not tags:
        return Condition(
            type="Pinned",
            status="True",
            reason="Digest",
            message="Every image is given by its digest: runs can be repeated.",
            last_transition_time=format_time(now),
        )
    return Condition(
        type="Pinned",
        status="False",
        reason="TagOnly",
        message=f"spec.{' and spec.'.join(tags)}: a tag may come to mean another image: add the "
        "digest (name:tag@sha256:…).",
        last_transition_time=format_time(now),
    )
