"""The commands of steps that get a job's things: which program an image can run, and how.

Promises that what users wrote travels as whole arguments, never as syntax, and that nothing is
needed of the image but the language of its framework and what a message names.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Literal

from controllers.jobs import programs

if TYPE_CHECKING:
    from collections.abc import Sequence

REPORT = "/dev/termination-log"
"""Where a step leaves its result: it comes back in the pod's status, without a request for it."""

_PYTHON = ("python", "-u", "-c")

Program = Literal["checkout", "fetch", "install", "renew"]


def command(program: Program, *arguments: str) -> list[str]:
    """Run one of `programs` in an image with Python."""
    return [*_PYTHON, *map(literal, (text(program), *arguments))]


@cache
def text(program: Program) -> str:
    """A program as it is written."""
    return resources.files(programs).joinpath(f"{program}.py").read_text(encoding="utf-8")


def literal(argument: str) -> str:
    """The argument as a kubelet passes it on unchanged: ``$(NAME)`` in a command is a variable."""
    return argument.replace("$", "$$")


def environment_names(words: Sequence[str]) -> list[str]:
    """The words as parts of names of variables: upper case, and ``_`` for the rest."""
    return ["".join(c if c.isalnum() else "_" for c in word).upper() for word in words]
