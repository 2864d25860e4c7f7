"""The roles of a TensorFlowJob, and what becomes of the job when one of their replicas ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from apis.v1alpha1.tensorflowjob import TensorFlowRole, TensorFlowRoles
from controllers.jobs.job import Role
from controllers.tensorflow.tf_config import CHIEF, EVALUATOR, PARAMETER_SERVER, WORKER

if TYPE_CHECKING:
    from apis.v1alpha1.tensorflowjob import TensorFlowJob, TensorFlowJobSpec

_ONE_WORKER = TensorFlowRoles(worker=TensorFlowRole())


def roles(job: TensorFlowJob) -> tuple[Role, ...]:
    """The roles that have replicas, the one that leads first.

    Without parameter servers the job is a collective: when one replica is lost the others wait for
    it in vain, so all start anew. With them, and for an evaluator in any case, the lost one alone
    is replaced: it finds the variables, or the checkpoints, where they were.
    """
    spec = job.spec
    wanted = spec.roles or _ONE_WORKER
    served = wanted.ps is not None
    return tuple(
        Role(
            name=name,
            replicas=role.replicas,
            size=role.size or spec.size,
            size_field=f"spec.roles.{name}.size" if role.size else "spec.size",
            restart_policy=role.restart_policy,
            alone=served or name == EVALUATOR,
            decides=_decides(name, spec),
        )
        for name, role in (
            (CHIEF, wanted.chief),
            (WORKER, wanted.worker),
            (PARAMETER_SERVER, wanted.ps),
            (EVALUATOR, wanted.evaluator),
        )
        if role is not None and role.replicas > 0
    )


def _decides(name: str, spec: TensorFlowJobSpec) -> Literal["all", "first", "none"]:
    """Parameter servers never end by themselves, and an evaluator ends when it likes."""
    if name == CHIEF:
        return "all"
    if name != WORKER:
        return "none"
    if spec.success_policy == "AllWorkers":
        return "all"
    has_chief = spec.roles is not None and spec.roles.chief is not None
    return "none" if has_chief else "first"
