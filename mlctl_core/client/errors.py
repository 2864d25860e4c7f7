"""What can go wrong at the API server's door, as exception types.

Promises that every failed request raises a `ClientError`: an `ApiError` when the server (or
something in front of it) answered with an error, `ConnectionFailedError` when no whole answer
came, `MalformedResponseError` when a success carried something that is not Kubernetes JSON.
The subclass of `ApiError` follows the Status reason where there is one and the HTTP status
otherwise, since load balancers answer in HTML and with empty bodies.

Does not promise that a request which failed had no effect: a lost answer and a lost request
look alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from mlctl_core.objects.json import Json

__all__ = [
    "AlreadyExistsError",
    "ApiError",
    "BadRequestError",
    "ClientError",
    "ConfigError",
    "ConflictError",
    "ConnectionFailedError",
    "ForbiddenError",
    "GoneError",
    "InvalidError",
    "LeaseLostError",
    "MalformedResponseError",
    "NotFoundError",
    "RequestTimeoutError",
    "ServerTimeoutError",
    "TooManyRequestsError",
    "UnauthorizedError",
    "UnavailableError",
    "api_error",
]

# Of an answer that is not a Status, so much is quoted: enough to recognise a proxy's page.
EXCERPT_CHARACTERS = 200


class ClientError(Exception):
    """Anything that `mlctl_core.client` raises on purpose."""


class ConfigError(ClientError):
    """The cluster's address or credentials cannot be found or read; the message says where."""


class ConnectionFailedError(ClientError):
    """No whole answer came: refused, reset, not resolved, TLS refused. Worth retrying."""


class RequestTimeoutError(ConnectionFailedError):
    """No whole answer came in the time that the caller gave."""


class LeaseLostError(ClientError):
    """Another process may lead by now, so a write was not sent. Raised by a client's guard."""


class MalformedResponseError(ClientError):
    """The server said success and sent something that is not what was asked for."""


class ApiError(ClientError):
    """The server answered with an error.

    Attributes:
        status: HTTP status (of an in-stream watch error: the Status object's code).
        reason: the Status reason such as ``NotFound``; empty when there was no Status.
        message: the server's words.
        details: the Status details (name, kind, causes); empty when there were none.
        retry_after: seconds that the server asks to wait before trying again, or None.
    """

    def __init__(
        self,
        status: int,
        reason: str = "",
        message: str = "",
        details: Json | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(status, reason, message)
        self.status = status
        self.reason = reason
        self.message = message
        self.details: Json = details if details is not None else {}
        self.retry_after = retry_after

    def __str__(self) -> str:
        what = f"{self.status} {self.reason}".rstrip()
        return f"{what}: {self.message}" if self.message else what

    @property
    def causes(self) -> list[Json]:
        """The causes of the details: for a 422 one per field (``field``, ``message``)."""
        causes = self.details.get("causes")
        if not isinstance(causes, list):
            return []
        return [cause for cause in causes if isinstance(cause, dict)]


class BadRequestError(ApiError):
    """400: the request itself makes no sense to the server."""


class UnauthorizedError(ApiError):
    """401: the credentials were refused, also after they had been read again."""


class ForbiddenError(ApiError):
    """403: the credentials are good and the right is missing."""


class NotFoundError(ApiError):
    """404: no such object, or no such resource (a CRD that is not there yet)."""


class AlreadyExistsError(ApiError):
    """409 AlreadyExists: the name is taken."""


class ConflictError(ApiError):
    """409 Conflict: resourceVersion, UID or field manager do not match. Normal; look again."""


class GoneError(ApiError):
    """410 Gone or Expired: the resourceVersion or continue token is too old."""


class InvalidError(ApiError):
    """422: the object was refused by validation; see `ApiError.causes`."""


class TooManyRequestsError(ApiError):
    """429: not handled, come again (overload, or a CRD's storage that is being set up)."""


class UnavailableError(ApiError):
    """503: nobody there to answer."""


class ServerTimeoutError(ApiError):
    """504, or the reasons Timeout and ServerTimeout."""

    @property
    def too_large_resource_version(self) -> bool:
        """Whether the server has not yet seen the resourceVersion that was asked for.

        Servers since 1.19 say so by a cause's reason, 1.18 by a cause's message, older ones
        only in the text (k/k #91073, #94316, #107133).
        """
        return any(
            cause.get("reason") == "ResourceVersionTooLarge" or cause.get("message") == _TOO_LARGE
            for cause in self.causes
        ) or (_TOO_LARGE in self.message)


_TOO_LARGE = "Too large resource version"

_BY_REASON: dict[str, type[ApiError]] = {
    "AlreadyExists": AlreadyExistsError,
    "BadRequest": BadRequestError,
    "Conflict": ConflictError,
    "Expired": GoneError,
    "Forbidden": ForbiddenError,
    "Gone": GoneError,
    "Invalid": InvalidError,
    "NotFound": NotFoundError,
    "ServerTimeout": ServerTimeoutError,
    "ServiceUnavailable": UnavailableError,
    "Timeout": ServerTimeoutError,
    "TooManyRequests": TooManyRequestsError,
    "Unauthorized": UnauthorizedError,
}
_BY_STATUS: dict[int, type[ApiError]] = {
    400: BadRequestError,
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    410: GoneError,
    422: InvalidError,
    429: TooManyRequestsError,
    503: UnavailableError,
    504: ServerTimeoutError,
}


class _Status(msgspec.Struct):
    kind: str = ""
    code: int | None = None
    reason: str | None = None
    message: str | None = None
    details: dict[str, Any] | None = None


_status_decoder = msgspec.json.Decoder(_Status)


def api_error(http_status: int, body: bytes, retry_after_header: str | None = None) -> ApiError:
    """The exception for an error answer, or for the object of a watch's ERROR event.

    Args:
        http_status: the answer's status; 0 for an ERROR event, whose Status says its own.
        body: whatever came; a Status object in the good case.
        retry_after_header: as sent; only whole seconds are understood, as in client-go.
    """
    status = _status(body)
    if status is None:
        status = _Status(message=_excerpt(body))
    code = http_status or status.code or 500
    details = status.details or {}
    reason = status.reason or ""
    kind = _BY_REASON.get(reason) or _BY_STATUS.get(code, ApiError)
    return kind(
        code, reason, status.message or "", details, _retry_after(retry_after_header, details)
    )


def _status(body: bytes) -> _Status | None:
    try:
        status = _status_decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return status if status.kind == "Status" else None


def _retry_after(header: str | None, details: Json) -> float | None:
    if header is not None and header.strip().isdecimal():
        return float(header)
    seconds = details.get("retryAfterSeconds")
    if isinstance(seconds, int) and seconds > 0:
        return float(seconds)
    return None


def _excerpt(body: bytes) -> str:
    """The beginning of a foreign answer, safe to print: a terminal would obey escapes."""
    text = body[: EXCERPT_CHARACTERS * 4].decode("utf-8", "replace")[:EXCERPT_CHARACTERS]
    return "".join(c if c.isprintable() else " " for c in text).strip()
