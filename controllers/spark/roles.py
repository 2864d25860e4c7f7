"""The roles of a SparkJob: the driver, and the executors that it makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controllers.jobs.job import Role

if TYPE_CHECKING:
    from apis.v1alpha1.sparkjob import SparkJob

DRIVER, EXECUTOR = "driver", "executor"


def roles(job: SparkJob) -> tuple[Role, ...]:
    """The driver, whose end is the job's; and executors, which it makes by itself."""
    spec = job.spec
    return (
        Role(
            name=DRIVER,
            size=spec.driver.size or spec.size,
            size_field="spec.driver.size" if spec.driver.size else "spec.size",
        ),
        Role(
            name=EXECUTOR,
            replicas=0,
            made_by_program=spec.dynamic_allocation.max
            if spec.dynamic_allocation
            else spec.executor.instances,
            size=spec.executor.size or spec.size,
            size_field="spec.executor.size" if spec.executor.size else "spec.size",
            decides="none",
        ),
    )


def pod_name(prefix: str, role: str) -> str:
    """The pod of a role that has one: ``sparkjob-count-driver``."""
    return f"{prefix}-{role}"
