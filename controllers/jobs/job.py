"""What the parts shared by all batch kinds need to know of a job, and of a kind of jobs.

A kind is a bundle of pure functions: which roles its jobs have, what a replica runs, and what
else there is beside the pods. Everything else, from the first pod to the last, is shared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import attrs

from apis.v1alpha1.framework import FrameworkType
from apis.v1alpha1.identity import Identity
from apis.v1alpha1.status import JobStatus
from controllers.jobs import names
from controllers.jobs.life.outcome import Outcome
from controllers.jobs.pod.parts import Parts
from controllers.jobs.pod.tools import Tools
from mlctl_core.objects.json import Json
from mlctl_core.objects.kinds import Kind

if TYPE_CHECKING:
    from apis.v1alpha1.common import JobSpec
    from controllers.jobs.material import Material  # noqa: TC004 (it imports this module)
    from mlctl_core.objects.metadata import Metadata
    from mlctl_core.reconcile.view import View

RestartPolicy: TypeAlias = Literal["Never", "OnFailure", "ExitCode"]
"""What follows a replica's failure of its own, within the job's backoffLimit."""

ROLE = "worker"
"""The role of a pod in a kind without roles of its own."""


class Job(Protocol):
    """A job of any batch kind, as decoded: metadata, the common spec, the common status."""

    @property
    def metadata(self) -> Metadata:
        """Name, namespace, UID and so on."""
        ...

    @property
    def spec(self) -> JobSpec:
        """What all kinds of jobs specify; a kind's own fields come on top."""
        ...

    @property
    def status(self) -> JobStatus:
        """Where the job is."""
        ...


@attrs.frozen
class Refusal:
    """Why a job cannot go on for now: a reason, and a sentence with the field and the fix."""

    reason: str
    message: str


@attrs.frozen(kw_only=True)
class Role:
    """Replicas of a job that are alike."""

    name: str = ROLE
    replicas: int = 1
    made_by_program: int = 0
    """Pods of the role that the program makes by itself: counted, and never made here."""
    size: str
    """Name of the Size that each pod gets."""
    size_field: str = "spec.size"
    """Where the job says so, for messages."""
    restart_policy: RestartPolicy = "OnFailure"
    alone: bool = False
    """Whether a replica that failed is replaced alone; else the whole gang starts anew."""
    leader: bool = False
    """Whether nevertheless the gang starts anew when replica 0 fails."""
    decides: Literal["all", "first", "none"] = "all"
    """Whose success the job's success takes: each replica's, replica 0's, or none's."""

    def restarts_alone(self, index: int) -> bool:
        """Whether the failure of that replica is its own affair."""
        return self.alone and not (self.leader and index == 0)

    def is_decisive(self, index: int) -> bool:
        """Whether the job succeeds only if that replica does."""
        return self.decides == "all" or (self.decides == "first" and index == 0)


@attrs.frozen(kw_only=True)
class Replica:
    """One place in a job, to be filled with a pod."""

    job: Job
    kind: JobKind
    roles: tuple[Role, ...]
    """All roles of the job."""
    role: Role
    index: int
    attempt: int
    material: Material

    @property
    def pod_name(self) -> str:
        """The same for every attempt."""
        return self.kind.pod_name(self.job.metadata.name, self.role.name, self.index)

    def host(self, role: str, index: int) -> str:
        """Where a replica of the same job is found."""
        job = self.job.metadata
        service = names.prefix(self.kind.short_name, job.name)
        pod = self.kind.pod_name(job.name, role, index)
        return names.host(pod, service, job.namespace, self.kind.cluster_domain)


@attrs.frozen(kw_only=True)
class Program:
    """What a replica's main container runs."""

    command: tuple[str, ...]
    env: tuple[Json, ...] = ()
    """Variables that are the protocol's: they win over the user's."""
    ports: tuple[tuple[str, int], ...] = ()
    """Names and numbers."""
    parts: Parts = attrs.field(factory=Parts)
    """What the kind adds to the pod besides."""
    service_account: str = ""
    """Whose token the pod gets; none by default."""


def one_worker(job: Job) -> tuple[Role, ...]:
    """The roles of a kind whose jobs are one pod."""
    return (Role(size=job.spec.size),)


def no_refusal(_job: Job, _material: Material, _view: View) -> Refusal | None:
    """Of a kind that finds nothing wrong beyond what all find."""
    return None


def no_words(_job: Job, outcome: Outcome, _output: str) -> Outcome:
    """Of a kind whose programs say nothing about their failures that is to be understood."""
    return outcome


def no_links(_job: Job, _status: JobStatus) -> Mapping[str, str]:
    """Of a kind whose programs show nothing of themselves."""
    return {}


@attrs.frozen(kw_only=True)
class JobKind:
    """What sets one batch kind apart."""

    kind: Kind
    short_name: str
    """Begins the names of its children: ``pyjob``."""
    frameworks: frozenset[FrameworkType]
    """Families of frameworks that can run it."""
    roles: Callable[[Any], tuple[Role, ...]] = one_worker
    """In the order in which pods are created; the first decisive replica tells the metrics."""
    program: Callable[[Replica], Program]
    children: Callable[[Any, Any], list[Json]]
    """What is applied beside the pods, before them."""
    refuse: Callable[[Any, Any, Any], Refusal | None] = no_refusal
    """What only this kind can find wrong with a job before its pods are made."""
    explain: Callable[[Any, Outcome, str], Outcome] = no_words
    """What a failed program's output adds to how it ended."""
    cluster_domain: str = ""
    """The cluster's DNS domain, where it is known."""
    identity: Callable[[Identity, Tools], Parts] | None = None
    """What an identity brings into each pod; None is a ticket and what keeps it fresh."""
    links: Callable[[Any, JobStatus], Mapping[str, str]] = no_links
    """Where people see more of a job in that state, by what it is."""
    pod_names: Callable[[str, str, int], str] | None = None
    """Name of a pod by job, role and index, where it is not the usual one."""

    def pod_name(self, job: str, role: str, index: int) -> str:
        """The name of a replica's pod, the same for every attempt."""
        if self.pod_names:
            return self.pod_names(job, role, index)
        return names.pod_name(self.short_name, job, role, index)
