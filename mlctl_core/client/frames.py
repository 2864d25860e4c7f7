"""Lists and watch events taken apart as bytes, without decoding the objects in them.

Promises that every object comes out as bytes of its own (nothing pins the page or chunk it came
in), byte for byte what the server sent except that ``metadata.managedFields``, the server's
book-keeping and half of an object's size, is cut out, wherever it stands and whatever else has
that name. One object nested too deeply for a recursive decoder (k/k lets custom resources do
that) spoils neither its page nor its stream.

Does not promise that what comes out is an object: that shows when its metadata is decoded.

Costs 13 µs for a pod of 6 KB with 3 KB of managedFields, splitting its page included.
"""

from __future__ import annotations

import attrs
import msgspec
from msgspec import Raw

from mlctl_core.client import scanner
from mlctl_core.client.errors import MalformedResponseError

__all__ = ["ListPage", "WatchEvent", "cut_managed_fields", "split_event", "split_page"]


@attrs.frozen
class ListPage:
    """One answer to a LIST."""

    items: list[bytes]
    """The objects, each as JSON without managedFields. Items of typed lists have neither
    ``kind`` nor ``apiVersion``: the list says them once."""

    resource_version: str
    """Where a watch goes on from."""

    continue_token: str = ""
    """Asks for the next page; empty on the last one."""


@attrs.frozen
class WatchEvent:
    """One line of a watch."""

    type: str
    """ADDED, MODIFIED, DELETED or BOOKMARK; ERROR never gets here, it is raised."""

    raw: bytes
    """The object, as JSON without managedFields."""


_Members = dict[str, Raw]


class _ListMetadata(msgspec.Struct, gc=False):
    resourceVersion: str = ""  # noqa: N815 - the server's spelling
    continue_: str = msgspec.field(default="", name="continue")


class _List(msgspec.Struct, gc=False):
    metadata: _ListMetadata
    items: list[Raw] | None = None


class _Event(msgspec.Struct, gc=False):
    type: str
    object: Raw


_list_decoder = msgspec.json.Decoder(_List)
_list_metadata_decoder = msgspec.json.Decoder(_ListMetadata)
_event_decoder = msgspec.json.Decoder(_Event)
_members_decoder = msgspec.json.Decoder(_Members)
_encoder = msgspec.json.Encoder()

# What a decoder says of bytes that are not the JSON it wants. Bytes that are not UTF-8 in a
# string are an error of their own.
_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError)


def split_page(body: bytes) -> ListPage:
    """Take a LIST's answer apart.

    Raises:
        MalformedResponseError: it is not a list.
    """
    try:
        page = _list_decoder.decode(body)
    except RecursionError:
        return _split_deep_page(body)
    except _NOT_JSON as error:
        raise MalformedResponseError(f"not a list of objects: {error}") from None
    return ListPage(
        items=[cut_managed_fields(item) for item in page.items or ()],
        resource_version=page.metadata.resourceVersion,
        continue_token=page.metadata.continue_,
    )


def split_event(line: bytes) -> WatchEvent:
    """Take a line of a watch apart. An ERROR's object is a Status.

    Raises:
        MalformedResponseError: it is not an event.
    """
    try:
        event = _event_decoder.decode(line)
    except RecursionError:
        return _split_deep_event(line)
    except _NOT_JSON as error:
        raise MalformedResponseError(f"not a watch event: {error}") from None
    return WatchEvent(event.type, cut_managed_fields(event.object))


def cut_managed_fields(raw: bytes | Raw) -> bytes:
    """A copy of an object without ``metadata.managedFields``.

    What is no object, or has no metadata, is copied as it is.
    """
    try:
        members = _members_decoder.decode(raw)
        metadata = _members_decoder.decode(members["metadata"])
        del metadata["managedFields"]
    except (KeyError, *_NOT_JSON):
        return bytes(raw)
    except RecursionError:
        return _cut_deep(bytes(raw))
    members["metadata"] = Raw(_encoder.encode(metadata))
    return _encoder.encode(members)


def _split_deep_page(body: bytes) -> ListPage:
    """`split_page` for a page with an object that a recursive decoder gives up on."""
    try:
        members = scanner.members(body)
        metadata = _list_metadata_decoder.decode(members[b"metadata"])
        items = scanner.elements(members[b"items"])
    except (KeyError, ValueError, *_NOT_JSON) as error:
        raise MalformedResponseError(f"not a list of objects: {error}") from None
    return ListPage(
        items=[cut_managed_fields(item) for item in items],
        resource_version=metadata.resourceVersion,
        continue_token=metadata.continue_,
    )


def _split_deep_event(line: bytes) -> WatchEvent:
    try:
        members = scanner.members(line)
        return WatchEvent(members[b"type"].decode().strip('"'), _cut_deep(members[b"object"]))
    except (KeyError, ValueError) as error:
        raise MalformedResponseError(f"not a watch event: {error}") from None


def _cut_deep(raw: bytes) -> bytes:
    """`cut_managed_fields` for an object that a recursive decoder gives up on."""
    try:
        members = scanner.members(raw)
        metadata = _members_decoder.decode(members[b"metadata"])
        del metadata["managedFields"]
    except (KeyError, ValueError, RecursionError, *_NOT_JSON):
        return raw
    members[b"metadata"] = _encoder.encode(metadata)
    return b"{" + b",".join(b'"%b":%b' % member for member in members.items()) + b"}"
