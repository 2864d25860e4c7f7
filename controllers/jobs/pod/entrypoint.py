"""From the ``entrypoint`` a user writes to the command a container runs.

Three spellings: ``train.py`` (a file of the source), ``package.module`` (run as ``python -m``)
and ``module:function`` (imported and called without arguments). ``args`` follow in each case.
Promises that user text only ever travels as whole arguments: no shell, no formatting into code.
Does not know whether a module exists: it may come from the source, the framework or a
dependency. A file comes from the source alone, so a missing one can be named beforehand.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CODE_DIRECTORY = "/mlctl/code"
DEFAULT_INTERPRETER = ("python", "-u")
"""Unbuffered: a line of output must reach the log when it is printed, not when a block fills."""

_NO_MODULE = re.compile(r"No module named '?([\w.]+)'?\)?$")

FUNCTION_RUNNER = """\
import functools, importlib, sys
target = sys.argv.pop(1)
sys.argv[0] = target
module, _, path = target.partition(":")
function = functools.reduce(getattr, path.split("."), importlib.import_module(module))
result = function()
sys.exit(result if type(result) is int else 0)
"""
"""Calls ``module:function``. Only a whole number is an exit code: a function that returns
its model must not fail, and ``True`` must not become 1."""


def command(
    entrypoint: str, args: Sequence[str], interpreter: Sequence[str] = DEFAULT_INTERPRETER
) -> list[str]:
    """The container's command line, arguments included.

    ``interpreter`` replaces ``python -u`` where a framework runs entrypoints its own way.
    """
    if is_file(entrypoint):
        return [*interpreter, f"{CODE_DIRECTORY}/{entrypoint}", *args]
    if ":" in entrypoint:
        return [*interpreter, "-c", FUNCTION_RUNNER, entrypoint, *args]
    return [*interpreter, "-m", entrypoint, *args]


def is_file(entrypoint: str) -> bool:
    """Whether the entrypoint names a file of the source."""
    return entrypoint.endswith((".py", ".jar")) and ":" not in entrypoint


def _path(entrypoint: str) -> str:
    return f"{CODE_DIRECTORY}/{entrypoint}"


def missing_file(entrypoint: str, files: Iterable[str]) -> str | None:
    """The file that the entrypoint needs and ``files`` lacks; None when nothing is missing."""
    if not is_file(entrypoint) or entrypoint in set(files):
        return None
    return entrypoint


def is_missing(entrypoint: str, output: str) -> bool:
    """Whether the last words of Python, or the first of Java, are that there is no such entrypoint.

    A module that the user's code fails to import is not meant: only the named one is.
    """
    for words in (f"find or load main class {entrypoint}", f"access jarfile {_path(entrypoint)}"):
        if any(line.startswith("Error: ") and line.endswith(words) for line in output.splitlines()):
            return True
    last = next((line.strip() for line in reversed(output.splitlines()) if line.strip()), "")
    if is_file(entrypoint):
        return "can't open file" in last and f"{CODE_DIRECTORY}/{entrypoint}'" in last
    module, _, function = entrypoint.partition(":")
    if function and last == f"AttributeError: module '{module}' has no attribute '{function}'":
        return True
    if f"__path__ attribute not found on '{module.rpartition('.')[0]}'" in last:
        return True
    missing = _NO_MODULE.search(last)
    return missing is not None and f"{module}.".startswith(f"{missing[1]}.")
