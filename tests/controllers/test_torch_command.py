import pytest

from controllers.jobs.pod.entrypoint import FUNCTION_RUNNER
from controllers.torch.command import command

RUN = ["python", "-u", "-m", "torch.distributed.run"]
ARGS = ["--nnodes", "$(rm) '"]


@pytest.mark.parametrize(
    ("entrypoint", "expected"),
    [
        ("src/train.py", [*RUN, "/mlctl/code/src/train.py", *ARGS]),
        ("package.module", [*RUN, "--module", "package.module", *ARGS]),
        (
            "module:main",
            [*RUN, "--no-python", "python", "-u", "-c", FUNCTION_RUNNER, "module:main", *ARGS],
        ),
    ],
)
def test_torchrun_runs_what_the_entrypoint_names_and_args_follow_untouched(entrypoint, expected):
    assert command(entrypoint, ARGS) == expected


def test_a_framework_may_bring_its_own_interpreter():
    found = command("train.py", [], ["/opt/python"])
    assert found == ["/opt/python", "-m", "torch.distributed.run", "/mlctl/code/train.py"]
