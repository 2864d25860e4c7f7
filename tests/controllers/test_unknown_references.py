"""A job that names what is not there says so by the field, and goes on by itself once it is."""

import pytest
from kind_world import SAMPLES, KindWorld, case, ours, ready

SIZE = {"cpu": "1", "memory": "4Gi"}


def another_framework(world):
    own = world.raw(world.kind("Framework"), world.sample["framework"])["spec"]
    world.add(ours("Framework", "missing", own))


def files(world):
    world.user_config_maps["missing"] = ["train.py"]
    world.pass_time(15)


EVERYWHERE = {
    "spec.framework": ({"framework": "missing"}, "FrameworkNotFound", another_framework),
    "spec.size": (
        {"size": "missing"},
        "SizeNotFound",
        lambda world: world.add(ours("Size", "missing", SIZE)),
    ),
    "spec.identity": (
        {"identity": "missing"},
        "IdentityNotFound",
        lambda world: world.add(
            ours("Identity", "missing", {"hadoop": {"configMap": "hadoop"}}, ready())
        ),
    ),
    "spec.datasets": (
        {"datasets": [{"name": "bucket"}, {"name": "missing"}]},
        "DatasetNotFound",
        lambda world: world.add(ours("Dataset", "missing", {"uri": "s3://bucket/key"})),
    ),
    "spec.source.configMap": (
        {"source": {"configMap": {"name": "missing"}}},
        "SourceNotFound",
        files,
    ),
}
_SIZED = {
    "TensorFlowJob": {
        f"spec.roles.{role}.size": {"roles": {"worker": {}, role: {"size": "missing"}}}
        for role in ("chief", "worker", "ps", "evaluator")
    },
    "SparkJob": {
        f"spec.{role}.size": {role: {"size": "missing"}} for role in ("driver", "executor")
    },
}
REFERENCES = [
    *((sample, field, *told) for sample in SAMPLES for field, told in EVERYWHERE.items()),
    *(
        (sample, field, spec, *EVERYWHERE["spec.size"][1:])
        for sample, fields in _SIZED.items()
        for field, spec in fields.items()
    ),
]


@pytest.mark.parametrize(
    ("sample", "field", "spec", "reason", "make"),
    REFERENCES,
    ids=[f"{sample}, {field}" for sample, field, *_ in REFERENCES],
)
def test_what_is_not_there_is_waited_for(sample, field, spec, reason, make):
    world = KindWorld(sample, **spec)
    world.settle()
    status = world.status
    assert (status.phase, status.reason) == ("Pending", reason)
    assert status.message.startswith(f"{field}: there is no ")
    assert "missing" in status.message
    assert world.truths() == {"PodsReady": "False"}
    assert (world.pods(), world.children()) == ([], [])
    before = len(world.writes)
    world.pass_time(3600)
    world.settle()
    assert len(world.writes) == before, "waiting costs no writes"
    assert [event.reason for event in world.events] == [reason]
    make(world)
    world.settle()
    assert world.status.phase == "Scheduling"
    assert world.pods()


FAMILIES = ("TensorFlow", "PyTorch", "Python", "Spark", "JVM", "Jupyter")
FITTING = {"TensorFlowJob": {"TensorFlow"}, "SparkJob": {"Spark"}, "JVMJob": {"JVM"}}
PYTHON = {"TensorFlow", "PyTorch", "Python", "Jupyter"}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("sample", SAMPLES)
def test_a_framework_of_a_family_that_the_kind_cannot_run_is_told(sample, family):
    fitting = {"PyTorch"} if "two pods" in sample else FITTING.get(sample, PYTHON)
    world = KindWorld(sample, framework="other")
    images = {"cpu": "example.org/image:1"}
    spec = {"type": family, "version": "1", "images": images}
    world.add(ours("Framework", "other", spec))
    world.settle()
    if family in fitting:
        assert world.status.phase == "Scheduling"
    else:
        assert (world.status.phase, world.status.reason) == ("Pending", "FrameworkUnsuitable")
        assert "spec.framework other is of type " + family in world.status.message
        assert "choose one of type " in world.status.message


@pytest.mark.parametrize("sample", SAMPLES)
def test_an_identity_that_is_not_ready_is_waited_for_with_its_own_words(sample):
    world = KindWorld(sample, identity="half")
    words = "spec.kerberos.keytabSecret: there is no Secret named alice in this namespace"
    spec = {"kerberos": {"principal": "a@R", "keytabSecret": {"name": "alice"}}}
    world.add(ours("Identity", "half", spec, ready("False", words)))
    world.settle()
    assert (world.status.phase, world.status.reason) == ("Pending", "IdentityNotReady")
    assert world.status.message == f"spec.identity: Identity half is not ready: {words}"
    assert world.pods() == []
    world.add(ours("Identity", "half", spec, ready()))
    world.settle()
    assert world.pods()


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_claim_that_is_not_there_is_told_as_the_datasets(sample):
    world = case(sample, "a volume")
    for name in world.names():
        world.unschedulable(
            '0/3 nodes are available: persistentvolumeclaim "claim" not found. preemption: no.',
            name,
        )
    world.settle()
    assert (world.status.phase, world.status.reason) == ("Scheduling", "Unschedulable")
    assert 'spec.datasets: 0/3 nodes are available: persistentvolumeclaim "claim" not found' in (
        world.status.message
    )
    assert "correct the dataset" in world.status.message
    assert "spec.size" not in world.status.message


@pytest.mark.parametrize("sample", SAMPLES)
def test_code_that_no_config_map_holds_is_refused_before_the_server_refuses_it(sample):
    """The API counts characters, and a ConfigMap's bytes are counted by the server."""
    files = {f"f{number}.py": "\u00e9" * 60_000 for number in range(9)}
    world = KindWorld(sample, source={"inline": {"train.py": "", **files}})
    world.settle()
    assert (world.status.phase, world.status.reason) == ("Pending", "SourceTooLarge")
    assert "have 1080000 bytes together, and 1048576 is what" in world.status.message
    assert world.tries(source={"inline": {"train.py": ""}}) == []
    world.settle()
    assert world.pods()


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_secret_of_git_that_is_not_there_lets_the_step_say_so(sample):
    """A pod that misses a volume waits without a word in its status."""
    for pod in case(sample, "a repository").planned_pods():
        [volume] = [v for v in pod["spec"]["volumes"] if v["name"] == "git-credentials"]
        assert volume["secret"]["optional"] is True
