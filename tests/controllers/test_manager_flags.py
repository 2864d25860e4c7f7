"""The flags that only `python -m controllers` has."""

import pytest

from controllers.gpu.accounting import GPU_RESOURCES
from controllers.options import flags
from mlctl_core.manager.args import parse_args


def read(*argv):
    own = flags()
    parse_args(argv, flags=own)
    return own.parse_known_args(argv)[0]


def test_what_counts_as_a_gpu_is_known_unless_it_is_said():
    assert read("--log-level=debug").gpu_resources is GPU_RESOURCES
    pattern = read("--log-level=debug", r"--gpu-resources=(nvidia|example)\.com/.*").gpu_resources
    assert pattern.fullmatch("example.com/npu")


@pytest.mark.parametrize(
    ("text", "complaint"), [("(", "no regular expression"), (".*", "matches cpu, which is no GPU")]
)
def test_a_pattern_that_makes_no_sense_is_refused(text, complaint, capsys):
    with pytest.raises(SystemExit) as ended:
        read(f"--gpu-resources={text}")
    assert ended.value.code == 2
    assert complaint in capsys.readouterr().err


def test_help_shows_them_beside_the_others(capsys):
    with pytest.raises(SystemExit):
        read("--help")
    shown = capsys.readouterr().out
    assert "--gpu-resources" in shown
    assert "--leader-elect" in shown
