"""What a reflector does after a failure, and what it calls it: decisions only, pure.

Promises that the same failure in the same situation always leads to the same next step, and that
no row of failures leads to requests without a wait between them, however they follow each other:
what may be repeated at once either has brought something new, or asks for something else.
"""

from __future__ import annotations

from enum import Enum, auto

import attrs

from mlctl_core.client.errors import (
    ApiError,
    ClientError,
    ConnectionFailedError,
    GoneError,
    MalformedResponseError,
    NotFoundError,
    RequestTimeoutError,
    ServerTimeoutError,
    TooManyRequestsError,
    UnauthorizedError,
    UnavailableError,
)

__all__ = ["Decision", "Pause", "Situation", "decide", "reason"]

# Why a watch was begun again: the values of a metric's label.
CLOSED = "closed"
EXPIRED = "expired"
SILENT = "silent"
CONNECTION = "connection"
THROTTLED = "throttled"
MALFORMED = "malformed"
REFUSED = "refused"


class Pause(Enum):
    """How long to wait before the next request."""

    NONE = auto()
    GROWING = auto()
    """From failure to failure."""
    UNKNOWN_KIND = auto()
    """A while: a kind that the server does not know may become known at any time."""


@attrs.frozen(kw_only=True)
class Situation:
    """In what a failure came."""

    watching: bool
    """The list is whole, and what failed is the watch that follows it."""
    heard: bool = False
    """The watch that failed had brought an event or a bookmark."""
    at_version: bool = True
    """The request named a version."""
    streams_lists: bool = True
    """The server is believed to be able to stream lists."""
    expired: bool = False
    """The watch before this one had expired too, and nothing has been heard since."""


@attrs.frozen(kw_only=True)
class Decision:
    """What comes next; the default is the same once more."""

    pause: Pause = Pause.NONE
    relist: bool = False
    """List next; a watch would not go on from what is there."""
    forget_version: bool = False
    """List what is there now rather than at the last version."""
    stop_streaming: bool = False
    """Take the server for one that cannot stream lists."""


def decide(error: ClientError, now: Situation) -> Decision:
    """The next step after ``error``."""
    wait = Pause.UNKNOWN_KIND if isinstance(error, NotFoundError) else Pause.GROWING
    if _is_about_version(error):
        if not now.watching and not now.at_version:
            return Decision(pause=wait)
        return Decision(
            relist=True,
            # A server whose watch has forgotten a version may still know it when it lists.
            forget_version=not now.watching or not isinstance(error, GoneError),
            pause=wait if now.watching and now.expired else Pause.NONE,
        )
    if isinstance(error, MalformedResponseError):
        return Decision(relist=True, pause=wait)
    if not now.watching and now.streams_lists and _may_mean_no_streaming(error):
        return Decision(stop_streaming=True)
    if now.watching and now.heard and isinstance(error, ConnectionFailedError):
        # What broke was a good connection, so the next may well be one.
        return Decision()
    return Decision(pause=wait)


def reason(error: ClientError) -> str:
    """Why a watch that failed so is begun again: one of this module's constants."""
    match error:
        case RequestTimeoutError():
            return SILENT
        case ConnectionFailedError():
            return CONNECTION
        case MalformedResponseError():
            return MALFORMED
        case TooManyRequestsError():
            return THROTTLED
        case _ if _is_about_version(error):
            return EXPIRED
        case _:
            return REFUSED


def _is_about_version(error: ClientError) -> bool:
    """Whether the server has forgotten the version we named, or does not know it yet."""
    if isinstance(error, ServerTimeoutError):
        return error.too_large_resource_version
    return isinstance(error, GoneError)


def _may_mean_no_streaming(error: ClientError) -> bool:
    """Servers before 1.27 refuse the parameters, and who stands before them may do anything.

    Not so what has an explanation of its own, which would hold for a list as well.
    """
    otherwise = (NotFoundError, TooManyRequestsError, UnauthorizedError, UnavailableError)
    return isinstance(error, ApiError) and not isinstance(error, otherwise)
