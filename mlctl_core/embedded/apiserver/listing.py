"""GET of one object and LIST of many: resourceVersion semantics, selectors, pages.

Promise: a list shows the collection at exactly one revision, also over its pages; a page
asked for after that revision is forgotten is refused with 410 and a token that goes on
inconsistently, as upstream gives it.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import TYPE_CHECKING

import attrs

from mlctl_core.embedded.apiserver.errors import (
    StatusError,
    bad_request,
    expired,
    internal,
    too_large_resource_version,
)
from mlctl_core.embedded.apiserver.history import ExpiredError
from mlctl_core.embedded.apiserver.json_errors import syntax_error
from mlctl_core.embedded.apiserver.records import Record, RecordKey
from mlctl_core.embedded.apiserver.selection import make_selection

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.cluster import Cluster
    from mlctl_core.embedded.apiserver.options import ListOptions
    from mlctl_core.embedded.apiserver.resources import Resource
    from mlctl_core.embedded.apiserver.selection import Selection

_TOKEN_VERSION = "meta.k8s.io/v1"  # noqa: S105 (a format's name)
_INCONSISTENT = -1
"""In place of a revision in a continue token: go on with whatever there is now."""

_TOO_OLD_TO_CONTINUE = (
    "The provided continue parameter is too old to display a consistent list result. You can "
    "start a new list without the continue parameter, or use the continue token in this "
    "response to retrieve the remainder of the results. Continuing with the provided token "
    "results in an inconsistent list - objects that were created, modified, or deleted between "
    "the time the first chunk was returned and now may show up in the list."
)


@attrs.frozen
class Page:
    """Part of a list."""

    records: list[Record]
    revision: int
    continue_token: str = ""
    remaining: int | None = None


def parse_revision(text: str) -> int:
    """Read a resourceVersion.

    Raises:
        ValueError: it is not one; worded as upstream does.
    """
    if text.isascii() and text.isdigit():
        return int(text)
    shown = json.dumps(text)
    raise ValueError(
        f"resourceVersion: Invalid value: {shown}: "
        f"strconv.ParseUint: parsing {shown}: invalid syntax"
    )


def get_object(
    cluster: Cluster, resource: Resource, namespace: str, name: str, resource_version: str
) -> Record:
    """Look one object up, not older than a resourceVersion.

    Raises:
        StatusError: 404; 504 when that version has not happened yet.
    """
    if resource_version:
        try:
            asked = parse_revision(resource_version)
        except ValueError as error:
            raise internal(str(error)) from None
        if asked > cluster.store.revision:
            raise too_large_resource_version(asked, cluster.store.revision)
    return cluster.get(resource, namespace, name)


def list_objects(
    cluster: Cluster, resource: Resource, namespace: str, options: ListOptions
) -> Page:
    """List a namespace, or everywhere.

    Raises:
        StatusError: 400 for selectors and tokens that make no sense, 410 for a version that is
            forgotten, 504 for one that has not happened yet.
    """
    selection = make_selection(resource, options.label_selector, options.field_selector)
    revision, start = _where(cluster, options)
    try:
        records = cluster.collection(resource).records_at(revision, namespace)
    except ExpiredError:
        raise _too_old(start) from None
    if start is not None:
        records = [record for record in records if record.key.path > start.path]
    limit = options.limit
    if options.resource_version == "0":
        limit = 0  # Upstream serves it from its cache, which does not page.
    if not limit or selection.name:
        return Page([record for record in records if selection.matches(record)], revision)
    return _page(records, selection, limit, revision)


def _page(records: list[Record], selection: Selection, limit: int, revision: int) -> Page:
    """Take what is selected up to the limit; whether more is to come, the rest alone says."""
    shown: list[Record] = []
    for position, record in enumerate(records):
        if selection.matches(record):
            shown.append(record)
        rest = len(records) - position - 1
        if len(shown) == limit and rest:
            remaining = rest if selection.everything else None
            return Page(shown, revision, _token(revision, record.key), remaining)
    return Page(shown, revision)


def _where(cluster: Cluster, options: ListOptions) -> tuple[int, RecordKey | None]:
    """Work out the revision to show and the key to show from."""
    current = cluster.store.revision
    version = options.resource_version
    if options.continue_token:
        if version not in {"", "0"}:
            raise bad_request("specifying resource version is not allowed when using continue")
        revision, start = _read_token(options.continue_token)
        return (current if revision == _INCONSISTENT else revision), start
    if not version:
        return current, None
    try:
        asked = parse_revision(version)
    except ValueError as error:
        raise bad_request(f"invalid resource version: {error}") from None
    if asked > current:
        raise too_large_resource_version(asked, current)
    match = options.resource_version_match
    # Without a match, a limit makes the version exact: so it was before there were matches.
    exact = match == "Exact" or (not match and options.limit and asked)
    return (asked if exact else current), None


def _too_old(start: RecordKey | None) -> StatusError:
    if start is None:
        return expired("The resourceVersion for the provided list is too old.")
    error = expired(_TOO_OLD_TO_CONTINUE)
    error.continue_token = _token(_INCONSISTENT, start)
    return error


def _token(revision: int, last: RecordKey) -> str:
    start = f"{last.namespace}/{last.name}\0"
    text = json.dumps({"v": _TOKEN_VERSION, "rv": revision, "start": start}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_token(token: str) -> tuple[int, RecordKey]:
    try:
        padded = token + "=" * (-len(token) % 4)
        # Byte by byte, as Go reads it: nonsense is seldom UTF-8.
        content = json.loads(base64.urlsafe_b64decode(padded).decode("latin-1"))
        if content["v"] != _TOKEN_VERSION:
            raise bad_request("continue key is not valid: server does not recognize this version")
        namespace, _, name = content["start"].rstrip("\0").rpartition("/")
        return int(content["rv"]), RecordKey(namespace, name)
    except json.JSONDecodeError as error:
        raise _bad_token(syntax_error(error.doc, error)) from None
    except binascii.Error:
        raise _bad_token(f"illegal base64 data at input byte {_bad_byte(token)}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise _bad_token(str(error)) from None


def _bad_byte(token: str) -> int:
    """Where Go's decoder stops: at the first byte that is no base64, else in the last four."""
    found = re.search(r"[^A-Za-z0-9_-]", token)
    return found.start() if found else len(token) - len(token) % 4


def _bad_token(why: str) -> StatusError:
    return bad_request(f"invalid continue token: continue key is not valid: {why}")
