"""What a user can get wrong, and what they read: the field, and what to do about it."""

from __future__ import annotations

import pytest
from plane import JOB, condition, job, phase, reason

from mlctl_core.client.errors import ApiError, InvalidError
from mlctl_core.objects.kinds import CONFIG_MAP, POD

OTHER_CODE = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "code"}}
# pip asks the test's own index, whatever this machine is configured to use.
PIP = {"PIP_CONFIG_FILE": "/dev/null", "PIP_RETRIES": "0"}

REFUSED = {
    "a framework left out": (
        job("bad", framework=None),
        "spec.framework",
        "Required value",
    ),
    "a framework that is no name": (
        job("bad", framework="Scikit Learn"),
        "spec.framework",
        "should match",
    ),
    "an entrypoint that is not in the source": (
        job("bad", entrypoint="train.py"),
        "spec.entrypoint",
        "add the file or name one that is there",
    ),
    "an entrypoint with arguments": (
        job("bad", entrypoint="main.py --fast"),
        "spec.entrypoint",
        "put arguments into args",
    ),
    "an entrypoint without a source": (
        job("bad", source=None),
        "spec.entrypoint",
        "give the code by source.inline or source.configMap",
    ),
    "an option for pip": (
        job("bad", dependencies=["pandas --pre"]),
        "spec.dependencies[0]",
        "without pip options",
    ),
    "a field for later": (
        job("bad", queue="night"),
        "spec.queue",
        "remove it",
    ),
    "a name of forty-one characters": (
        job("a" * 41),
        "metadata.name",
        "at most 40 of the characters a-z, 0-9 and -",
    ),
}

WAITING = {
    "framework": (
        {"framework": "pyhton"},
        ("Pending", "FrameworkNotFound"),
        "spec.framework: there is no Framework named pyhton. Did you mean python?",
    ),
    "framework unlike any": (
        {"framework": "cobol"},
        ("Pending", "FrameworkNotFound"),
        "Choose one that exists: kubectl get frameworks.",
    ),
    "size": (
        {"size": "smal"},
        ("Pending", "SizeNotFound"),
        "spec.size: there is no Size named smal. Did you mean small?",
    ),
    "size larger than any node": (
        {"size": "huge"},
        ("Scheduling", "Unschedulable"),
        "2 Insufficient cpu. If this does not pass, choose another spec.size than huge.",
    ),
    "source": (
        {"source": {"configMap": {"name": "nowhere"}}},
        ("Pending", "SourceNotFound"),
        "spec.source.configMap: there is no ConfigMap named nowhere",
    ),
    "entrypoint": (
        {"source": {"configMap": {"name": "code"}}},
        ("Pending", "EntrypointNotFound"),
        "spec.entrypoint: main.py is not in ConfigMap code, which has other.py. Add the file,",
    ),
    "secret": (
        {"env": [{"name": "TOKEN", "secretKeyRef": {"name": "nowhere", "key": "token"}}]},
        ("Preparing", "CreateContainerConfigError"),
        'spec.env: secret "nowhere" not found. Create it,',
    ),
    "priority": (
        {"priorityClassName": "urgent"},
        ("Scheduling", "PodRefused"),
        "no PriorityClass with name urgent was found. Name one that exists:",
    ),
}


def variables(**values):
    """Environment variables as a job lists them."""
    return [{"name": name, "value": value} for name, value in (PIP | values).items()]


def without_empty(obj):
    """The job without the fields that are None, as YAML without those lines."""
    spec = {name: value for name, value in obj["spec"].items() if value is not None}
    return {**obj, "spec": spec}


async def refusal(namespace, obj):
    """What the server says to a `kubectl create` of the job; None when it takes it."""
    path = JOB.path(namespace.name)
    try:
        await namespace.client.request(
            "POST", path, params={"fieldValidation": "Strict"}, body=without_empty(obj)
        )
    except ApiError as error:
        return error
    return None


def assert_tells(obj, wanted, words):
    """The words are in the status and in the condition, under the reason."""
    status = obj["status"]
    assert (status["phase"], status["reason"]) == wanted
    assert words in status["message"]
    [ready] = [c for c in status["conditions"] if c["type"] == "PodsReady"]
    assert (ready["status"], ready["reason"]) == ("False", wanted[1])
    assert ready["message"] == status["message"]


@pytest.mark.parametrize(("obj", "field", "words"), REFUSED.values(), ids=REFUSED)
async def test_the_server_refuses_what_it_can_and_names_the_field(namespace, obj, field, words):
    error = await refusal(namespace, obj)
    assert isinstance(error, InvalidError)
    messages = [cause["message"] for cause in error.causes if cause["field"] == field]
    assert any(words in message for message in messages), error


async def test_an_unknown_field_is_refused_by_create_and_by_apply(namespace):
    obj = job("bad", frmework="python")
    assert 'unknown field "spec.frmework"' in str(await refusal(namespace, obj))
    with pytest.raises(ApiError, match=r"\.spec\.frmework: field not declared in schema"):
        await namespace.apply(obj)
    assert await namespace.all(JOB) == []


async def test_bad_jobs_say_what_is_wrong_and_stop_no_good_one(namespace, manager, proxy):
    await namespace.client.create(
        CONFIG_MAP, {**OTHER_CODE, "data": {"other.py": ""}}, namespace.name
    )
    names = {f"bad-{number}": expected for number, expected in enumerate(WAITING.values())}
    for name, (spec, _, _) in names.items():
        await namespace.apply(job(name, **spec))
    await namespace.apply(job("good"))
    assert phase(await namespace.ended("good")) == "Succeeded"
    for name, (_, wanted, words) in names.items():
        obj = await namespace.until(name, lambda o, wanted=wanted: reason(o) == wanted[1])
        assert_tells(obj, wanted, words)
    for name in names:
        statuses = [w for w in proxy.writes_of("pythonjobs/status") if f"/{name}/" in w.path]
        assert len(statuses) <= 3, "a job that waits is not written again and again"


async def test_a_job_goes_on_by_itself_once_its_mistake_is_mended(namespace, manager):
    await namespace.apply(job("digits", framework="pyhton", size="smal"))
    await namespace.until("digits", lambda o: reason(o) == "SizeNotFound")
    await namespace.apply(job("digits", framework="pyhton"))
    await namespace.until("digits", lambda o: reason(o) == "FrameworkNotFound")
    await namespace.apply(job("digits"))
    assert phase(await namespace.ended("digits")) == "Succeeded"


async def test_a_size_larger_than_any_node_is_changed_by_way_of_a_suspension(namespace, manager):
    await namespace.apply(job("digits", size="huge"))
    await namespace.until("digits", lambda o: reason(o) == "Unschedulable")
    with pytest.raises(InvalidError, match=r"spec\.size: .*: suspend it first, or delete it"):
        await namespace.apply(job("digits"))
    await namespace.apply(job("digits", size="huge", suspend=True))
    await namespace.until("digits", lambda o: phase(o) == "Suspended")
    await namespace.apply(job("digits"))
    ended = await namespace.ended("digits")
    assert (phase(ended), ended["status"]["restarts"]) == ("Succeeded", 0)


@pytest.mark.parametrize("entrypoint", ["trian", "main:trian"])
async def test_a_module_or_function_that_does_not_exist_is_named(namespace, manager, entrypoint):
    await namespace.apply(job("digits", entrypoint=entrypoint))
    ended = await namespace.ended("digits")
    assert_tells(
        ended,
        ("Failed", "EntrypointNotFound"),
        f"spec.entrypoint: there is no {entrypoint} in the source, the framework or the "
        "dependencies. Correct it, or add what is missing.",
    )
    assert condition(ended, "Failed") == "True"


async def test_a_dependency_that_does_not_exist_is_named(namespace, manager, gate):
    env = variables(PIP_INDEX_URL=f"{gate.url}/nothing")
    await namespace.apply(job("digits", dependencies=["no-such-thing==3"], env=env))
    ended = await namespace.ended("digits")
    assert_tells(
        ended,
        ("Failed", "DependencyFailed"),
        "spec.dependencies: pip finds no no-such-thing==3. Correct its name or its version.",
    )
    assert condition(ended, "Failed") == "True"


async def test_an_index_that_does_not_answer_is_not_taken_for_a_wrong_name(namespace, manager):
    # Port 1 of this machine: nobody listens there.
    env = variables(PIP_INDEX_URL="http://127.0.0.1:1/simple", PIP_RETRIES="1")
    await namespace.apply(job("digits", dependencies=["pandas"], env=env))
    assert_tells(
        await namespace.ended("digits"),
        ("Failed", "DependencyFailed"),
        "spec.dependencies: the package index did not answer.",
    )


async def test_a_job_deleted_while_it_prepares_leaves_nothing(namespace, manager, gate):
    env = variables(PIP_INDEX_URL=gate.url)
    await namespace.apply(job("digits", dependencies=["pandas"], env=env))
    await gate.reached()
    obj = await namespace.until("digits", lambda o: phase(o) == "Preparing")
    assert reason(obj) == "InstallingDependencies"
    await namespace.client.delete(JOB, "digits", namespace.name)
    await namespace.gone(JOB, POD, CONFIG_MAP)


async def test_a_job_deleted_while_it_waits_for_its_mistake_to_be_mended_is_gone(
    namespace, manager
):
    await namespace.apply(job("digits", framework="pyhton"))
    await namespace.until("digits", lambda o: reason(o) == "FrameworkNotFound")
    await namespace.client.delete(JOB, "digits", namespace.name)
    await namespace.gone(JOB, POD, CONFIG_MAP)
