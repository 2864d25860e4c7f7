"""From an object's bytes to its entry in a store.

Promises an entry for every object whose name can be found, however odd the rest is: an object
that cannot be decoded has to stay known by its key, so that whoever works on it can say so on
the object itself, and so that its deletion is noticed.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw

from mlctl_core.cache.store import Entry
from mlctl_core.client import scanner
from mlctl_core.objects.json import DecodeError
from mlctl_core.objects.metadata import Metadata, decode_metadata

__all__ = ["entry_of"]


_NOT_DECODABLE = (DecodeError, UnicodeDecodeError, RecursionError)
_metadata_members = msgspec.json.Decoder(dict[str, Raw])
_text = msgspec.json.Decoder(str)


def entry_of(raw: bytes) -> Entry:
    """The entry for an object's bytes.

    Raises:
        DecodeError: there is no name in them.
    """
    try:
        metadata = decode_metadata(raw)
    except _NOT_DECODABLE as error:
        return Entry(raw, _salvage(raw), f"{type(error).__name__}: {error}")
    return Entry(raw, _named(metadata))


def _salvage(raw: bytes) -> Metadata:
    """As much of the metadata as can be read."""
    try:
        metadata = scanner.members(raw)[b"metadata"]
    except (KeyError, ValueError) as error:
        raise DecodeError(f"not an object: {error}") from error
    try:
        return _named(decode_metadata(b'{"metadata":%b}' % metadata))
    except _NOT_DECODABLE:
        pass
    try:
        members = _metadata_members.decode(metadata)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError(f"$.metadata: {error}") from error
    return _named(
        Metadata(
            name=_string(members, "name"),
            namespace=_string(members, "namespace"),
            uid=_string(members, "uid"),
            resource_version=_string(members, "resourceVersion"),
        )
    )


def _named(metadata: Metadata) -> Metadata:
    if not metadata.name:
        raise DecodeError("$.metadata.name: nothing there")
    return metadata


def _string(members: dict[str, Raw], name: str) -> str:
    try:
        return _text.decode(members[name])
    except (KeyError, msgspec.DecodeError, UnicodeDecodeError):
        return ""
