"""The cluster of the job tests with a job of several roles in it, of a kind made for the tests.

The kind reads its roles from an annotation of the job, so that a test can give it any, and
change them as a user would.
"""

from __future__ import annotations

import json
from datetime import timedelta

import attrs
from job_world import JOB, PLANNER, World

from apis.v1alpha1.framework import FrameworkType
from controllers.jobs import names
from controllers.jobs.job import JobKind, Program, Role
from controllers.jobs.life import lifecycle
from controllers.jobs.pod import services, source
from mlctl_core.objects.codec import decode
from mlctl_core.objects.core import Pod
from mlctl_core.objects.keys import ObjectKey
from mlctl_core.objects.kinds import POD
from mlctl_core.reconcile.changes import Create
from mlctl_core.reconcile.plan import WriteFailure

ROLES = "tests.example.com/roles"
PREFIX = "pyjob-mnist-"
ENDED = ("Succeeded", "Failed")


def role(name="worker", replicas=1, size="small", **rules):
    return Role(name=name, replicas=replicas, size=size, **rules)


def roles_of(job):
    return tuple(Role(**fields) for fields in json.loads(job.metadata.annotations[ROLES]))


def program(replica):
    return Program(command=("train", replica.role.name, str(replica.index)))


def children(job, _material):
    return [*source.code(job, KIND), *services.service(job, KIND)]


KIND = JobKind(
    kind=JOB,
    short_name="pyjob",
    frameworks=frozenset[FrameworkType](("Python",)),
    roles=roles_of,
    program=program,
    children=children,
)

COLLECTIVE = (role(replicas=3),)
"""All start anew when one is lost."""
SERVED = (
    role("chief", alone=True),
    role("worker", replicas=2, alone=True, decides="none"),
    role("ps", alone=True, decides="none"),
)
"""Each is replaced alone, and the chief's success is the job's."""
FIRST = ["worker-0/1", "worker-1/1", "worker-2/1"]
SECOND = ["worker-0/2", "worker-1/2", "worker-2/2"]
"""Pods of a collective's first two attempts, as `GangWorld.made` has them."""
ELASTIC = (role(replicas=3, alone=True, leader=True),)
"""Each is replaced alone, but for the first."""


class GangWorld(World):
    """A world with one job, ``mnist``; pods are called by role and index: ``worker-1``."""

    def __init__(self, roles=COLLECTIVE, **spec):
        super().__init__()
        self.refuse = lambda _pod: None
        self.logs["main"] = "accuracy=0.97"
        self.submit(annotations={ROLES: text(roles)}, **spec)

    # What users and the cluster do.

    def change_roles(self, *roles):
        obj = self.raw(JOB, "mnist")
        obj["metadata"]["annotations"][ROLES] = text(roles)
        obj["metadata"]["generation"] += 1
        self.put(JOB, obj)

    def names(self, *, unended=False):
        """The pods that there are, in the order of their names."""
        return sorted(
            pod["metadata"]["name"].removeprefix(PREFIX)
            for pod in self.pods()
            if not unended or pod.get("status", {}).get("phase") not in ENDED
        )

    def pod(self, name):
        return self.raw(POD, PREFIX + name) if self.has(name) else None

    def has(self, name):
        return self.exists(POD, PREFIX + name)

    def is_tracked(self, name):
        return names.TRACKING_FINALIZER in self.pod(name)["metadata"].get("finalizers", ())

    def is_deleted(self, name):
        return "deletionTimestamp" in self.pod(name)["metadata"]

    def start(self, *pods):
        """Let these run, or all that have not ended."""
        for pod in pods or self.names(unended=True):
            self.run(PREFIX + pod)

    def started_all(self, seconds=10):
        """Bring the job to where all its pods run."""
        self.settle()
        self.start()
        self.settle()
        self.pass_time(seconds)
        return self

    def restarted(self):
        """Bring a job that is restarting to where the next attempt runs."""
        self.cluster_tidies()
        self.pass_time(600)
        self.settle()
        return self.started_all()

    def replaced(self, pod):
        """Let a pod that was given up go, and the next come."""
        self.cluster_tidies()
        self.pass_time(600)
        self.settle()
        self.start(pod)
        self.settle()
        return self

    def end(self, pod, code=0, reason=""):
        self.finish(code, reason, name=PREFIX + pod)

    def lose(self, pod):
        """Take a pod away without a trace, as only somebody who forces it can."""
        self.remove(POD, PREFIX + pod)

    def hold_image(self, pod):
        self.bind(PREFIX + pod)
        self.container({"waiting": {"reason": "ImagePullBackOff"}}, PREFIX + pod)

    def evict(self, pod):
        self.phase("Failed", PREFIX + pod, reason="Evicted", message="The node was low on memory.")

    def cluster_tidies(self):
        """Kubelets end what is deleted, and the controller takes notice, until all is quiet."""
        for _ in range(4):
            self.kubelet_ends_deleted_pods()
            self.settle()

    # What the runtime does, with the tests' own kind.

    def plan(self, facts=None, name="mnist"):
        key = ObjectKey("default", name)
        entry = self.stores[JOB].get(key)
        if entry is None:
            return PLANNER.gone(key, self.view(key, None))
        job = decode(PLANNER.cls, entry.raw)
        facts = facts or self.facts(job, self.view(key, entry.metadata))
        return lifecycle.plan(job, KIND, self.view(key, entry.metadata, facts))

    def wanted(self, job, view):
        return lifecycle.wanted(job, KIND, view)

    def refusal(self, change):
        words = None
        if isinstance(change, Create) and change.kind == POD:
            words = self.refuse(change.key.name.removeprefix(PREFIX))
        if words is None:
            return super().refusal(change)
        return WriteFailure(
            kind=POD,
            name=change.key.name,
            namespace=change.key.namespace,
            status=403,
            reason="Forbidden",
            message=words,
        )

    # What a test asks.

    def made(self):
        """Every pod that was ever created, with its attempt: ``worker-1/2``."""
        return [
            f"{obj['metadata']['name'].removeprefix(PREFIX)}/"
            f"{obj['metadata']['labels'][names.ATTEMPT_LABEL]}"
            for kind, obj in self.created
            if kind == POD
        ]

    def writes_beyond_pods(self):
        return [w for w in self.writes if not (isinstance(w, Create) and w.kind == POD)]

    def history(self):
        return [
            (record.pod.removeprefix(PREFIX), record.reason, record.exit_code)
            for record in self.status.restart_history
        ]

    def counts(self, name="worker"):
        count = self.status.replica_statuses[name]
        return {
            field: getattr(count, field)
            for field in ("pending", "running", "succeeded", "failed")
            if getattr(count, field)
        }

    def decoded(self, name):
        return decode(Pod, self.server[POD].get(ObjectKey("default", PREFIX + name)).raw)

    def seconds(self, count):
        return self.now + timedelta(seconds=count)


def text(roles):
    return json.dumps([attrs.asdict(one) for one in roles])
