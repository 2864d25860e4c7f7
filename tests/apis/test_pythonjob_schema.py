from __future__ import annotations

import pytest

from apis.v1alpha1.pythonjob import PythonJob

JOB = {
    "apiVersion": "mlctl.dev/v1alpha1",
    "kind": "PythonJob",
    "metadata": {"name": "digits", "namespace": "default"},
    "spec": {
        "framework": "scikit-learn",
        "size": "small",
        "entrypoint": "train.py",
        "source": {"inline": {"train.py": "print('accuracy=1')"}},
    },
}


def spec(**fields):
    return {"spec": fields}


ACCEPTED = {
    "the shortest job": {},
    "a module as entrypoint, with no source": spec(entrypoint="package.module", source=None),
    "a function as entrypoint": spec(entrypoint="train:main"),
    "a file in a directory of a ConfigMap's code": spec(
        entrypoint="src/train.py", source={"inline": None, "configMap": {"name": "code"}}
    ),
    "a name of forty characters": {"metadata": {"name": "a" * 40}},
    "a variable with a value": spec(env=[{"name": "A", "value": ""}]),
    "a variable from a Secret": spec(
        env=[{"name": "A", "secretKeyRef": {"name": "s", "key": "token"}}]
    ),
    "a variable from a ConfigMap": spec(
        env=[{"name": "A", "configMapKeyRef": {"name": "c", "key": "host"}}]
    ),
    "requirements with versions, extras, markers and addresses": spec(
        dependencies=[
            "pandas",
            "scikit-learn>=1.4,<2",
            "ray[tune]==2.9.*",
            'tomli; python_version < "3.11"',
            "pkg @ https://example.org/pkg-1.0-py3-none-any.whl#sha256=00ff",
        ]
    ),
    "all limits and deadlines": spec(
        backoffLimit=2,
        infraBackoffLimit=0,
        activeDeadlineSeconds=3600,
        startDeadlineSeconds=600,
        ttlSecondsAfterFinished=0,
        cleanPodPolicy="All",
        suspend=True,
        priorityClassName="high",
        args=["--epochs", "10"],
        replicas=1,
    ),
    "replicas with processes": spec(replicas=4, processesPerReplica=8),
    "a process per GPU": spec(processesPerReplica="auto"),
    "elastic replicas": spec(replicas=2, elastic={"min": 1, "max": 4}),
    "a rank of its own": spec(env=[{"name": "RANK", "value": "0"}]),
    "fifteen inline files": spec(source={"inline": {f"f{n}.py": "" for n in range(14)}}),
}

REFUSED = {
    "an unknown field": (spec(sizes="small"), "spec.sizes", "unknown field"),
    "no framework": (spec(framework=None), "spec.framework", "Required value"),
    "no size": (spec(size=None), "spec.size", "Required value"),
    "no entrypoint": (spec(entrypoint=None), "spec.entrypoint", "Required value"),
    "a size that is no name": (spec(size="Small!"), "spec.size", "should match"),
    "an identity of another namespace": (
        spec(identity="other/me"),
        "spec.identity",
        "should match",
    ),
    "one dataset twice": (
        spec(datasets=[{"name": "d"}, {"name": "d", "as": "e"}]),
        "spec.datasets[1]",
        "Duplicate",
    ),
    "a queue": (spec(queue="gpu"), "spec.queue", "not supported by this version"),
    "a checkpoint": (spec(checkpoint={"path": "/c"}), "spec.checkpoint", "not supported"),
    "storage": (spec(storage={"size": "1Gi"}), "spec.storage", "not supported by this version"),
    "no replica": (spec(replicas=0), "spec.replicas", "greater than or equal to 1"),
    "no process": (spec(processesPerReplica=0), "spec.processesPerReplica", "equal to 1"),
    "processes in words": (
        spec(processesPerReplica="all"),
        "spec.processesPerReplica",
        "should match",
    ),
    "elastic without a most": (spec(elastic={"min": 1}), "spec.elastic.max", "Required value"),
    "elastic the wrong way round": (
        spec(elastic={"min": 2, "max": 1}),
        "spec.elastic.min",
        "set min to at most max",
    ),
    "more replicas than elastic allows": (
        spec(elastic={"min": 1, "max": 2}, replicas=3),
        "spec.replicas",
        "set it to a number from elastic.min to elastic.max",
    ),
    "a rank beside replicas": (
        spec(replicas=2, env=[{"name": "RANK", "value": "0"}]),
        "spec.env",
        "set by the platform: remove the variable",
    ),
    "an option of torchrun beside processes": (
        spec(processesPerReplica="auto", env=[{"name": "PET_STANDALONE", "value": ""}]),
        "spec.env",
        "set by the platform: remove the variable",
    ),
    "a repository with a password": (
        spec(entrypoint="m", source={"inline": None, "git": {"url": "https://a:b@example.org/r"}}),
        "spec.source.git.url",
        "put that into secret",
    ),
    "a repository of the image": (
        spec(entrypoint="m", source={"inline": None, "git": {"url": "file:///etc"}}),
        "spec.source.git.url",
        "https://, http:// or ssh://",
    ),
    "a subdirectory that leads out": (
        spec(
            entrypoint="m",
            source={
                "inline": None,
                "git": {"url": "ssh://git@example.org/r", "subdirectory": "a/../../b"},
            },
        ),
        "spec.source.git.subdirectory",
        "without ..",
    ),
    "an archive with a password": (
        spec(entrypoint="m", source={"inline": None, "uri": "https://a:b@example.org/code.zip"}),
        "spec.source.uri",
        "put those into an Identity",
    ),
    "an archive of the image": (
        spec(entrypoint="m", source={"inline": None, "uri": "file:///code.zip"}),
        "spec.source.uri",
        "an archive is at hdfs://",
    ),
    "two sources": (spec(source={"configMap": {"name": "code"}}), "spec.source", "exactly one of"),
    "an empty source": (
        spec(entrypoint="m", source={"inline": None}),
        "spec.source",
        "exactly one",
    ),
    "an entrypoint that is not among the files": (
        spec(entrypoint="tain.py"),
        "spec.entrypoint",
        "the entrypoint is no file of source.inline",
    ),
    "a file as entrypoint without a source": (
        spec(source=None),
        "spec.entrypoint",
        "there is no source to take it from",
    ),
    "an entrypoint outside of the code": (
        spec(entrypoint="../train.py"),
        "spec.entrypoint",
        "put arguments into args",
    ),
    "an absolute entrypoint": (
        spec(entrypoint="/bin/train.py"),
        "spec.entrypoint",
        "put arguments into args",
    ),
    "an entrypoint with arguments": (
        spec(entrypoint="train.py --fast"),
        "spec.entrypoint",
        "put arguments into args",
    ),
    "a file name with a directory": (
        spec(source={"inline": {"a/b.py": ""}}),
        "spec.source.inline",
        "a file name has",
    ),
    "a file name that climbs": (
        spec(source={"inline": {"..": ""}}),
        "spec.source.inline",
        "a file name has",
    ),
    "no files": (
        spec(entrypoint="m", source={"inline": {"train.py": None}}),
        "spec.source.inline",
        "at least 1 properties",
    ),
    "sixteen files": (
        spec(source={"inline": {f"f{n}.py": "" for n in range(15)}}),
        "spec.source.inline",
        "Too many",
    ),
    "a file that is too long": (
        spec(source={"inline": {"train.py": "#" * 65537}}),
        "spec.source.inline.train.py",
        "Too long",
    ),
    "a variable without a value": (spec(env=[{"name": "A"}]), "spec.env[0]", "exactly one of"),
    "a variable with two values": (
        spec(env=[{"name": "A", "value": "a", "secretKeyRef": {"name": "s", "key": "k"}}]),
        "spec.env[0]",
        "exactly one of",
    ),
    "a variable twice": (
        spec(env=[{"name": "A", "value": "a"}, {"name": "A", "value": "b"}]),
        "spec.env[1]",
        "Duplicate value",
    ),
    "a variable of the platform's": (
        spec(env=[{"name": "MLCTL_RUN", "value": "a"}]),
        "spec.env[0].name",
        "are set by the platform",
    ),
    "a Python path": (
        spec(env=[{"name": "PYTHONPATH", "value": "/x"}]),
        "spec.env",
        "put modules into source or dependencies",
    ),
    "all GPUs of the node": (
        spec(env=[{"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}]),
        "spec.env",
        "NVIDIA_VISIBLE_DEVICES: set by the platform: remove the variable",
    ),
    "a name no shell can use": (
        spec(env=[{"name": "a-b", "value": "a"}]),
        "spec.env[0].name",
        "should match",
    ),
    "an option for pip": (
        spec(dependencies=["--index-url=https://example.org"]),
        "spec.dependencies[0]",
        "without pip options",
    ),
    "an option behind a requirement": (
        spec(dependencies=["pandas --global-option=x"]),
        "spec.dependencies[0]",
        "without pip options",
    ),
    "two requirements in one": (
        spec(dependencies=["pandas\n-r other"]),
        "spec.dependencies[0]",
        "without pip options",
    ),
    "a negative limit": (spec(backoffLimit=-1), "spec.backoffLimit", "greater than or equal to 0"),
    "a deadline of no time": (
        spec(activeDeadlineSeconds=0),
        "spec.activeDeadlineSeconds",
        "greater than or equal to 1",
    ),
    "an unknown policy": (
        spec(cleanPodPolicy="Some"),
        "spec.cleanPodPolicy",
        'supported values: "None", "Running", "All"',
    ),
    "a name of forty-one characters": (
        {"metadata": {"name": "a" * 41}},
        "metadata.name",
        "at most 40",
    ),
    "a name with a dot": ({"metadata": {"name": "a.b"}}, "metadata.name", "choose such a name"),
}


@pytest.mark.parametrize("patch", ACCEPTED.values(), ids=ACCEPTED)
def test_a_good_job_is_accepted(refusals, patch):
    assert refusals(PythonJob, JOB, patch) == []


@pytest.mark.parametrize(("patch", "field", "message"), REFUSED.values(), ids=REFUSED)
def test_a_bad_job_is_refused_and_the_field_is_named(refusals, patch, field, message):
    found = refusals(PythonJob, JOB, patch)
    assert any(error.startswith(f"{field}: ") and message in error for error in found), found


# What a pod is made of, a change of it, and a change of what it is not made of.
REMADE = {
    "framework": spec(framework="pytorch"),
    "size": spec(size="gpu-large"),
    "entrypoint": spec(entrypoint="train:main"),
    "source": spec(source={"inline": {"train.py": "print('accuracy=2')"}}),
    "args": spec(args=["--fast"]),
    "env": spec(env=[{"name": "A", "value": "b"}]),
    "dependencies": spec(dependencies=["pandas"]),
}
STEERED = spec(
    suspend=True,
    backoffLimit=5,
    infraBackoffLimit=5,
    activeDeadlineSeconds=60,
    startDeadlineSeconds=60,
    ttlSecondsAfterFinished=60,
    cleanPodPolicy="None",
)
WITHOUT_PODS = ("Pending", "Queued", "Suspended")
WITH_PODS = ("Scheduling", "Preparing", "Running", "Restarting", "Succeeded", "Failed")


def in_phase(phase, **fields):
    return {**JOB, "spec": {**JOB["spec"], **fields}, "status": {"phase": phase}}


@pytest.mark.parametrize("phase", WITHOUT_PODS)
@pytest.mark.parametrize("patch", REMADE.values(), ids=REMADE)
def test_a_job_without_pods_may_change(refusals, phase, patch):
    old = in_phase(phase)
    assert refusals(PythonJob, old, patch, update=True) == []


def test_a_job_without_a_status_may_change(refusals):
    assert refusals(PythonJob, JOB, REMADE["size"], update=True) == []


@pytest.mark.parametrize("phase", WITH_PODS)
@pytest.mark.parametrize(("field", "patch"), REMADE.items(), ids=REMADE)
def test_what_pods_are_made_of_is_fixed_once_there_are_pods(refusals, phase, field, patch):
    old = in_phase(phase)
    (error,) = refusals(PythonJob, old, patch, update=True)
    assert error.startswith(f"spec.{field}: ")
    assert "suspend it first" in error


def test_an_optional_field_cannot_be_taken_away_either(refusals):
    old = in_phase("Running", args=["--fast"])
    (error,) = refusals(PythonJob, old, spec(args=None), update=True)
    assert error.startswith("spec.args: ")


@pytest.mark.parametrize("phase", WITH_PODS + WITHOUT_PODS)
def test_limits_and_suspend_may_change_at_any_time(refusals, phase):
    old = in_phase(phase)
    assert refusals(PythonJob, old, STEERED, update=True) == []


@pytest.mark.parametrize("ended", ["Succeeded", "Failed"])
@pytest.mark.parametrize("phase", ["Pending", "Running", "Suspended", None])
def test_an_ended_job_never_revives(refusals, ended, phase):
    old = in_phase(ended)
    found = refusals(PythonJob, old, {"status": {"phase": phase}}, update=True)
    assert any("a job that ended never runs again" in error for error in found)


def conditions(**statuses):
    return [{"type": kind, "status": status} for kind, status in statuses.items()]


@pytest.mark.parametrize(
    "late",
    [
        None,
        conditions(),
        conditions(Running="True"),
        conditions(Succeeded="False"),
        conditions(Succeeded="True", Failed="True"),
        conditions(Failed="True"),
    ],
    ids=str,
)
def test_how_a_job_ended_stays_true_whatever_is_written_late(refusals, late):
    old = {**JOB, "status": {"phase": "Succeeded", "conditions": conditions(Succeeded="True")}}
    [error] = refusals(PythonJob, old, {"status": {"conditions": late}}, update=True)
    assert error.startswith("status.conditions: ")
    assert "how a job ended stays true" in error


def test_conditions_of_a_job_that_goes_on_or_ends_may_change(refusals):
    for before in ({}, {"conditions": conditions(Running="True", Succeeded="False")}):
        old = {**JOB, "status": {"phase": "Running", **before}}
        new = conditions(Running="False", Succeeded="True")
        assert refusals(PythonJob, old, {"status": {"conditions": new}}, update=True) == []


def test_an_ended_job_may_still_learn_about_its_pods(refusals):
    old = in_phase("Succeeded")
    assert refusals(PythonJob, old, {"status": {"restarts": 1}}, update=True) == []


ELASTIC = in_phase("Running", replicas=2, elastic={"min": 1, "max": 4})


def test_replicas_may_change_while_there_are_pods_only_within_elastic(refusals):
    assert refusals(PythonJob, ELASTIC, spec(replicas=4), update=True) == []
    beyond = refusals(PythonJob, ELASTIC, spec(replicas=5), update=True)
    assert beyond
    assert beyond[0].startswith("spec.replicas: ")
    fixed = refusals(PythonJob, in_phase("Running", replicas=2), spec(replicas=3), update=True)
    assert fixed
    assert "or within elastic" in fixed[0]


@pytest.mark.parametrize("patch", [spec(elastic=None), spec(elastic={"max": 8})])
def test_elastic_itself_is_fixed_while_there_are_pods(refusals, patch):
    assert refusals(PythonJob, ELASTIC, patch, update=True)
