"""The command line of a JVM: what a few fields of a JVMJob become.

Pure, of plain values. Promises that what users wrote is whole arguments, and in the place of an
option only what the API let through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from controllers.jobs.pod.environment import CODE, DEPENDENCIES

if TYPE_CHECKING:
    from collections.abc import Sequence

HEAP_PERCENT = 75.0
"""Of the container's memory, which the JVM reads from its cgroup. The rest is for what is not the
heap: classes, compiled code, the stacks of threads, buffers."""

_FIXED = (
    f"-XX:MaxRAMPercentage={HEAP_PERCENT}",
    # An error that leaves one thread dead and the rest waiting would keep a node for nothing.
    "-XX:+ExitOnOutOfMemoryError",
)
OUT_OF_MEMORY_EXIT_CODE = 3
"""Of a JVM that ended by ExitOnOutOfMemoryError."""

CLASS_PATH = f"{CODE}:{CODE}/*:{DEPENDENCIES}/*"
"""Classes and jars of the source, and the jars of dependencies; ``java`` reads the stars."""


def command(
    entrypoint: str,
    args: Sequence[str],
    *,
    main_class: str | None = None,
    options: Sequence[str] = (),
    krb5_config: str | None = None,
    launcher: Sequence[str] = ("java",),
) -> list[str]:
    """``java`` with a class, or with a jar of the source or a dependency.

    A user's options follow ours, so that they win; those of Kerberos are found by the JVM only
    when it is told. ``launcher`` replaces ``java`` where a framework has its own.
    """
    kerberos = [f"-Djava.security.krb5.conf={krb5_config}"] if krb5_config else []
    words = [*launcher, *_FIXED, *kerberos, *options]
    if not entrypoint.endswith(".jar"):
        return [*words, "-cp", CLASS_PATH, entrypoint, *args]
    jar = f"{CODE}/{entrypoint}"
    if main_class:
        return [*words, "-cp", f"{jar}:{CLASS_PATH}", main_class, *args]
    return [*words, "-jar", jar, *args]
