"""The lives that jobs may live: what users do and what happens to pods, each at its moment.

A life is a table's row. Its script waits for what the server shows, never for the manager, so it
goes on in the same way whatever becomes of that.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs
from inputs import DATASET, IDENTITY, JVM_JOB, of, secret
from killed_world import NAMESPACE, KilledWorld
from plane import condition, phase

from hack.demo.cluster import PYTHON_JOB, SPARK_JOB, TENSORFLOW_JOB
from mlctl_core.objects.kinds import POD, SECRET, Kind

ENDED = {"Succeeded", "Failed"}
METRIC = "accuracy=0.97"
SOURCE = {"entrypoint": "main.py", "source": {"inline": {"main.py": "print()"}}}
PYTHON = {"framework": "python", "size": "small", **SOURCE}
TORCH = {"framework": "torch", "size": "small", **SOURCE, "replicas": 2}
ELASTIC = {**TORCH, "elastic": {"min": 1, "max": 3}}


@attrs.frozen(eq=False)
class Stage:
    """A job in its world, and what a script may do to it. Pods are called ``worker-0/1``: by role,
    index and attempt."""

    world: KilledWorld
    kind: Kind
    name: str

    @property
    def job(self):
        """The job as it is, or None."""
        return self.world.witness.jobs.get(self.name)

    def pods(self):
        """Those there are, by role, index and attempt."""
        return {self._place(p["metadata"]): p for p in self.world.witness.pods.values()}

    def made(self):
        """All there ever were, in order."""
        seen = self.world.witness.seen.values()
        return [f"{self._short(p.name)}/{p.attempt}" for p in seen if f"-{self.name}-" in p.name]

    async def until(self, wanted):
        """Wait until the job satisfies `wanted`."""
        await self.world.witness.until(lambda: self.job is not None and wanted(self.job))

    async def reaches(self, *phases):
        """Wait until the job is in one of these phases."""
        await self.until(lambda job: phase(job) in phases)

    async def ends(self):
        """Wait until it has ended."""
        await self.reaches(*ENDED)

    async def gone(self):
        """Wait until there is no job and no pod."""
        await self.world.witness.until(lambda: self.job is None and not self.pods())

    async def runs(self, *places):
        """Wait until these pods run and the job's status says that all do."""
        for place in places:
            await self._running(place)
        await self.until(lambda job: condition(job, "PodsReady") == "True")

    async def end(self, *places, code=0):
        """Have pods end by themselves, as soon as they run."""
        for place in places:
            pod = await self._running(place)
            said = {"run-for": "0s", "exit-code": str(code), "log": METRIC}
            annotations = {f"sim.mlctl.dev/{key}": value for key, value in said.items()}
            patch = {"metadata": {"annotations": annotations}}
            await self.world.client.patch(POD, pod["metadata"]["name"], patch, NAMESPACE)

    async def lose(self, place):
        """Have somebody else delete a pod."""
        pod = await self._running(place)
        await self.world.client.delete(POD, pod["metadata"]["name"], NAMESPACE)

    async def edit(self, **spec):
        """Change the job's spec."""
        await self.world.client.patch(self.kind, self.name, {"spec": spec}, NAMESPACE)

    async def delete(self):
        """Delete the job."""
        await self.world.client.delete(self.kind, self.name, NAMESPACE)

    async def left(self, *places):
        """Wait until there are these pods and no others, and none is held."""
        await self.world.witness.until(
            lambda: (
                self.pods().keys() == set(places)
                and not any(p["metadata"].get("finalizers") for p in self.pods().values())
            )
        )

    async def _running(self, place):
        def running():
            pod = self.pods().get(place)
            return pod if pod and phase(pod) == "Running" else None

        return await self.world.witness.until(running)

    def _short(self, pod):
        return pod.partition(f"-{self.name}-")[2]

    def _place(self, metadata):
        return f"{self._short(metadata['name'])}/{metadata['labels'].get('mlctl.dev/attempt')}"


@attrs.frozen(kw_only=True)
class Life:
    """What a job is and goes through, and what must come of it."""

    kind: Kind
    spec: dict
    script: Callable[[Stage], Awaitable[None]]
    """Ends when nothing more is to happen by itself."""
    made: tuple[str, ...]
    """The pods that are ever created."""
    status: dict = attrs.field(factory=dict)
    """Some of the job's status at the end of the script; of one that is gone by then, nothing."""
    left: tuple[str, ...] = ()
    """The pods that are still there at the end."""
    objects: tuple = ()
    """What the namespace has before, each with its kind."""
    others: tuple[Kind, ...] = ()
    """Kinds beside its own that are looked after."""
    least: int
    """Writes of the manager that no such life does without."""


async def ends_well(stage):
    await stage.end("worker-0/1")
    await stage.ends()


async def all_end_well(stage):
    await stage.runs("worker-0/1", "worker-1/1")
    await stage.end("worker-0/1", "worker-1/1")
    await stage.ends()


async def is_served(stage):
    workers = ("chief-0/1", "worker-0/1", "worker-1/1")
    await stage.runs(*workers, "ps-0/1")
    await stage.end(*workers)
    await stage.ends()


async def drives(stage):
    await stage.end("driver/1")
    await stage.ends()


async def starts_anew(stage):
    await stage.runs("worker-0/1", "worker-1/1")
    await stage.end("worker-1/1", code=3)
    await stage.end("worker-0/2", "worker-1/2")
    await stage.ends()


async def loses_a_pod(stage):
    await stage.runs("worker-0/1", "worker-1/1")
    await stage.lose("worker-1/1")
    await stage.end("worker-0/2", "worker-1/2")
    await stage.ends()


async def replaces_a_pod(stage):
    await stage.runs("worker-0/1", "worker-1/1")
    first = stage.pods()["worker-1/1"]["metadata"]["uid"]
    await stage.end("worker-1/1", code=3)

    def is_another():
        pod = stage.pods().get("worker-1/1")
        return pod and pod["metadata"]["uid"] != first

    await stage.world.witness.until(is_another)
    await stage.end("worker-1/1", "worker-0/1")
    await stage.ends()


async def is_held(stage):
    await stage.runs("worker-0/1")
    await stage.edit(suspend=True)
    await stage.reaches("Suspended")
    await stage.left()
    await stage.edit(suspend=False)
    await stage.end("worker-0/2")
    await stage.ends()


async def grows_and_shrinks(stage):
    await stage.runs("worker-0/1")
    await stage.edit(replicas=3)
    await stage.until(lambda job: job["status"]["replicaStatuses"]["worker"].get("running") == 3)
    await stage.edit(replicas=1)
    await stage.world.witness.until(lambda: stage.pods().keys() == {"worker-0/1"})
    await stage.end("worker-0/1")
    await stage.ends()


async def is_deleted(stage):
    await stage.runs("worker-0/1", "worker-1/1")
    await stage.delete()
    await stage.gone()


async def fails(stage):
    await stage.runs("worker-0/1", "worker-1/1")
    await stage.end("worker-1/1", code=3)
    await stage.ends()


async def fails_twice(stage):
    await stage.end("worker-0/1", code=3)
    await stage.end("worker-0/2", code=4)
    await stage.ends()


async def runs_on(stage):
    await stage.runs("worker-0/1")
    await stage.ends()


async def is_forgotten(stage):
    await stage.end("worker-0/1")
    await stage.gone()


def status(phase_, restarts=0, infra=0, attempt=1, **more):
    return {
        "phase": phase_,
        "restarts": restarts,
        "infraRestarts": infra,
        "attempt": attempt,
        **more,
    }


GOOD = status("Succeeded")
ONE = ("worker-0/1",)
TWO = ("worker-0/1", "worker-1/1")
TWICE_TWO = (*TWO, "worker-0/2", "worker-1/2")

LIVES = {
    "python": Life(
        kind=PYTHON_JOB, spec=PYTHON, script=ends_well, made=ONE, status=GOOD, left=ONE, least=6
    ),
    "jvm": Life(
        kind=JVM_JOB,
        spec={
            "framework": "jvm",
            "size": "jvm",
            "entrypoint": "org.example.Main",
            "dependencies": ["https://example.org/main.jar"],
        },
        script=ends_well,
        made=ONE,
        status=GOOD,
        left=ONE,
        least=5,
    ),
    "data": Life(
        kind=PYTHON_JOB,
        spec={
            **PYTHON,
            "identity": "alice",
            "datasets": [{"name": "digits"}],
            "dependencies": ["pandas>=2"],
        },
        script=ends_well,
        made=ONE,
        status=GOOD,
        left=ONE,
        objects=(
            (SECRET, secret("token", token="0.5")),
            (
                IDENTITY,
                of(
                    IDENTITY,
                    "alice",
                    {"secrets": [{"name": "token", "env": [{"name": "TOKEN", "key": "token"}]}]},
                ),
            ),
            (DATASET, of(DATASET, "digits", {"uri": "s3://bucket/digits"})),
        ),
        others=(IDENTITY,),
        least=6,
    ),
    "torchrun": Life(
        kind=PYTHON_JOB, spec=TORCH, script=all_end_well, made=TWO, status=GOOD, left=TWO, least=9
    ),
    "tensorflow": Life(
        kind=TENSORFLOW_JOB,
        spec={
            "framework": "tensorflow",
            "size": "small",
            **SOURCE,
            "cleanPodPolicy": "All",
            "successPolicy": "AllWorkers",
            "roles": {"chief": {}, "worker": {"replicas": 2}, "ps": {}},
        },
        script=is_served,
        made=("chief-0/1", "ps-0/1", "worker-0/1", "worker-1/1"),
        status=GOOD,
        least=12,
    ),
    "spark": Life(
        kind=SPARK_JOB,
        spec={"framework": "spark", "size": "spark", **SOURCE},
        script=drives,
        made=("driver/1",),
        status=GOOD,
        left=("driver/1",),
        least=9,
    ),
    "starts-anew": Life(
        kind=PYTHON_JOB,
        spec={**TORCH, "backoffLimit": 1},
        script=starts_anew,
        made=TWICE_TWO,
        status=status("Succeeded", restarts=1, attempt=2),
        left=("worker-0/2", "worker-1/2"),
        least=16,
    ),
    "loses-a-pod": Life(
        kind=PYTHON_JOB,
        spec=TORCH,
        script=loses_a_pod,
        made=TWICE_TWO,
        status=status("Succeeded", infra=1, attempt=2),
        left=("worker-0/2", "worker-1/2"),
        least=16,
    ),
    "replaces-a-pod": Life(
        kind=PYTHON_JOB,
        spec={**ELASTIC, "backoffLimit": 1},
        script=replaces_a_pod,
        made=(*TWO, "worker-1/1"),
        status=status("Succeeded", restarts=1),
        left=TWO,
        least=12,
    ),
    "held": Life(
        kind=PYTHON_JOB,
        spec=PYTHON,
        script=is_held,
        made=("worker-0/1", "worker-0/2"),
        status=status("Succeeded", attempt=2),
        left=("worker-0/2",),
        least=10,
    ),
    "grows-and-shrinks": Life(
        kind=PYTHON_JOB,
        spec={**ELASTIC, "replicas": 1},
        script=grows_and_shrinks,
        made=("worker-0/1", "worker-1/1", "worker-2/1"),
        status=GOOD,
        left=ONE,
        least=14,
    ),
    "deleted": Life(kind=PYTHON_JOB, spec=TORCH, script=is_deleted, made=TWO, least=8),
    "fails": Life(
        kind=PYTHON_JOB,
        spec=TORCH,
        script=fails,
        made=TWO,
        status=status("Failed", reason="AppError"),
        left=("worker-1/1",),
        least=9,
    ),
    "fails-twice": Life(
        kind=PYTHON_JOB,
        spec={**PYTHON, "backoffLimit": 1, "cleanPodPolicy": "All"},
        script=fails_twice,
        made=("worker-0/1", "worker-0/2"),
        status=status("Failed", restarts=1, attempt=2, reason="BackoffLimitExceeded"),
        least=10,
    ),
    "deadline": Life(
        kind=PYTHON_JOB,
        spec={**PYTHON, "activeDeadlineSeconds": 60},
        script=runs_on,
        made=ONE,
        status=status("Failed", reason="DeadlineExceeded"),
        least=6,
    ),
    "forgotten": Life(
        kind=PYTHON_JOB,
        spec={**PYTHON, "ttlSecondsAfterFinished": 20},
        script=is_forgotten,
        made=ONE,
        least=7,
    ),
}
