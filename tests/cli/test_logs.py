"""`mlctl logs`: what a job writes."""

from __future__ import annotations

import pytest


@pytest.fixture
def gate(tmp_path):
    """A file that a pod's script waits for."""
    return tmp_path / "gate"


def until(gate):
    return f"while ! test -e {gate}; do sleep 0.01; done"


def test_the_program_s_output_is_printed_as_it_was_written(mlctl, namespace):
    namespace.job("digits")
    namespace.ended(namespace.pod("digits", "printf 'a\\nb\\303\\244 '", prepare="echo installed"))
    answer = mlctl("logs", "digits")
    assert (answer.code, answer.out, answer.err) == (0, "a\nbä ", "")


def test_of_a_job_whose_preparation_failed_that_step_s_output_is_printed(mlctl, namespace):
    namespace.job("digits")
    namespace.ended(namespace.pod("digits", "echo ran", prepare="echo no such package; exit 1"))
    assert mlctl("logs", "digits").out == "no such package\n"


def test_a_job_speaks_by_the_first_pod_of_its_leading_role(mlctl, namespace):
    namespace.job("digits")
    namespace.pod("digits", "echo second", index="1")
    namespace.ended(namespace.pod("digits", "echo first"))
    namespace.ended(namespace.pod("digits", "echo chief", role="chief"))
    assert mlctl("logs", "digits").out == "chief\n"


def test_a_job_without_a_pod_points_to_why(mlctl, namespace):
    namespace.job("digits")
    answer = mlctl("logs", "digits")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err == "mlctl: pythonjob/digits has no pod (mlctl why digits says why)\n"


def test_a_pod_that_has_not_started_points_to_why(mlctl, namespace):
    namespace.job("digits")
    namespace.pod("digits", node="")
    answer = mlctl("logs", "digits")
    assert answer.code == 1
    assert answer.err == "mlctl: pythonjob/digits has not started (mlctl why digits says why)\n"


def test_followed_it_comes_as_it_is_written_until_the_program_ends(running, namespace, gate):
    namespace.job("digits")
    namespace.pod("digits", f"echo one; {until(gate)}; echo two")
    with running("logs", "-f", "digits") as command:
        command.wait_for(lambda c: c.out == "one\n")
        assert command.code is None
        gate.touch()
        answer = command.end()
    assert (answer.code, answer.out) == (0, "one\ntwo\n")


def test_followed_a_job_that_has_not_started_is_waited_for(running, namespace):
    namespace.job("digits")
    with running("logs", "-f", "digits") as command:
        command.wait_for(lambda c: c.err)
        namespace.pod("digits", "echo accuracy=0.9")
        answer = command.end()
    assert (answer.code, answer.out) == (0, "accuracy=0.9\n")
    assert answer.err == (
        "mlctl: pythonjob/digits has no pod (mlctl why digits says why); waiting\n"
    )


def test_followed_the_preparation_is_heard_before_the_program(running, namespace, gate):
    namespace.job("digits")
    namespace.pod("digits", "echo ran", prepare=f"echo installing; {until(gate)}; echo installed")
    with running("logs", "-f", "digits") as command:
        command.wait_for(lambda c: c.out == "installing\n")
        gate.touch()
        answer = command.end()
    assert answer.out == "installing\ninstalled\nran\n"


def test_followed_a_job_that_ends_without_a_start_is_an_error(mlctl, namespace):
    namespace.job("digits", {"phase": "Failed", "reason": "StartDeadlineExceeded"})
    answer = mlctl("logs", "-f", "digits")
    assert answer.code == 1
    assert answer.err == "mlctl: pythonjob/digits has no pod (mlctl why digits says why)\n"


def test_followed_a_job_that_is_deleted_before_its_start_is_an_error(running, namespace):
    namespace.job("digits")
    with running("logs", "-f", "digits") as command:
        command.wait_for(lambda c: c.err)
        namespace.delete("digits")
        answer = command.end()
    assert answer.code == 1
    assert answer.err.endswith("mlctl: pythonjob/digits was deleted\n")


def test_the_catalogue_has_no_logs(mlctl):
    assert mlctl("logs", "sz/small").code == 2
