from __future__ import annotations

from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllers.spark.memory import JVM_OVERHEAD, PYTHON_OVERHEAD, Memory, cores, mebibytes, split

HEAPS = {
    # A pod's memory: heap and overhead of a JVM, and of Python.
    "896Mi": ((512, 384), (512, 384)),
    "1Gi": ((640, 384), (640, 384)),
    "1344Mi": ((960, 384), (960, 384)),
    "1408Mi": ((1024, 384), (1006, 402)),
    "2Gi": ((1664, 384), (1463, 585)),
    "4Gi": ((3712, 384), (2926, 1170)),
    "4224Mi": ((3840, 384), (3017, 1207)),
    "16Gi": ((14895, 1489), (11703, 4681)),
    "64Gi": ((59579, 5957), (46812, 18724)),
    "4G": ((3430, 384), (2724, 1090)),
    "1.5Gi": ((1152, 384), (1097, 439)),
}


@pytest.mark.parametrize(("memory", "expected"), HEAPS.items(), ids=HEAPS)
def test_heap_and_overhead_are_the_whole_pod(memory, expected):
    for factor, parts in zip((JVM_OVERHEAD, PYTHON_OVERHEAD), expected, strict=True):
        assert split(memory, factor) == Memory(*parts)
        assert sum(parts) == mebibytes(memory)


@given(st.integers(896, 2**21), st.sampled_from([JVM_OVERHEAD, PYTHON_OVERHEAD]))
def test_the_heap_is_the_largest_whose_overhead_still_fits(total, factor):
    memory = split(f"{total}Mi", factor)

    def needs(heap):
        return heap + max(floor(heap * factor), 384)

    assert memory.heap + memory.overhead == total
    assert needs(memory.heap) <= total < needs(memory.heap + 1)


@pytest.mark.parametrize("memory", ["1", "512Mi", "895Mi", "939000000"])
def test_a_pod_that_no_driver_starts_in_has_no_heap(memory):
    assert split(memory, JVM_OVERHEAD) is None


@pytest.mark.parametrize(
    ("cpu", "tasks"),
    [("1", 1), ("500m", 1), ("1m", 1), ("1500m", 1), ("2", 2), ("3.9", 3), ("16", 16)],
)
def test_a_task_per_whole_core(cpu, tasks):
    assert cores(cpu) == tasks
