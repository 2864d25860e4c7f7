"""Chooses the form of a response by the Accept header.

Forms: the object itself, its metadata alone (PartialObjectMetadata) or a table of printer
columns, always as JSON. Protobuf is understood as a wish and passed over; a client that
accepts nothing else gets 406, as it would from a server for custom resources.
"""

from __future__ import annotations

from functools import lru_cache

import attrs

from mlctl_core.embedded.apiserver.errors import not_acceptable

JSON_TYPE = "application/json"
META_GROUP = "meta.k8s.io"
DISCOVERY_GROUP = "apidiscovery.k8s.io"

TABLE = "Table"
PARTIAL = "PartialObjectMetadata"
PARTIAL_LIST = "PartialObjectMetadataList"
CONVERTED = (TABLE, PARTIAL, PARTIAL_LIST)
"""Kinds that any object can be written as."""

_HEADERS_REMEMBERED = 256
"""Clients send few different Accept headers; this bounds what a strange one can cost."""


@attrs.frozen
class Form:
    """How an object is to be written."""

    kind: str = ""
    """"" for the object itself, Table, PartialObjectMetadata or PartialObjectMetadataList."""
    version: str = ""
    group: str = ""


PLAIN = Form()


@lru_cache(maxsize=_HEADERS_REMEMBERED)
def choose_form(accept: str) -> Form:
    """Give the first acceptable form that can be made.

    Raises:
        StatusError: 406, there is none.
    """
    converted = False
    for form in _accepted(accept):
        if not form.kind:
            return form
        known = form.kind in CONVERTED and form.version in {"v1", "v1beta1"}
        if known and form.group == META_GROUP:
            return form
        converted = True
    if converted:
        raise not_acceptable(
            f"only the following media types are accepted: {JSON_TYPE}, application/yaml"
        )
    raise not_acceptable(f"406: Not Acceptable\n\nAvailable representations: {JSON_TYPE}")


@lru_cache(maxsize=_HEADERS_REMEMBERED)
def choose_discovery(accept: str) -> str:
    """Give the version of aggregated discovery that is asked for first; "" for the plain one."""
    try:
        for form in _accepted(accept):
            if not form.kind:
                return ""
            if form.group == DISCOVERY_GROUP and form.version in {"v2", "v2beta1"}:
                return form.version
    except ValueError:
        return ""
    return ""


def _accepted(accept: str) -> list[Form]:
    """List the JSON forms of a header in the order they stand in."""
    forms = []
    for clause in (accept or "*/*").split(","):
        media, *parameters = (part.strip() for part in clause.split(";"))
        if media not in {JSON_TYPE, "application/*", "*/*"}:
            continue
        values = dict(part.split("=", 1) for part in parameters if "=" in part)
        forms.append(Form(values.get("as", ""), values.get("v", ""), values.get("g", "")))
    return forms
