"""What is installed by an extra is needed by that part alone, which asks for it by name."""

from __future__ import annotations

import subprocess
import sys

import pytest

EMBEDDED = ("cel", "cryptography", "jsonpatch", "kubernetes")


def without(modules, statement):
    """Run the statement in an interpreter that has no such modules."""
    code = f"import sys; sys.modules.update(dict.fromkeys({modules!r})); {statement}"
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def running(module):
    return f"import runpy; runpy.run_module({module!r}, run_name='__main__', alter_sys=True)"


def test_an_operator_and_the_command_do_without_any_extra():
    names = "from mlctl_core import Manager, Plan, planner, resource, crd"
    ended = without(EMBEDDED, f"{names}; import mlctl_core.cli.main")
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("module", ["mlctl_core.embedded", "mlctl_core.embedded.node"])
def test_the_embedded_control_plane_asks_for_its_extra(module):
    ended = without(EMBEDDED, running(module))
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: no module ")
    assert ended.stderr.endswith(": pip install 'mlctl[embedded]'\n")
    assert ended.stderr.count("\n") == 1
