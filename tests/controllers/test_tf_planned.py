"""TensorFlowJobs as they are planned: who is told what of the cluster, and whose end is whose."""

import json

import pytest
from kind_world import KindWorld, ours

from mlctl_core.objects.kinds import POD, SERVICE

PREFIX = "tfjob-mnist-"
IMAGES = {"cpu": "example.org/tf:1", "gpu": "example.org/tf:1-gpu"}


def planned(roles=None, options=None, **spec):
    world = KindWorld("TensorFlowJob", framework="mine", roles=roles, **spec)
    framework = {"type": "TensorFlow", "version": "1", "images": IMAGES}
    world.add(ours("Framework", "mine", {**framework, "tensorflow": options or {}}))
    world.settle()
    return world


def running(roles=None, **spec):
    return planned(roles, **spec).run_all()


def configs(world):
    """TF_CONFIG of each pod, by role and index; None where there is none."""
    found = {}
    for pod in world.pods():
        [main] = pod["spec"]["containers"]
        texts = [v["value"] for v in main["env"] if v["name"] == "TF_CONFIG"]
        name = pod["metadata"]["name"].removeprefix(PREFIX)
        found[name] = json.loads(texts[0]) if texts else None
    return found


def hosts(role, *indices):
    return [f"{PREFIX}{role}-{index}.tfjob-mnist.default.svc:2222" for index in indices]


def task(name):
    role, index = name.rsplit("-", 1)
    return {"type": role, "index": int(index)}


def full(name, **cluster):
    return {"cluster": cluster, "task": task(name), "environment": "cloud"}


def sparse(name, **cluster):
    return {"cluster": cluster, "task": task(name)}


CHIEF, PS, EVALUATOR = hosts("chief", 0), hosts("ps", 0, 1), hosts("evaluator", 0)
WORKERS = hosts("worker", 0, 1)
EVERY_ROLE = {"chief": {}, "worker": {"replicas": 2}, "ps": {"replicas": 2}, "evaluator": {}}
TRAINING = {"chief": CHIEF, "worker": WORKERS, "ps": PS}
ALL = ("chief-0", "worker-0", "worker-1", "ps-0", "ps-1", "evaluator-0")

CLUSTERS = {
    "two workers": (
        {"worker": {"replicas": 2}},
        {},
        {name: full(name, worker=WORKERS) for name in ("worker-0", "worker-1")},
    ),
    "a chief and two workers": (
        {"chief": {}, "worker": {"replicas": 2}},
        {},
        {
            name: full(name, chief=CHIEF, worker=WORKERS)
            for name in ("chief-0", "worker-0", "worker-1")
        },
    ),
    "a chief with parameter servers": (
        {"chief": {}, "ps": {"replicas": 2}},
        {},
        {name: full(name, chief=CHIEF, ps=PS) for name in ("chief-0", "ps-0", "ps-1")},
    ),
    "every role": (
        EVERY_ROLE,
        {},
        {
            **{name: full(name, **TRAINING) for name in ALL},
            "evaluator-0": full("evaluator-0", **TRAINING, evaluator=EVALUATOR),
        },
    ),
    "every role of a framework that lists the evaluator": (
        EVERY_ROLE,
        {"evaluatorInCluster": True},
        {name: full(name, **TRAINING, evaluator=EVALUATOR) for name in ALL},
    ),
    "every role of a framework whose workers come and go": (
        EVERY_ROLE,
        {"sparseClusterSpec": True},
        {
            "chief-0": sparse("chief-0", worker={}, ps=PS, chief=CHIEF),
            "worker-0": sparse("worker-0", worker={"0": WORKERS[0]}, ps=PS),
            "worker-1": sparse("worker-1", worker={"1": WORKERS[1]}, ps=PS),
            "ps-0": sparse("ps-0", worker={}, ps=PS[:1]),
            "ps-1": sparse("ps-1", worker={}, ps=PS[1:]),
            "evaluator-0": sparse("evaluator-0", worker={}, ps=PS, evaluator=EVALUATOR),
        },
    ),
    "one worker beside an evaluator": (
        {"worker": {}, "evaluator": {}},
        {},
        {
            "worker-0": full("worker-0", worker=WORKERS[:1]),
            "evaluator-0": full("evaluator-0", worker=WORKERS[:1], evaluator=EVALUATOR),
        },
    ),
    "one worker": ({"worker": {}}, {}, {"worker-0": None}),
    "one worker of a framework whose workers come and go": (
        {"worker": {}},
        {"sparseClusterSpec": True},
        {"worker-0": None},
    ),
    "a chief alone": ({"chief": {}}, {}, {"chief-0": None}),
    "no roles": (None, {}, {"worker-0": None}),
}


@pytest.mark.parametrize(("roles", "options", "wanted"), CLUSTERS.values(), ids=CLUSTERS)
def test_each_replica_is_told_of_its_cluster(roles, options, wanted):
    world = planned(roles, options)
    assert configs(world) == wanted
    assert world.exists(SERVICE, "tfjob-mnist") is (len(wanted) > 1)


def test_it_is_told_in_one_spelling_to_the_byte():
    world = planned({"worker": {}, "ps": {}})
    [main] = world.raw(POD, f"{PREFIX}worker-0")["spec"]["containers"]
    [text] = [v["value"] for v in main["env"] if v["name"] == "TF_CONFIG"]
    assert text == (
        '{"cluster":{"ps":["tfjob-mnist-ps-0.tfjob-mnist.default.svc:2222"],'
        '"worker":["tfjob-mnist-worker-0.tfjob-mnist.default.svc:2222"]},'
        '"task":{"type":"worker","index":0},"environment":"cloud"}'
    )
    assert main["ports"] == [{"name": "tensorflow", "containerPort": 2222}]


def test_a_role_has_the_size_that_it_says_and_the_image_that_goes_with_it():
    world = planned({"worker": {"size": "gpu-small"}, "ps": {}})
    [worker] = world.raw(POD, f"{PREFIX}worker-0")["spec"]["containers"]
    [server] = world.raw(POD, f"{PREFIX}ps-0")["spec"]["containers"]
    assert (worker["image"], server["image"]) == (IMAGES["gpu"], IMAGES["cpu"])
    assert worker["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert world.status.resources["nvidia.com/gpu"] == "1"


ENDS = [
    ({"worker": {"replicas": 2}}, {}, ["worker-1"], "Running"),
    ({"worker": {"replicas": 2}}, {}, ["worker-0"], "Succeeded"),
    ({"chief": {}, "worker": {}}, {}, ["worker-0"], "Running"),
    ({"chief": {}, "worker": {}}, {}, ["chief-0"], "Succeeded"),
    (EVERY_ROLE, {}, ["evaluator-0", "worker-0"], "Running"),
    (EVERY_ROLE, {}, ["chief-0"], "Succeeded"),
    (EVERY_ROLE, {"successPolicy": "AllWorkers"}, ["chief-0", "worker-0"], "Running"),
    (EVERY_ROLE, {"successPolicy": "AllWorkers"}, ["chief-0", "worker-0", "worker-1"], "Succeeded"),
    ({"worker": {}, "ps": {}}, {}, ["worker-0"], "Succeeded"),
]


@pytest.mark.parametrize(("roles", "spec", "ended", "phase"), ENDS)
def test_whose_success_ends_the_job(roles, spec, ended, phase):
    world = running(roles, **spec)
    for name in ended:
        world.finish(0, name=PREFIX + name)
        world.settle()
    assert world.status.phase == phase
    if phase == "Succeeded":
        world.pass_time(60)
        world.settle()
        world.tidy()
        left = [name.removeprefix(PREFIX) for name in world.names()]
        assert left == sorted(ended), "parameter servers end with the job"


FAILURES = [
    ({"worker": {"replicas": 2}}, "worker-1", "all"),
    ({"chief": {}, "worker": {}}, "worker-0", "all"),
    ({"worker": {"replicas": 2}, "ps": {}}, "worker-1", "worker-1"),
    ({"worker": {}, "ps": {}}, "ps-0", "ps-0"),
    ({"chief": {}, "worker": {}, "ps": {}}, "chief-0", "chief-0"),
    ({"worker": {"replicas": 2}, "evaluator": {}}, "evaluator-0", "evaluator-0"),
    ({"worker": {"replicas": 2}, "evaluator": {}}, "worker-0", "all"),
]


@pytest.mark.parametrize(("roles", "lost", "anew"), FAILURES)
def test_who_starts_anew_when_one_fails(roles, lost, anew):
    world = running(roles, backoffLimit=1)
    before = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in world.pods()}
    world.finish(1, name=PREFIX + lost)
    world.settle()
    world.tidy()
    world.pass_time(600)
    world.settle()
    after = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in world.pods()}
    replaced = {name.removeprefix(PREFIX) for name in before if before[name] != after[name]}
    everybody = {name.removeprefix(PREFIX) for name in before}
    assert replaced == (everybody if anew == "all" else {anew})
    assert world.status.restarts == 1
    assert configs(world).keys() == everybody


@pytest.mark.parametrize(
    ("policy", "code", "phase"),
    [
        ("Never", 137, "Failed"),
        ("OnFailure", 1, "Running"),
        ("ExitCode", 1, "Failed"),
        ("ExitCode", 137, "Running"),
    ],
)
def test_a_role_says_which_of_its_failures_are_final(policy, code, phase):
    roles = {"worker": {"restartPolicy": policy}, "ps": {}}
    world = running(roles, backoffLimit=1)
    world.finish(code, name=f"{PREFIX}worker-0")
    world.settle()
    assert world.status.phase == phase


def test_it_reads_datasets_and_acts_as_somebody_like_any_other_job():
    world = planned(
        {"worker": {"replicas": 2}}, identity="alice", datasets=[{"name": "table", "as": "in"}]
    )
    for pod in world.pods():
        steps = [step["name"] for step in pod["spec"]["initContainers"]]
        assert steps == ["kerberos-renewal", "kerberos", "dataset-0-in"]
