"""The one role of a PythonJob: its replicas, and what becomes of the others when one is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controllers.jobs.job import Role

if TYPE_CHECKING:
    from apis.v1alpha1.pythonjob import PythonJob


def roles(job: PythonJob) -> tuple[Role, ...]:
    """The workers.

    They are a collective, which starts anew as a whole. The rest of an elastic one goes on when
    one is lost, but not without worker 0, which holds the rendezvous.
    """
    spec = job.spec
    elastic = spec.elastic is not None
    return (Role(replicas=spec.replicas, size=spec.size, alone=elastic, leader=elastic),)
