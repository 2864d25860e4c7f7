"""The one error of the command line: a sentence for a person."""

from __future__ import annotations


class CommandError(Exception):
    """The command cannot be done; the message says why, and the exit code is `code`."""

    def __init__(self, message: str, *, code: int = 1) -> None:
        super().__init__(message)
        self.code = code
