"""What both kinds of runtime say when there is no log to show."""

from __future__ import annotations

__all__ = ["BAD_REQUEST", "NOT_FOUND", "LogsUnavailableError"]

BAD_REQUEST, NOT_FOUND = 400, 404


class LogsUnavailableError(Exception):
    """There is nothing to read, in the words and with the status of a kubelet."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
