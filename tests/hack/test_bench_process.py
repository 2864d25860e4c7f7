"""The kernel's figures of a process, as proc(5) writes them."""

from __future__ import annotations

import os

import pytest

from hack.bench.process import cpu_seconds, peak_bytes


@pytest.fixture
def proc(tmp_path):
    folder = tmp_path / "7"
    folder.mkdir()
    rest = " ".join(str(number) for number in range(4, 53))
    (folder / "stat").write_text(f"7 (a (b) c) S {rest}\n")
    (folder / "status").write_text("Name:\ta\nVmPeak:\t  9000 kB\nVmHWM:\t  2048 kB\n")
    return tmp_path


def test_cpu_is_the_time_of_the_program_and_of_the_kernel_for_it(proc):
    """Fields 14 and 15, counted from 1; the name in the second may hold anything."""
    assert cpu_seconds(7, proc) == (14 + 15) / os.sysconf("SC_CLK_TCK")


def test_memory_is_the_most_that_was_resident(proc):
    assert peak_bytes(7, proc) == 2 * 1024 * 1024


def test_a_kernel_that_does_not_tell_is_named(proc):
    (proc / "7" / "status").write_text("Name:\ta\n")
    with pytest.raises(LookupError, match="VmHWM"):
        peak_bytes(7, proc)
