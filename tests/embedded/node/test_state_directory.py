from __future__ import annotations

import os
import subprocess
import sys

from mlctl_core.embedded.node.state_directory import state_directory


def dead_pid():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_the_directory_is_there_while_it_is_needed(tmp_path):
    with state_directory(tmp_path) as made:
        (made / "file").write_text("x")
        assert made.parent == tmp_path

    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_node_left_is_removed_and_nothing_else(tmp_path):
    left = tmp_path / f"mlctl-node-{dead_pid()}-abc"
    ours = tmp_path / f"mlctl-node-{os.getpid()}-abc"
    foreign = tmp_path / "mlctl-node-notes"
    for directory in (left, ours, foreign):
        (directory / "pods").mkdir(parents=True)

    with state_directory(tmp_path):
        assert not left.exists()
        assert ours.exists()
        assert foreign.exists()
