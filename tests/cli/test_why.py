"""`mlctl why`: what keeps a job waiting, or made it fail."""

from __future__ import annotations

import pytest

NO_FRAMEWORK = "spec.framework: there is no Framework named nope."
NO_ROOM = "0/2 nodes are available: 2 Insufficient cpu."
NO_IMAGE = 'Back-off pulling image "nope:1"'


def unschedulable():
    return {
        "phase": "Pending",
        "conditions": [
            {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": NO_ROOM,
            },
        ],
    }


def pulling():
    waiting = {"reason": "ImagePullBackOff", "message": NO_IMAGE}
    unready = {
        "status": "False",
        "reason": "X",
        "message": "containers with unready status: [main]",
    }
    return {
        "phase": "Pending",
        "conditions": [{"type": "Ready", **unready}, {"type": "ContainersReady", **unready}],
        "containerStatuses": [
            {
                "name": "main",
                "image": "nope:1",
                "imageID": "",
                "ready": False,
                "restartCount": 0,
                "state": {"waiting": waiting},
            }
        ],
    }


def test_a_job_that_nobody_has_looked_at_asks_for_the_manager(mlctl, namespace):
    namespace.job("digits")
    answer = mlctl("why", "digits")
    assert answer.code == 0
    assert answer.lines == [
        "pythonjob/digits: no phase yet",
        "  no controller has looked at it yet: is the manager running?",
    ]


def test_the_job_s_own_account_comes_first_and_a_warning_that_repeats_it_is_left_out(
    mlctl, namespace
):
    status = {"phase": "Pending", "reason": "FrameworkNotFound", "message": NO_FRAMEWORK}
    job = namespace.job("digits", status, framework="nope")
    namespace.warning(job, "FrameworkNotFound", NO_FRAMEWORK)
    assert mlctl("why", "pyjob/digits").lines == [
        "pythonjob/digits: Pending (FrameworkNotFound)",
        f"  {NO_FRAMEWORK}",
    ]


def test_a_warning_that_says_something_new_is_shown(mlctl, namespace):
    job = namespace.job("digits", {"phase": "Restarting", "reason": "AppError"})
    namespace.warning(job, "AppError", "Attempt 1 failed: exit code 4.")
    assert mlctl("why", "digits").lines[1:] == ["event AppError: Attempt 1 failed: exit code 4."]


def test_warnings_about_others_are_not_shown(mlctl, namespace):
    namespace.job("digits", {"phase": "Running", "reason": "Started"})
    namespace.warning(namespace.job("other"), "AppError", "Attempt 1 failed: exit code 4.")
    assert mlctl("why", "digits").lines == ["pythonjob/digits: Running (Started)"]


def test_a_pod_without_a_node_has_the_scheduler_s_words(mlctl, namespace):
    namespace.job("digits", {"phase": "Scheduling", "reason": "Unschedulable"})
    namespace.pod("digits", node="", status=unschedulable())
    assert mlctl("why", "digits").lines == [
        "pythonjob/digits: Scheduling (Unschedulable)",
        "pod/pyjob-digits-worker-0: Pending on no node",
        f"  PodScheduled: {NO_ROOM}",
    ]


def test_an_image_that_cannot_be_pulled_is_said_once_by_the_container_that_wants_it(
    mlctl, namespace
):
    namespace.job("digits", {"phase": "Preparing", "reason": "ImagePullFailed"})
    namespace.pod("digits", node="elsewhere", status=pulling())
    assert mlctl("why", "digits").lines[1:] == [
        "pod/pyjob-digits-worker-0: Pending on elsewhere",
        f"  container main: ImagePullBackOff, {NO_IMAGE}",
    ]


def test_a_failed_program_is_shown_with_the_end_of_its_output(mlctl, namespace):
    namespace.job("digits", {"phase": "Failed", "reason": "AppError"})
    script = "for n in $(seq 20); do echo line $n; done; echo 'ValueError: no data' >&2; exit 3"
    namespace.ended(namespace.pod("digits", script))
    lines = mlctl("why", "digits").lines
    assert lines[1:4] == [
        "pod/pyjob-digits-worker-0: Failed on cpu-1",
        "  container main: Error, exit code 3",
        "    | line 12",
    ]
    assert lines[-1] == "    | ValueError: no data"


def test_failed_dependencies_are_shown_with_what_the_installer_said(mlctl, namespace):
    namespace.job("digits", {"phase": "Failed", "reason": "DependencyFailed"})
    namespace.ended(namespace.pod("digits", "true", prepare="echo no such package; exit 1"))
    assert mlctl("why", "digits").lines[1:] == [
        "pod/pyjob-digits-worker-0: Failed on cpu-1",
        "  container dependencies: Error, exit code 1",
        "    | no such package",
    ]


def test_a_suspended_job_says_it_once(mlctl, namespace):
    status = {"phase": "Suspended", "reason": "Suspended", "message": "Held by spec.suspend."}
    namespace.job("digits", status, suspend=True)
    assert mlctl("why", "digits").lines == [
        "pythonjob/digits: Suspended",
        "  Held by spec.suspend.",
    ]


def test_a_job_that_succeeded_says_so_and_shows_no_output(mlctl, namespace):
    status = {"phase": "Succeeded", "reason": "Completed", "message": "Exit code 0."}
    namespace.job("digits", status)
    namespace.ended(namespace.pod("digits", "echo accuracy=0.9"))
    assert mlctl("why", "digits").lines == [
        "pythonjob/digits: Succeeded (Completed)",
        "  Exit code 0.",
        "pod/pyjob-digits-worker-0: Succeeded on cpu-1",
    ]


def test_pods_of_other_jobs_are_not_shown(mlctl, namespace):
    namespace.job("digits", {"phase": "Pending"})
    namespace.pod("other", node="")
    assert mlctl("why", "digits").lines == ["pythonjob/digits: Pending"]


def test_the_catalogue_does_not_run(mlctl):
    answer = mlctl("why", "fw/python")
    assert answer.code == 2
    assert answer.err == "mlctl: framework/python is part of the catalogue, it does not run\n"


@pytest.mark.parametrize("command", [("why",), ("logs",), ("suspend",), ("resume",)])
def test_a_job_that_is_not_there_is_one_line_and_exit_code_1(mlctl, namespace, command):
    answer = mlctl(*command, "digits")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err == f"mlctl: there is no digits in namespace {namespace.name}\n"


@pytest.mark.parametrize("name", ["", "/", "a/", "/a", "pyjob/a/b", "..", "pyjob/.."])
def test_what_is_no_name_is_bad_usage(mlctl, name):
    answer = mlctl("why", name)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("mlctl: ")
    assert answer.err.count("\n") == 1
