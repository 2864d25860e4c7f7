"""A Java virtual machine that gives up says why, and so does its job."""

import pytest
from kind_world import KindWorld

# HotSpot of JDK 17, run with a heap of 16 MiB and ExitOnOutOfMemoryError.
FULL = "epoch=1\nTerminating due to java.lang.OutOfMemoryError: Java heap space\n"
POD_NAME = "jvmjob-mnist-worker-0"


def ended(code=3, output=FULL, **spec):
    world = KindWorld("JVMJob", **spec)
    world.logs["main"] = output
    world.run_all()
    world.finish(code, name=POD_NAME)
    world.settle()
    return world


def test_a_heap_that_is_full_is_the_reason_and_the_size_is_what_helps():
    status = ended().status
    assert (status.phase, status.reason) == ("Failed", "OutOfMemory")
    assert status.message == (
        "The JVM ran out of memory (Java heap space) and ended with exit code 3: "
        "choose a larger spec.size, of whose memory the heap is a part."
    )


@pytest.mark.parametrize(
    "option", ["-Xmx64m", "-XX:MaxHeapSize=64m", "-XX:MaxRAMPercentage=10", "-XX:MaxRAM=1g"]
)
def test_a_heap_that_the_job_itself_keeps_small_is_told_by_its_option(option):
    message = ended(jvmOptions=["-Xss4m", option]).status.message
    assert f"raise {option} in spec.jvmOptions, or remove it" in message


@pytest.mark.parametrize(
    "words",
    ["GC overhead limit exceeded", "Metaspace", "unable to create native thread: x", "Direct"],
)
def test_whatever_it_was_that_ran_out_is_told(words):
    output = f"no line break Terminating due to java.lang.OutOfMemoryError: {words}\r\n"
    status = ended(output=output).status
    assert status.reason == "OutOfMemory"
    assert f"({words})" in status.message
    assert "choose a larger spec.size" in status.message


@pytest.mark.parametrize(
    ("code", "output"),
    [
        (3, "epoch=1\n"),
        (3, 'Exception in thread "main" java.lang.OutOfMemoryError: Java heap space\n'),
        (1, FULL),
    ],
    ids=["a program's own 3", "an error that was caught", "another exit code"],
)
def test_what_is_not_the_machines_own_end_is_the_programs(code, output):
    status = ended(code, output).status
    assert status.reason == "AppError"
    assert f"exit code {code}" in status.message


def test_it_is_a_failure_of_the_program_and_retried_as_such():
    world = ended(backoffLimit=1)
    assert world.status.phase == "Restarting"
    [record] = world.status.restart_history
    assert (record.reason, record.exit_code) == ("OutOfMemory", 3)
    assert (world.status.restarts, world.status.infra_restarts) == (1, 0)


def test_without_its_log_the_exit_code_is_all_there_is():
    world = KindWorld("JVMJob").run_all()
    world.unreadable = {world.pods()[0]["metadata"]["uid"]}
    world.finish(3, name=POD_NAME)
    world.settle()
    world.pass_time(60)
    world.settle()
    assert world.status.reason == "AppError"
    assert "exit code 3" in world.status.message
