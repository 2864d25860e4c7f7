"""GPU time: of pods that the program makes by itself, and as a counter over all jobs."""

import copy
from datetime import UTC, datetime, timedelta

import attrs
import msgspec
import pytest
from gang_world import GangWorld, role
from prometheus_client import CollectorRegistry, generate_latest

from controllers.gpu import counters
from controllers.gpu.counters import JobGpuSeconds
from controllers.jobs import names
from controllers.jobs.life.replicas import COUNT_SECONDS
from controllers.pythonjob import PYTHON_JOB
from mlctl_core.cache.store import Entry, Store
from mlctl_core.objects.codec import encode
from mlctl_core.objects.kinds import POD
from mlctl_core.objects.metadata import decode_metadata
from mlctl_core.objects.times import format_time

SPARK = (
    role("driver"),
    role("executor", replicas=0, made_by_program=4, size="gpu-pair", decides="none"),
)


class SparkWorld(GangWorld):
    """A job whose driver runs and makes executors with two GPUs each."""

    def __init__(self, **spec):
        super().__init__(SPARK, framework="with-gpus", **spec)
        gpu = {"resource": "nvidia.com/gpu", "count": 2}
        size = {"cpu": "2", "memory": "8Gi", "gpu": gpu}
        self.add({"kind": "Size", "metadata": {"name": "gpu-pair"}, "spec": size})
        images = {"cpu": "example.com/cpu:1", "gpu": "example.com/gpu:1"}
        framework = {"type": "Python", "version": "1", "images": images}
        self.add({"kind": "Framework", "metadata": {"name": "with-gpus"}, "spec": framework})
        self.settle()
        self.start("driver-0")
        self.settle()

    def executor(self, name, *, bound=True):
        driver = self.pod("driver-0")["metadata"]
        owner = {"apiVersion": "v1", "kind": "Pod", "name": driver["name"], "uid": driver["uid"]}
        labels = {**driver["labels"], names.ROLE_LABEL: "executor"}
        metadata = {
            "name": name,
            "namespace": "default",
            "labels": labels,
            "ownerReferences": [{**owner, "controller": True}],
        }
        self.add({"kind": "Pod", "metadata": metadata, "spec": {}, "status": {"phase": "Pending"}})
        if bound:
            self.bind(name)

    def gpus_held(self):
        return self.status.program_gpus and self.status.program_gpus.held


class TestExecutors:
    """Pods that the program makes are the job's to pay for."""

    def test_they_are_charged_as_they_come_and_go_though_nothing_is_left_of_them(self):
        world = SparkWorld()
        world.executor("exec-1")
        world.executor("exec-2")
        world.settle()
        world.pass_time(COUNT_SECONDS)
        world.settle()
        world.pass_time(60 - COUNT_SECONDS)
        world.remove(POD, "exec-1")
        world.settle()
        assert (world.status.gpu_seconds, world.gpus_held()) == (2 * 60 + 2 * 60, 2)
        world.pass_time(40)
        world.remove(POD, "exec-2")
        world.end("driver-0")
        world.settle()
        assert world.status.phase == "Succeeded"
        assert world.status.gpu_seconds == 2 * 60 + 2 * 100
        assert world.status.program_gpus is None

    def test_those_that_are_still_there_at_the_end_are_charged_until_then(self):
        world = SparkWorld()
        world.executor("exec-1")
        world.settle()
        world.pass_time(30)
        world.end("driver-0")
        world.pass_time(5)
        world.settle()
        assert world.status.gpu_seconds == 2 * 30

    def test_one_that_ends_by_itself_is_charged_until_its_end(self):
        world = SparkWorld()
        world.executor("exec-1")
        world.settle()
        world.pass_time(20)
        world.finish(name="exec-1")
        world.pass_time(10)
        world.settle()
        assert (world.status.gpu_seconds, world.gpus_held()) == (2 * 20, 0)
        world.pass_time(10)
        world.remove(POD, "exec-1")
        world.end("driver-0")
        world.settle()
        assert world.status.gpu_seconds == 2 * 20

    def test_one_without_a_node_costs_nothing(self):
        world = SparkWorld()
        world.executor("exec-1", bound=False)
        world.settle()
        world.pass_time(60)
        world.bind("exec-1")
        world.settle()
        world.pass_time(10)
        world.end("driver-0")
        world.settle()
        assert world.status.gpu_seconds == 2 * 10

    def test_as_long_as_they_just_run_nothing_is_written(self):
        world = SparkWorld()
        world.executor("exec-1")
        for _ in range(2):
            world.settle()
            world.pass_time(60)
        before = len(world.writes)
        world.pass_time(3600)
        world.settle()
        assert len(world.writes) == before

    def test_many_that_come_one_by_one_cost_few_writes(self):
        world = SparkWorld()
        before = len(world.writes)
        for number in range(20):
            world.executor(f"exec-{number}")
            world.settle()
            world.pass_time(1)
        assert len(world.writes) - before <= 3
        world.end("driver-0")
        world.settle()
        assert world.status.gpu_seconds == 2 * sum(range(1, 21))

    def test_another_attempt_begins_its_own_count(self):
        world = SparkWorld(backoffLimit=1)
        world.executor("exec-1")
        world.settle()
        world.pass_time(50)
        world.end("driver-0", 1)
        world.settle()
        assert (world.status.gpu_seconds, world.status.program_gpus) == (100, None)
        world.remove(POD, "exec-1")
        world.pass_time(100)
        world.cluster_tidies()
        world.start("driver-0")
        world.settle()
        world.executor("exec-2")
        world.settle()
        world.pass_time(10)
        world.end("driver-0")
        world.settle()
        assert world.status.gpu_seconds == 100 + 20

    def test_a_job_that_is_held_pays_for_what_it_had(self):
        world = SparkWorld()
        world.executor("exec-1")
        world.settle()
        world.pass_time(15)
        world.edit(suspend=True)
        world.settle()
        assert (world.status.gpu_seconds, world.status.program_gpus) == (30, None)


START = datetime(2026, 1, 1, tzinfo=UTC)
JOB = PYTHON_JOB.kind


@attrs.define
class Clock:
    time: datetime = START

    def now(self):
        return self.time


class Metrics:
    """The counter over caches that a test fills."""

    def __init__(self):
        self.clock = Clock()
        self.stores = {POD: Store(), JOB: Store()}
        self.version = 0
        self.collector = JobGpuSeconds(self.stores, clock=self.clock)

    def listed(self):
        for store in self.stores.values():
            store.advance("1")

    def put(self, kind, obj):
        self.version += 1
        obj = copy.deepcopy(obj)
        obj["metadata"]["resourceVersion"] = str(self.version)
        raw = msgspec.json.encode(obj)
        self.stores[kind].put(Entry(raw=raw, metadata=decode_metadata(raw)))
        return obj

    def gone(self, kind, obj):
        raw = msgspec.json.encode(obj)
        self.stores[kind].remove(Entry(raw=raw, metadata=decode_metadata(raw)))

    def pass_time(self, seconds):
        self.clock.time += timedelta(seconds=seconds)

    def scraped(self):
        registry = CollectorRegistry()
        registry.register(self.collector)
        lines = generate_latest(registry).decode().splitlines()
        series = [line.removeprefix("mlctl_job_gpu_seconds_total") for line in lines]
        return dict(line.rsplit(" ", 1) for line in series if line.startswith("{"))

    def total(self):
        return sum(map(float, self.scraped().values()))


def job(name="a", *, project="", phase="Running", gpus=2, charged=0, **status):
    size = {"name": "gpu", "cpu": "1", "memory": "1Gi"}
    if gpus:
        size["gpu"] = {"resource": "nvidia.com/gpu", "count": gpus}
    return {
        "metadata": {
            "name": name,
            "namespace": "team",
            "uid": name,
            "annotations": {"mlctl.dev/project": project} if project else {},
        },
        "status": {
            "phase": phase,
            "attempt": 1,
            "size": size,
            **({"gpuSeconds": charged} if charged else {}),
            **status,
        },
    }


def pod(of="a", uid="p", *, role="worker", attempt=1, owner=None, bound=START):
    labels = {
        names.KIND_LABEL: JOB.name,
        names.NAME_LABEL: of,
        names.ROLE_LABEL: role,
        names.ATTEMPT_LABEL: str(attempt),
    }
    reference = {"apiVersion": "v1", "kind": "X", "name": "x", "uid": owner or of}
    condition = {"type": "PodScheduled", "status": "True", "lastTransitionTime": format_time(bound)}
    return {
        "metadata": {
            "name": uid,
            "namespace": "team",
            "uid": uid,
            "labels": labels,
            "ownerReferences": [{**reference, "controller": True}],
        },
        "spec": {"nodeName": "n"},
        "status": {"phase": "Running", "conditions": [condition]},
    }


@pytest.fixture
def metrics():
    made = Metrics()
    made.listed()
    made.scraped()
    return made


class TestTheCounter:
    """`mlctl_job_gpu_seconds_total`."""

    def test_it_moves_while_jobs_run_and_ends_at_what_is_on_record(self, metrics):
        metrics.put(JOB, job(project="vision"))
        metrics.put(POD, pod())
        series = '{kind="PythonJob",namespace="team",project="vision"}'
        assert metrics.scraped() == {series: "0.0"}
        metrics.pass_time(30)
        assert metrics.scraped() == {series: "60.0"}
        metrics.pass_time(30)
        metrics.put(JOB, job(project="vision", phase="Succeeded", charged=100))
        metrics.pass_time(30)
        assert metrics.scraped() == {series: "100.0"}

    def test_it_never_goes_back(self, metrics):
        made = metrics.put(JOB, job())
        metrics.put(POD, pod())
        metrics.pass_time(30)
        assert metrics.total() == 60
        ended = metrics.put(JOB, job(phase="Succeeded", charged=50))
        assert metrics.total() == 60
        metrics.gone(JOB, ended)
        assert metrics.total() == 60
        metrics.put(JOB, {**job(), "metadata": {**made["metadata"], "uid": "another"}})
        assert metrics.total() == 60

    def test_what_was_used_before_the_process_began_is_not_its_to_count(self):
        metrics = Metrics()
        metrics.put(JOB, job("old", phase="Succeeded", charged=500))
        metrics.put(JOB, job(charged=100))
        metrics.put(POD, pod())
        metrics.pass_time(10)
        assert metrics.scraped() == {}, "the caches are not filled yet"
        metrics.listed()
        assert metrics.total() == 0
        metrics.pass_time(10)
        assert metrics.total() == 20

    def test_a_job_that_came_and_ended_between_two_scrapes_is_counted(self, metrics):
        metrics.put(JOB, job(phase="Succeeded", charged=70))
        assert metrics.total() == 70

    def test_attempts_that_are_over_are_on_record_and_their_pods_add_nothing(self, metrics):
        metrics.put(POD, pod(attempt=1))
        metrics.put(POD, pod(uid="q", attempt=2, bound=START + timedelta(seconds=100)))
        metrics.pass_time(110)
        metrics.put(JOB, job(attempt=2, charged=200))
        assert metrics.total() == 200 + 2 * 10

    def test_a_pod_that_was_replaced_alone_is_on_record(self, metrics):
        metrics.put(POD, pod())
        metrics.put(JOB, job(charged=5, released=[{"pod": "p", "uid": "p"}]))
        metrics.pass_time(60)
        assert metrics.total() == 5

    def test_executors_count_from_where_the_record_ends(self, metrics):
        sizes = {"executor": {"gpu": {"count": 4}}}
        recorded = {"held": 4, "time": format_time(START + timedelta(seconds=50))}
        metrics.put(JOB, job(gpus=0, charged=200, roleSizes=sizes, programGpus=recorded))
        metrics.put(POD, pod(uid="driver", role="driver"))
        metrics.put(POD, pod(uid="exec", role="executor", owner="driver"))
        metrics.put(POD, pod(uid="strange", role="executor", owner="another driver"))
        metrics.pass_time(60)
        assert metrics.total() == 200 + 4 * 10

    def test_jobs_without_gpus_make_no_series(self, metrics):
        metrics.put(JOB, job(gpus=0))
        metrics.put(POD, pod())
        assert metrics.scraped() == {}

    def test_projects_that_users_make_up_do_not_make_series_without_end(self, metrics, monkeypatch):
        monkeypatch.setattr(counters, "MAX_SERIES", 2)
        for number in range(5):
            metrics.put(JOB, job(f"j{number}", project=f"p{number}", phase="Failed", charged=1))
        assert len(metrics.scraped()) == 3
        assert metrics.scraped()['{kind="PythonJob",namespace="team",project="(others)"}'] == "3.0"

    def test_it_reads_a_status_as_the_controllers_write_it(self, metrics):
        world = SparkWorld()
        world.executor("exec-1")
        world.settle()
        world.pass_time(30)
        status = msgspec.json.decode(msgspec.json.encode(encode(world.status)))
        metrics.put(JOB, {**job("mnist"), "status": status})
        driver = world.pod("driver-0")["metadata"]["uid"]
        metrics.put(POD, pod("mnist", driver, role="driver"))
        metrics.put(POD, pod("mnist", "e", role="executor", owner=driver))
        metrics.clock.time = world.now
        assert metrics.total() == 2 * 30
