"""What a request asks for in its query string and in the options of its body.

Values are parsed and refused here, worded as upstream words it, so that handlers work with
typed values only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from mlctl_core.embedded.apiserver import field_errors
from mlctl_core.embedded.apiserver.errors import StatusError, bad_request, invalid_options
from mlctl_core.embedded.apiserver.label_syntax import read_label_selector

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlctl_core.objects.json import Json

_FALSE = {"", "0", "f", "F", "false", "FALSE", "False"}
_POLICIES = ("Foreground", "Background", "Orphan")
_VALIDATIONS = ("", "Ignore", "Strict", "Warn")
_MATCH = "resourceVersionMatch"
_MATCHES = ("Exact", "NotOlderThan", "")
FIELD_MANAGER_LENGTH = 128
"""As upstream: longer names of field managers are refused."""


@attrs.frozen
class ListOptions:
    """Of GET on a collection."""

    label_selector: str = ""
    field_selector: str = ""
    limit: int = 0
    continue_token: str = ""
    resource_version: str = ""
    resource_version_match: str = ""
    watch: bool = False
    allow_bookmarks: bool = False
    timeout_seconds: float | None = None
    send_initial_events: bool | None = None


@attrs.frozen
class WriteOptions:
    """Of POST, PUT and PATCH."""

    dry_run: bool = False
    field_manager: str = ""
    field_validation: str = "Warn"
    force: bool = False
    warnings: list[str] = attrs.field(factory=list, eq=False)
    """What to tell the client; filled in while writing."""


@attrs.frozen
class DeleteOptions:
    """Of DELETE."""

    dry_run: bool = False
    grace_period_seconds: int | None = None
    propagation: str = ""
    uid: str | None = None
    resource_version: str | None = None


def parse_bool(query: Mapping[str, str], name: str) -> bool:
    """Read a flag of the query string, false when absent."""
    # Upstream takes whatever is not a way to say no for yes: ?watch=please watches.
    return query.get(name, "") not in _FALSE


def _parse_int(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


def _forbidden(field: str, message: str) -> StatusError:
    return invalid_options("ListOptions", field_errors.forbidden(field, message))


def list_options(query: Mapping[str, str], *, watch: bool = False) -> ListOptions:
    """Read the options of a list or a watch.

    Raises:
        StatusError: 400 for what cannot be parsed, 422 for combinations upstream refuses.
    """
    initial = query.get("sendInitialEvents")
    options = ListOptions(
        label_selector=query.get("labelSelector", ""),
        field_selector=query.get("fieldSelector", ""),
        limit=max(_parse_int(query, "limit") or 0, 0),
        continue_token=query.get("continue", ""),
        resource_version=query.get("resourceVersion", ""),
        resource_version_match=query.get("resourceVersionMatch", ""),
        watch=watch or parse_bool(query, "watch"),
        allow_bookmarks=parse_bool(query, "allowWatchBookmarks"),
        timeout_seconds=_parse_int(query, "timeoutSeconds"),
        send_initial_events=None if initial is None else parse_bool(query, "sendInitialEvents"),
    )
    if options.label_selector:
        try:
            read_label_selector(options.label_selector)
        except ValueError as error:
            raise bad_request(str(error)) from None
    _check_match(options)
    return options


def _check_match(options: ListOptions) -> None:
    if options.watch:
        _check_watch_match(options)
        return
    match, version, field = options.resource_version_match, options.resource_version, _MATCH
    if options.send_initial_events is not None:
        raise _forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list")
    if not match:
        return
    if options.continue_token:
        raise _forbidden(field, f"{field} is forbidden when continue is provided")
    if not version:
        raise _forbidden(field, f"{field} is forbidden unless resourceVersion is provided")
    if match not in _MATCHES:
        raise invalid_options("ListOptions", field_errors.not_supported(field, match, _MATCHES))
    if match == "Exact" and version == "0":
        raise _forbidden(field, f'{field} "exact" is forbidden for resourceVersion "0"')


def _check_watch_match(options: ListOptions) -> None:
    match = options.resource_version_match
    if options.send_initial_events is None:
        if match:
            message = f"{_MATCH} is forbidden for watch unless sendInitialEvents is provided"
            raise _forbidden(_MATCH, message)
    elif match != "NotOlderThan":
        message = f"sendInitialEvents requires setting {_MATCH} to NotOlderThan"
        errors = [field_errors.forbidden(_MATCH, message)]
        if match:
            errors.append(field_errors.not_supported(_MATCH, match, ("NotOlderThan",)))
        raise invalid_options("ListOptions", *errors)


def write_options(query: Mapping[str, str], kind: str, *, default_manager: str) -> WriteOptions:
    """Read the options of a write; `kind` is CreateOptions, UpdateOptions or PatchOptions.

    Raises:
        StatusError: 422, a value is not among those there are.
    """
    validation = query.get("fieldValidation", "")
    if validation not in _VALIDATIONS:
        error = field_errors.not_supported("fieldValidation", validation, _VALIDATIONS)
        raise invalid_options(kind, error)
    manager = query.get("fieldManager", "")
    if len(manager.encode()) > FIELD_MANAGER_LENGTH:
        error = field_errors.too_long("fieldManager", FIELD_MANAGER_LENGTH)
        raise invalid_options(kind, error)
    strange = [
        field_errors.invalid(
            "fieldManager", manager, f"invalid character U+{ord(letter):04X} (at position {index})"
        )
        for index, letter in enumerate(manager)
        if not letter.isprintable()
    ]
    if strange:
        raise invalid_options(kind, *strange)
    return WriteOptions(
        dry_run=_dry_run(query, kind),
        field_manager=manager or default_manager,
        field_validation=validation or "Warn",
        force=parse_bool(query, "force"),
    )


def _dry_run(query: Mapping[str, str], kind: str) -> bool:
    text = query.get("dryRun", "")
    if text not in {"", "All"}:
        raise invalid_options(kind, field_errors.not_supported("dryRun", [text], ("All",)))
    return text == "All"


def delete_options(query: Mapping[str, str], body: Json | None) -> DeleteOptions:
    """Read the options of a delete, from the body when there is one, else from the query.

    Raises:
        StatusError: 400 or 422, as upstream says it.
    """
    kind = "DeleteOptions"
    if not body:
        body = {
            "gracePeriodSeconds": _parse_int(query, "gracePeriodSeconds"),
            "propagationPolicy": query.get("propagationPolicy"),
            "dryRun": [query["dryRun"]] if query.get("dryRun") else [],
        }
        if "orphanDependents" in query:
            body["orphanDependents"] = parse_bool(query, "orphanDependents")
    elif (given := body.get("kind", kind)) != kind:
        version = body.get("apiVersion", "v1")
        raise bad_request(f'no kind "{given}" is registered for version "{version}"')
    policy = body.get("propagationPolicy") or ""
    orphan = body.get("orphanDependents")
    field = "propagationPolicy"
    if policy and policy not in _POLICIES:
        error = field_errors.not_supported(field, policy, (*_POLICIES, "nil"))
        raise invalid_options(kind, error)
    if policy and orphan is not None:
        message = "orphanDependents and deletionPropagation cannot be both set"
        raise invalid_options(kind, field_errors.invalid(field, policy, message))
    if orphan is not None:
        policy = "Orphan" if orphan else "Background"
    dry_run = body.get("dryRun") or []
    if dry_run not in ([], ["All"]):
        raise invalid_options(kind, field_errors.not_supported("dryRun", dry_run, ("All",)))
    preconditions = body.get("preconditions") or {}
    return DeleteOptions(
        dry_run=bool(dry_run),
        grace_period_seconds=body.get("gracePeriodSeconds"),
        propagation=policy,
        uid=preconditions.get("uid"),
        resource_version=preconditions.get("resourceVersion"),
    )
