"""What the Java virtual machine says when it gives up."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import attrs

from controllers.jvm.command import OUT_OF_MEMORY_EXIT_CODE

if TYPE_CHECKING:
    from apis.v1alpha1.jvmjob import JVMJob
    from controllers.jobs.life.outcome import Outcome

_EXHAUSTED = re.compile(r"Terminating due to java\.lang\.OutOfMemoryError: ([^\r\n]{1,200})")
"""HotSpot's words on its way out by ExitOnOutOfMemoryError (report_java_out_of_memory)."""
_HEAP = ("Java heap space", "GC overhead limit exceeded")
_HEAP_OPTIONS = ("-Xmx", "-XX:MaxHeapSize=", "-XX:MaxRAMPercentage=", "-XX:MaxRAM=")


def explained(job: JVMJob, outcome: Outcome, output: str) -> Outcome:
    """``outcome`` with its cause, where the machine ran out of memory.

    A program may end with the same exit code by itself: it is the machine's own words that count.
    """
    if outcome.exit_code != OUT_OF_MEMORY_EXIT_CODE:
        return outcome
    found = _EXHAUSTED.search(output)
    if found is None:
        return outcome
    message = (
        f"The JVM ran out of memory ({found[1].strip()}) and ended with exit code "
        f"{OUT_OF_MEMORY_EXIT_CODE}: {_fix(job, found[1])}"
    )
    return attrs.evolve(outcome, reason="OutOfMemory", message=message)


def _fix(job: JVMJob, what: str) -> str:
    if what.startswith(_HEAP):
        for option in job.spec.jvm_options:
            if option.startswith(_HEAP_OPTIONS):
                return f"raise {option} in spec.jvmOptions, or remove it and choose a larger size."
        return "choose a larger spec.size, of whose memory the heap is a part."
    return "choose a larger spec.size, or change what spec.jvmOptions says of that."
