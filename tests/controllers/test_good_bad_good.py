"""A field that was wrong and is right again: the job ends as if it had never been wrong.

Each field of each kind gets a wrong value: one that the server takes, where there is such a one.
The job's pods, what else it has, and its status are then those of a job that has lived as long and
was held as often, and whose field was right all the time; only times and the number of the attempt
may differ.
"""

import json
import re

import attrs
import pytest
from kind_world import SAMPLES, KindWorld

from mlctl_core.objects.crd import crd
from mlctl_core.objects.kinds import CONFIG_MAP

TAKEN = ""
"""In the place of a reason: what is wrong is not seen before the program runs."""
REFUSED = "the server refuses it"
FORBIDDEN = 'pods "x" is forbidden: no PriorityClass with name urgent was found'


@attrs.frozen
class Bad:
    """A wrong value of a field, and what the job says to it."""

    spec: dict
    reason: str = TAKEN


def nowhere(role):
    return Bad({role: {"size": "nothing"}}, "SizeNotFound")


EVERYWHERE = {
    "framework": Bad({"framework": "nothing"}, "FrameworkNotFound"),
    "size": Bad({"size": "nothing"}, "SizeNotFound"),
    "identity": Bad({"identity": "nobody"}, "IdentityNotFound"),
    "args": Bad({"args": ["--none"]}),
    "env": Bad({"env": [{"name": "A", "secretKeyRef": {"name": "none", "key": "k"}}]}),
    "dependencies": Bad({"dependencies": ["org.example:none:1"]}),
    "source": Bad({"source": {"configMap": {"name": "nothing"}}}, "SourceNotFound"),
    "datasets": Bad({"datasets": [{"name": "nothing"}]}, "DatasetNotFound"),
    "priorityClassName": Bad({"priorityClassName": "urgent"}, "PodRefused"),
    "suspend": Bad({"suspend": True}, "Suspended"),
    "backoffLimit": Bad({"backoffLimit": -1}, REFUSED),
    "infraBackoffLimit": Bad({"infraBackoffLimit": 1001}, REFUSED),
    "activeDeadlineSeconds": Bad({"activeDeadlineSeconds": 0}, REFUSED),
    "startDeadlineSeconds": Bad({"startDeadlineSeconds": 0}, REFUSED),
    "ttlSecondsAfterFinished": Bad({"ttlSecondsAfterFinished": -1}, REFUSED),
    "cleanPodPolicy": Bad({"cleanPodPolicy": "Some"}, REFUSED),
    "queue": Bad({"queue": "night"}, REFUSED),
    "checkpoint": Bad({"checkpoint": {"path": "/checkpoint"}}, REFUSED),
    "storage": Bad({"storage": {"size": "1Gi"}}, REFUSED),
}
_PYTHON = {
    "entrypoint": Bad({"entrypoint": "package.none"}),
    "dependencies": Bad({"dependencies": ["no-such-thing==1"]}),
}
BAD = {
    "PythonJob": {
        **EVERYWHERE,
        **_PYTHON,
        "replicas": Bad({"replicas": 3}, "FrameworkUnsuitable"),
        "processesPerReplica": Bad({"processesPerReplica": "auto"}, "FrameworkUnsuitable"),
        "elastic": Bad({"elastic": {"min": 1, "max": 2}}, "FrameworkUnsuitable"),
    },
    "PythonJob on two pods": {
        **EVERYWHERE,
        **_PYTHON,
        "replicas": Bad({"replicas": 1025}, REFUSED),
        "processesPerReplica": Bad({"processesPerReplica": 64}),
        "elastic": Bad({"elastic": {"min": 3, "max": 4}}, REFUSED),
    },
    "TensorFlowJob": {
        **EVERYWHERE,
        **_PYTHON,
        "roles": Bad({"roles": {"worker": {"size": "nothing"}, "ps": {}}}, "SizeNotFound"),
        "successPolicy": Bad({"successPolicy": "Any"}, REFUSED),
    },
    "SparkJob": {
        **EVERYWHERE,
        "entrypoint": Bad({"entrypoint": "local:///opt/none.jar"}),
        "mainClass": Bad({"mainClass": "Main"}, REFUSED),
        "driver": nowhere("driver"),
        "executor": nowhere("executor"),
        "dynamicAllocation": Bad({"dynamicAllocation": {"min": 0, "max": 1000}}),
        "conf": Bad({"conf": {"spark.driver.extraJavaOptions": "-XX:NoSuchOption"}}),
    },
    "JVMJob": {
        **EVERYWHERE,
        "entrypoint": Bad({"entrypoint": "org.example.None"}),
        "mainClass": Bad({"mainClass": "Main"}, REFUSED),
        "jvmOptions": Bad({"jvmOptions": ["-XX:NoSuchOption"]}),
    },
}
CASES = [
    pytest.param(sample, bad, id=f"{sample}, {field}")
    for sample, fields in BAD.items()
    for field, bad in fields.items()
]


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_field_is_among_them(sample):
    [version] = crd(SAMPLES[sample][0].plan.cls)["spec"]["versions"]
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    assert BAD[sample].keys() == spec["properties"].keys()


def right(world, bad):
    """The edit that puts the fields back as they were."""
    return {field: world.sample.get(field) for field in bad.spec}


def wrong(world, bad):
    """Let the cluster answer to it as it would."""
    world.refuse_pods = FORBIDDEN if "priorityClassName" in bad.spec else None


def hold(world):
    assert world.tries(suspend=True) == []
    world.settle()
    world.tidy()
    assert world.status.phase == "Suspended"


def rest(world):
    world.settle()
    world.pass_time(60)
    world.settle()


def resume(world, **spec):
    assert world.tries(suspend=None, **spec) == []
    rest(world)


def corrected(world, bad):
    """As a user does it: at once, or by way of a suspension; tells whether it took that."""
    edit = right(world, bad)
    if world.tries(**edit):
        hold(world)
        assert world.tries(**edit, suspend=None) == []
        world.refuse_pods = None
        rest(world)
        return True
    world.refuse_pods = None
    rest(world)
    return False


ATTEMPTS = [
    (re.compile(r"spark-[0-9a-f]{32}"), "spark-id"),
    (re.compile(r"sparkjob-mnist-\d+"), "sparkjob-mnist-n"),
    (re.compile(r"mlctl\.dev/attempt=\d+"), "mlctl.dev/attempt=n"),
    (re.compile(r'"mlctl\.dev/attempt":"\d+"'), '"mlctl.dev/attempt":"n"'),
    (re.compile(r'"mlctl\.dev/applied":"[0-9a-f]+"'), '"mlctl.dev/applied":"digest"'),
]
PASSING = ("uid", "resourceVersion", "creationTimestamp", "generation", "ownerReferences")


def lasting(obj):
    """An object without times, and without what tells one attempt from another."""
    metadata = {k: v for k, v in obj["metadata"].items() if k not in PASSING}
    text = json.dumps({**obj, "metadata": metadata, "status": {}}, separators=(",", ":"))
    for pattern, name in ATTEMPTS:
        text = pattern.sub(name, text)
    return json.loads(text)


def told(world):
    """The status without times; a condition that is False tells no more than one that never was."""
    status = world.raw(world.planner.kind, "mnist")["status"]
    kept = {
        name: value
        for name, value in status.items()
        if not name.endswith("Time") and name not in ("observedGeneration", "attempt")
    }
    kept["metrics"] = {
        name: {field: text for field, text in metric.items() if field != "time"}
        for name, metric in status.get("metrics", {}).items()
    }
    kept["conditions"] = [
        {name: value for name, value in condition.items() if not name.endswith("Time")}
        for condition in status["conditions"]
        if condition["status"] != "False" or condition["type"] == "PodsReady"
    ]
    return kept


def picture(world):
    """All that the job has and uses: what no pod names any more goes with the job."""
    pods = world.pods()
    used = json.dumps(pods)
    children = [
        world.raw(kind, name)
        for kind, name in world.children()
        if kind != CONFIG_MAP or f'"{name}"' in used
    ]
    everything = [*pods, *children]
    return {
        "status": told(world),
        **{f"{obj['kind']} {obj['metadata']['name']}": lasting(obj) for obj in everything},
    }


def assert_alike_to_the_end(world, other):
    assert picture(world) == picture(other)
    assert world.pods()
    assert not world.pending(world.plan())
    for each in (world, other):
        each.run_all()
        each.end_all()
        rest(each)
        each.tidy()
    assert world.status.phase == "Succeeded"
    assert picture(world) == picture(other)


@pytest.mark.parametrize(("sample", "bad"), CASES)
def test_a_job_that_begins_wrong(sample, bad):
    if bad.reason == REFUSED:
        world = KindWorld(sample)
        assert world.tries(**bad.spec), "it could not even begin"
        return
    world = KindWorld(sample, **bad.spec)
    wrong(world, bad)
    for _ in range(3):
        rest(world)
    if bad.reason:
        assert world.status.reason == bad.reason
        assert world.pods() == []
    held = corrected(world, bad)
    never = KindWorld(sample)
    for _ in range(3):
        rest(never)
    if held:
        hold(never)
        resume(never)
    else:
        rest(never)
    assert_alike_to_the_end(world, never)


@pytest.mark.parametrize(("sample", "bad"), CASES)
def test_a_job_that_runs_and_is_made_wrong(sample, bad):
    world, never = KindWorld(sample).run_all(), KindWorld(sample).run_all()
    before = picture(world)
    said = world.tries(**bad.spec)
    if said:
        [field] = bad.spec
        assert any(error.startswith(f"spec.{field}") for error in said), said
        world.settle()
        assert picture(world) == before, "what is refused has changed nothing"
    if bad.reason == REFUSED:
        assert said
        rest(world)
        rest(never)
    elif said:
        hold(world)
        wrong(world, bad)
        resume(world, **bad.spec)
        if bad.reason:
            assert world.status.reason == bad.reason
        had_pods = corrected(world, bad)
        hold(never)
        resume(never)
        if had_pods:
            hold(never)
            resume(never)
        else:
            rest(never)
    else:
        accepted(world, bad)
        if bad.reason == "Suspended":
            hold(never)
            resume(never)
        else:
            rest(never)
            rest(never)
    assert_alike_to_the_end(world, never)


def accepted(world, bad):
    """What the server takes while there are pods reaches none of those that there are."""
    rest(world)
    world.tidy()
    if bad.reason != "Suspended":
        assert world.status.phase == "Running"
    assert corrected(world, bad) is False
