"""The command of a container whose entrypoint torchrun starts, once per process.

The three spellings of an entrypoint mean what they mean without torchrun, and user text travels
as whole arguments here, too: what follows torchrun's script is the script's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from controllers.jobs.pod.entrypoint import (
    CODE_DIRECTORY,
    DEFAULT_INTERPRETER,
    FUNCTION_RUNNER,
    is_file,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

TORCHRUN = ("-m", "torch.distributed.run")


def command(
    entrypoint: str, args: Sequence[str], interpreter: Sequence[str] = DEFAULT_INTERPRETER
) -> list[str]:
    """The container's command line, arguments included."""
    torchrun = [*interpreter, *TORCHRUN]
    if is_file(entrypoint):
        return [*torchrun, f"{CODE_DIRECTORY}/{entrypoint}", *args]
    if ":" in entrypoint:
        # torchrun knows scripts and modules; a function is a program of its own to it.
        return [*torchrun, "--no-python", *interpreter, "-c", FUNCTION_RUNNER, entrypoint, *args]
    return [*torchrun, "--module", entrypoint, *args]
