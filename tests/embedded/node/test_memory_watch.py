from __future__ import annotations

import pytest

from mlctl_core.embedded.node import memory
from mlctl_core.embedded.node.memory import MemoryWatch, container_memory
from mlctl_core.testing.clock import VirtualClock


@pytest.fixture
def proc(tmp_path, monkeypatch):
    """A /proc of two helpers, a container and its child, of 10, 20, 300 and 40 KiB."""
    monkeypatch.setattr(memory, "PROC", tmp_path)

    def process(pid, kib, *children):
        task = tmp_path / str(pid) / "task" / str(pid)
        task.mkdir(parents=True, exist_ok=True)
        (task / "children").write_text(" ".join(map(str, children)))
        (tmp_path / str(pid) / "smaps_rollup").write_text(f"Rss: 9999 kB\nPss_Anon: {kib} kB\n")

    process(1, 10, 2)
    process(2, 20, 3)
    process(3, 300, 4)
    process(4, 40)
    return process


def test_a_container_is_what_comes_after_the_helpers(proc):
    assert container_memory(1, 2) == 340 * 1024
    assert container_memory(3) == 340 * 1024


def test_an_older_kernel_tells_it_in_another_file(proc, tmp_path):
    for pid, kib in ((3, 100), (4, 1)):
        (tmp_path / str(pid) / "smaps_rollup").unlink()
        (tmp_path / str(pid) / "status").write_text(f"Name:\tx\nRssAnon:\t{kib} kB\n")

    assert container_memory(3) == 101 * 1024


def test_a_process_that_is_gone_uses_nothing(proc):
    assert container_memory(99) == 0


def test_who_is_over_the_limit_is_told_once(proc):
    watch = MemoryWatch(VirtualClock(), helpers=2)
    over = []
    watch.watch(1, 350 * 1024, lambda: over.append(1))
    watch.look()
    assert over == []

    proc(4, 60)
    watch.look()
    watch.look()
    assert over == [1]


def test_who_has_ended_is_not_looked_at(proc):
    watch = MemoryWatch(VirtualClock(), helpers=2)
    over = []
    watch.watch(1, 1, lambda: over.append(1))
    watch.forget(1)
    watch.look()

    assert over == []
