"""Writes objects in the form a client asked for.

Promise: the plain form of one object is its stored bytes, never re-encoded; a list of them is
the same bytes joined. Metadata alone is cut out of the bytes without reading the rest.
Items of a list of a built-in kind leave out what they are, as upstream does.
Does not promise upstream's order of fields, which JSON does not have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mlctl_core.embedded.apiserver.conversion import from_stored, stored_bytes
from mlctl_core.embedded.apiserver.errors import bad_request, not_acceptable
from mlctl_core.embedded.apiserver.negotiation import PARTIAL, PARTIAL_LIST, TABLE
from mlctl_core.embedded.apiserver.records import decode, encode
from mlctl_core.embedded.apiserver.table import to_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlctl_core.embedded.apiserver.cluster import Cluster
    from mlctl_core.embedded.apiserver.listing import Page
    from mlctl_core.embedded.apiserver.negotiation import Form
    from mlctl_core.embedded.apiserver.records import Record
    from mlctl_core.embedded.apiserver.resources import Resource
    from mlctl_core.objects.json import Json

_TYPED = (TABLE, PARTIAL_LIST)
"""Forms whose lists are Go structs, which leave out an empty continue token."""

_INCLUDES = ("", "None", "Metadata", "Object")


class _OnlyMetadata(msgspec.Struct):
    metadata: msgspec.Raw


_only_metadata = msgspec.json.Decoder(_OnlyMetadata).decode


def render_object(
    cluster: Cluster, resource: Resource, record: Record, form: Form, include: str = ""
) -> bytes:
    """Write one object.

    Raises:
        StatusError: 406, the form is that of a list; 400, a table cannot include that.
    """
    if form.kind == TABLE:
        table = table_of(cluster, resource, [record], form, include)
        table["metadata"] = {"resourceVersion": str(record.revision)}
        return encode(table)
    if form.kind == PARTIAL_LIST:
        raise not_acceptable(
            f"you requested {PARTIAL_LIST}, but the requested object is not a list "
            f"({resource.kind})"
        )
    return object_bytes(resource, record, form)


def object_bytes(resource: Resource, record: Record, form: Form) -> bytes:
    """Write one object in a form that is not a table."""
    if form.kind == PARTIAL:
        return partial_bytes(record, form)
    return stored_bytes(record, resource)


def partial_bytes(record: Record, form: Form) -> bytes:
    """Write an object's metadata alone."""
    head = f'{{"kind":"{PARTIAL}","apiVersion":"meta.k8s.io/{form.version}","metadata":'
    return b"%s%s}" % (head.encode(), bytes(_only_metadata(record.raw).metadata))


def render_list(
    cluster: Cluster, resource: Resource, page: Page, form: Form, include: str = ""
) -> bytes:
    """Write a page of a list.

    Raises:
        StatusError: 406, the form is that of one object; 400, a table cannot include that.
    """
    metadata: Json = {"resourceVersion": str(page.revision)}
    if page.continue_token or (resource.custom and form.kind not in _TYPED):
        metadata["continue"] = page.continue_token
    if page.remaining is not None:
        metadata["remainingItemCount"] = page.remaining
    if form.kind == TABLE:
        table = table_of(cluster, resource, page.records, form, include)
        table["metadata"] = metadata
        return encode(table)
    if form.kind == PARTIAL:
        raise not_acceptable(
            f"you requested {PARTIAL}, but the requested object is a list ({resource.list_kind})"
        )
    kind, api_version = resource.list_kind, resource.api_version
    if form.kind == PARTIAL_LIST:
        kind, api_version = PARTIAL_LIST, f"meta.k8s.io/{form.version}"
        items = [partial_bytes(record, form) for record in page.records]
    else:
        items = [_item_bytes(resource, record) for record in page.records]
    head = encode({"kind": kind, "apiVersion": api_version, "metadata": metadata})
    return b'%s,"items":[%s]}' % (head[:-1], b",".join(items))


def _item_bytes(resource: Resource, record: Record) -> bytes:
    """Write an object as it stands in a list: upstream leaves the type of built-in ones out."""
    raw = stored_bytes(record, resource)
    if resource.custom:
        return raw
    head = b'{"kind":"%s","apiVersion":"%s",' % (
        resource.kind.encode(),
        resource.api_version.encode(),
    )
    return b"{" + raw[len(head) :] if raw.startswith(head) else _without_type(raw)


def _without_type(raw: bytes) -> bytes:
    obj = decode(raw)
    del obj["kind"], obj["apiVersion"]
    return encode(obj)


def table_of(
    cluster: Cluster, resource: Resource, records: Sequence[Record], form: Form, include: str
) -> Json:
    """Make a table of objects; its metadata is the caller's to set.

    Raises:
        StatusError: 400, `include` is none of the values there are.
    """
    if include not in _INCLUDES:
        raise bad_request(
            f'Unable to convert to Table as requested: includeObject: Invalid value: "{include}": '
            "must be 'Metadata', 'Object', 'None', or empty"
        )
    objects = [from_stored(record, resource) for record in records]
    table = to_table(resource, objects, cluster.clock.now())
    table["kind"] = TABLE
    table["apiVersion"] = f"meta.k8s.io/{form.version}"
    for row, record, obj in zip(table["rows"], records, objects, strict=True):
        if include == "None":
            row["object"] = None
        elif include == "Object":
            row["object"] = obj
        else:
            row["object"] = msgspec.Raw(partial_bytes(record, form))
    return table
