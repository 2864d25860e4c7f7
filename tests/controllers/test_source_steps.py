"""What steps tell by a pod's status: progress, failures with last words, and results."""

from __future__ import annotations

import json

import pytest

from apis.v1alpha1.status import JobStatus, Lineage, LineageDataset
from controllers.jobs import lineage
from controllers.jobs.life.outcome import outcome_of
from controllers.jobs.life.progress import progress_of
from controllers.jobs.pod import steps
from mlctl_core.objects.codec import convert
from mlctl_core.objects.core import Pod
from mlctl_core.objects.times import parse_time

TIME = "2026-01-01T00:00:00Z"
ALL = ("kerberos", "source", "dependencies", "dataset-0-digits", "dataset-1-words")


def ended(code=0, message="", reason=""):
    return {
        "terminated": {
            "exitCode": code,
            "message": message,
            "reason": reason or ("Completed" if code == 0 else "Error"),
            "finishedAt": TIME,
        }
    }


def pod(phase="Pending", names=ALL, **states):
    by_name = {name.replace("-", "_"): name for name in names}
    return convert(
        Pod,
        {
            "metadata": {"name": "p", "namespace": "team", "uid": "u"},
            "spec": {
                "nodeName": "n",
                "initContainers": [
                    {"name": "kerberos-renewal", "restartPolicy": "Always"},
                    *({"name": name} for name in names),
                ],
                "containers": [{"name": "main"}],
            },
            "status": {
                "phase": phase,
                "initContainerStatuses": [
                    {"name": by_name[name], "state": state} for name, state in states.items()
                ],
            },
        },
    )


@pytest.mark.parametrize(
    ("states", "reason", "words"),
    [
        ({}, "GettingTicket", "Gets a Kerberos ticket on node n."),
        ({"kerberos": ended()}, "GettingSource", "Gets spec.source on node n."),
        (
            {"kerberos": ended(), "source": ended()},
            "InstallingDependencies",
            "Installs spec.dependencies on node n.",
        ),
        (
            {"kerberos": ended(), "source": ended(), "dependencies": ended()},
            "StagingDatasets",
            "Copies dataset digits on node n.",
        ),
        (
            {
                "kerberos": ended(),
                "source": ended(),
                "dependencies": ended(),
                "dataset_0_digits": ended(),
            },
            "StagingDatasets",
            "Copies dataset words on node n.",
        ),
    ],
)
def test_the_step_whose_turn_it_is_is_told(states, reason, words):
    seen = progress_of(pod(**states), "small")
    assert (seen.phase, seen.reason, seen.message) == ("Preparing", reason, words)


def test_when_all_have_ended_the_program_starts():
    done = {name.replace("-", "_"): ended() for name in ALL}
    assert progress_of(pod(**done), "small").reason == "StartingContainers"


def test_an_image_that_a_step_cannot_have_is_told():
    waits = {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}
    assert progress_of(pod(source=waits), "small").reason == "ImagePullFailed"


@pytest.mark.parametrize(
    ("name", "reason", "blame", "what"),
    [
        ("kerberos", "IdentityFailed", "infrastructure", "gets the first Kerberos ticket"),
        ("source", "SourceFailed", "application", "gets spec.source"),
        ("dependencies", "DependencyFailed", "application", "installs spec.dependencies"),
        ("dataset-1-words", "DatasetFailed", "application", "copies dataset words"),
    ],
)
def test_a_step_that_fails_is_named_with_its_last_words(name, reason, blame, what):
    output = "\n".join(f"line {number}" for number in range(9)) + "\n\n"
    failed = pod("Failed", **{name.replace("-", "_"): ended(3, output)})
    outcome = outcome_of(failed, node_is_lost=False, now=parse_time(TIME))
    assert (outcome.reason, outcome.blame, outcome.exit_code) == (reason, blame, 3)
    assert what in outcome.message
    assert outcome.message.endswith(
        "ended with exit code 3. It said: line 4 | line 5 | line 6 | line 7 | line 8"
    )


def test_a_step_without_words_and_one_out_of_memory_are_told():
    silent = outcome_of(pod("Failed", source=ended(1)), node_is_lost=False, now=parse_time(TIME))
    assert silent.message == "The step that gets spec.source ended with exit code 1."
    eaten = pod("Failed", source=ended(137, reason="OOMKilled"))
    outcome = outcome_of(eaten, node_is_lost=False, now=parse_time(TIME))
    assert outcome.message == "The step that gets spec.source ran out of memory."


@pytest.mark.parametrize(
    ("index", "name", "container"),
    [
        (0, "digits", "dataset-0-digits"),
        (31, "My_Data.Set", "dataset-31-my-data-set"),
        (2, "a" * 253, "dataset-2-" + "a" * 40),
        (3, "_", "dataset-3"),
    ],
)
def test_a_container_is_called_like_its_dataset(index, name, container):
    assert steps.dataset_container(index, name) == container
    assert len(container) <= 63
    assert steps.dataset_index(container) == index


@pytest.mark.parametrize("name", ["main", "dataset-", "dataset-x", "datasets-1", "sidecar"])
def test_other_containers_are_no_steps(name):
    assert steps.step_of(name) is None


def told(**report):
    return ended(0, json.dumps(report))


SHA = "a" * 64


def test_what_steps_found_goes_on_record():
    seen = pod(
        source=told(commit="b" * 40),
        dependencies=told(dependencies=f"sha256:{SHA}"),
        dataset_0_digits=told(sha256=SHA),
        dataset_1_words=told(sha256=SHA),
    )
    datasets = (LineageDataset(name="digits"), LineageDataset(name="words", version="3"))
    before = Lineage(dependencies_hash="sha256:old", datasets=datasets)
    after = lineage.found(JobStatus(lineage=before), [pod(), seen]).lineage
    assert after.code_hash == "git:" + "b" * 40
    assert after.dependencies_hash == f"sha256:{SHA}"
    assert [dataset.version for dataset in after.datasets] == [f"sha256:{SHA}", "3"]


@pytest.mark.parametrize(
    "message",
    [
        "",
        "no json",
        "[]",
        "[" * 10_000,
        '{"commit": 1}',
        '{"commit": ""}',
        '{"commit": "main; rm -rf"}',
        json.dumps({"commit": "a" * 65}),
    ],
)
def test_what_has_not_the_shape_of_a_result_is_left_out(message):
    before = JobStatus(lineage=Lineage(code_hash="sha256:x"))
    assert lineage.found(before, [pod(source=ended(0, message))]) == before


def test_a_step_that_failed_has_no_result():
    failed = pod(source=ended(1, json.dumps({"commit": "b" * 40})))
    assert steps.results(failed) == steps.Results()
