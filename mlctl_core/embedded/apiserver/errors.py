"""The errors an API server answers with, each one a `Status` object.

Promise: code, reason, message, details and causes are worded as kube-apiserver 1.37
words them, because clients compare reasons and people search for messages. Raising is
all a handler does; the HTTP layer turns a `StatusError` into the response.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from mlctl_core.embedded.apiserver.field_errors import status_causes, summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlctl_core.embedded.apiserver.field_errors import FieldError
    from mlctl_core.objects.json import Json

RETRY_SECONDS = 1
"""What a client is told to wait before asking again; upstream says 1 as well."""


@attrs.frozen
class Cause:
    """One reason inside `details.causes`: which field, what kind of mistake, in words."""

    reason: str
    message: str
    field: str = ""

    def to_json(self) -> Json:
        """Give the cause as it stands in a `Status`."""
        cause: Json = {"reason": self.reason, "message": self.message}
        if self.field:
            cause["field"] = self.field
        return cause


class StatusError(Exception):
    """A request that is refused; carries what the `Status` object says."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        details: Json | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.retry_after = retry_after
        self.continue_token = ""
        """Where a list that has expired may be taken up again, inconsistently."""

    def to_json(self) -> Json:
        """Give the `Status` object of this error."""
        status: Json = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {"continue": self.continue_token} if self.continue_token else {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            status["reason"] = self.reason
        details = dict(self.details) if self.details is not None else None
        if self.retry_after is not None:
            details = {**(details or {}), "retryAfterSeconds": self.retry_after}
        if details is not None:
            status["details"] = details
        status["code"] = self.code
        return status


def _details(group: str, resource: str, name: str, **more: object) -> Json:
    details: Json = {}
    if name:
        details["name"] = name
    if group:
        details["group"] = group
    if resource:
        details["kind"] = resource
    details.update(more)
    return details


def qualified(group: str, resource: str) -> str:
    """Name a resource as messages do: `pods`, `deployments.apps`."""
    return f"{resource}.{group}" if group else resource


def not_found(group: str, resource: str, name: str) -> StatusError:
    """404: there is no object of that name."""
    return StatusError(
        404,
        "NotFound",
        f'{qualified(group, resource)} "{name}" not found',
        details=_details(group, resource, name),
    )


def unknown_resource() -> StatusError:
    """404: the group and version exist, the resource does not."""
    message = "the server could not find the requested resource"
    return StatusError(404, "NotFound", message, details={})


def already_exists(
    group: str, resource: str, name: str, *, generated: bool = False, ending: bool = False
) -> StatusError:
    """409: a create met an object of the same name.

    The name may have been generated, and that object may be being deleted.
    """
    message = f'{qualified(group, resource)} "{name}" already exists'
    details = _details(group, resource, name)
    if generated:
        message += ", the server was not able to generate a unique name for the object"
        details["retryAfterSeconds"] = RETRY_SECONDS
    if ending:
        message = f"object is being deleted: {message}"
    return StatusError(409, "AlreadyExists", message, details=details)


def conflict(
    group: str, resource: str, name: str, why: str, causes: Sequence[Cause] = ()
) -> StatusError:
    """409: the request was made against another state of the object than it has."""
    details = _details(group, resource, name)
    if causes:
        details["causes"] = [cause.to_json() for cause in causes]
    return StatusError(
        409,
        "Conflict",
        f'Operation cannot be fulfilled on {qualified(group, resource)} "{name}": {why}',
        details=details,
    )


def modified(group: str, resource: str, name: str) -> StatusError:
    """409: the resourceVersion in the request is not the object's any more."""
    why = "the object has been modified; please apply your changes to the latest version"
    return conflict(group, resource, name, f"{why} and try again")


def invalid(group: str, kind: str, name: str, errors: Sequence[FieldError]) -> StatusError:
    """422: the object breaks rules of its kind; every broken rule is a cause."""
    details = _details(group, kind, name)
    details["causes"] = status_causes(errors)
    message = f'{qualified(group, kind)} "{name}" is invalid: {summary(errors)}'
    return StatusError(422, "Invalid", message, details=details)


def invalid_options(kind: str, *found: FieldError) -> StatusError:
    """422: a query parameter or a field of a request's options has an impossible value."""
    return invalid("meta.k8s.io", kind, "", found)


def bad_request(message: str) -> StatusError:
    """400: the request cannot be understood."""
    return StatusError(400, "BadRequest", message)


def internal(message: str) -> StatusError:
    """500: without a reason, which is how upstream reports errors it has no word for."""
    return StatusError(500, "", message)


def internal_error(message: str) -> StatusError:
    """500: an error that upstream passes on as its own."""
    details: Json = {"causes": [{"message": message}]}
    whole = f"Internal error occurred: {message}"
    return StatusError(500, "InternalError", whole, details=details)


def forbidden(
    group: str, resource: str, name: str, why: str, causes: Sequence[Cause] = ()
) -> StatusError:
    """403: understood, and refused by admission or authorisation."""
    details = _details(group, resource, name)
    if causes:
        details["causes"] = [cause.to_json() for cause in causes]
    subject = f'{qualified(group, resource)} "{name}" is forbidden'
    if not name:
        subject = f"{qualified(group, resource)} is forbidden"
    return StatusError(403, "Forbidden", f"{subject}: {why}", details=details)


def unauthorized() -> StatusError:
    """401: no credentials, or none that mean anything here."""
    return StatusError(401, "Unauthorized", "Unauthorized")


def method_not_allowed() -> StatusError:
    """405: the resource exists and does not do that."""
    message = "the server does not allow this method on the requested resource"
    return StatusError(405, "MethodNotAllowed", message, details={})


def not_implemented(message: str) -> StatusError:
    """501: real servers do it, this one does not; upstream has no word for that."""
    return StatusError(501, "", message)


def unsupported_verb(verb: str, group: str, plural: str) -> StatusError:
    """405, as upstream words it for custom resources."""
    message = f'{verb} is not supported on resources of kind "{plural}.{group}"'
    return StatusError(405, "MethodNotAllowed", message, details={"group": group, "kind": plural})


def not_acceptable(message: str) -> StatusError:
    """406: the response cannot be given in any form the client accepts."""
    return StatusError(406, "NotAcceptable", message)


def unsupported_media_type(accepted: Sequence[str]) -> StatusError:
    """415: the request's body is in a form that is not read here."""
    listed = ", ".join(accepted)
    return StatusError(
        415,
        "UnsupportedMediaType",
        "the body of the request was in an unknown format - accepted media types include: "
        + listed,
    )


def unsupported_patch(custom: bool) -> StatusError:  # noqa: FBT001
    """415: a patch of a type that the resource does not take."""
    if not custom:
        message = "415: Unsupported Media Type"
        return StatusError(415, "UnsupportedMediaType", message, details={})
    return unsupported_media_type(
        (
            "application/json-patch+json",
            "application/merge-patch+json",
            "application/apply-patch+yaml",
        )
    )


def too_large(limit: int) -> StatusError:
    """413: the body is longer than the server reads."""
    return StatusError(
        413,
        "RequestEntityTooLarge",
        f"Request entity too large: limit is {limit}",
        details={},
    )


def expired(message: str) -> StatusError:
    """410: the asked-for resourceVersion is older than the history that is kept."""
    return StatusError(410, "Expired", message)


def too_large_resource_version(asked: int, current: int) -> StatusError:
    """504: the asked-for resourceVersion has not happened yet (k/k #91073 gave it a cause)."""
    cause = Cause("ResourceVersionTooLarge", "Too large resource version")
    return StatusError(
        504,
        "Timeout",
        f"Timeout: Too large resource version: {asked}, current: {current}",
        details={"causes": [cause.to_json()]},
        retry_after=RETRY_SECONDS,
    )
