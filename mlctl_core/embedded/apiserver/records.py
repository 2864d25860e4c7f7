"""What is stored of an object: its bytes, and the few values that are asked for often.

Promise: a record never changes; its bytes are the whole object as the storage version has
it. Whoever needs the object decodes it and gets a private copy, so nothing that happens to
a decoded object can reach the store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlctl_core.objects.json import Json

encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict).decode


class RecordKey(NamedTuple):
    """Names one object within its collection; the namespace is "" for cluster-scoped ones."""

    namespace: str
    name: str

    @property
    def path(self) -> str:
        """What objects are sorted by, as etcd's keys are: `a-b/x` comes before `a/x`."""
        return f"{self.namespace}/{self.name}"


class Record(msgspec.Struct, frozen=True, gc=False):
    """One version of one object."""

    key: RecordKey
    uid: str
    revision: int
    """When this version was written, on the store's one clock of changes."""
    api_version: str
    """Of the bytes; requests in another version get them converted."""
    raw: bytes
    labels: dict[str, str]
    fields: dict[str, str]
    """The values that field selectors ask for."""
    owners: tuple[str, ...]
    """UIDs of the owners."""
    deleting: bool
    """Whether deletionTimestamp is set."""

    def to_json(self) -> Json:
        """Decode the object; the caller owns the copy."""
        return _decode(self.raw)


def decode(raw: bytes) -> Json:
    """Decode stored bytes."""
    return _decode(raw)


_ABSENT = {
    ("Pod", "spec.hostNetwork"): "false",
    ("Node", "spec.unschedulable"): "false",
    ("Job", "status.successful"): "0",
}
"""What built-in objects are selected by where they say nothing: the zero of the field's type."""


def make_record(obj: Json, revision: int, selectable: Mapping[str, tuple[str, ...]]) -> Record:
    """Encode an object as of a revision, which becomes its resourceVersion.

    `selectable` maps the names field selectors use to paths in the object.
    """
    metadata = obj["metadata"]
    metadata["resourceVersion"] = str(revision)
    name = metadata["name"]
    namespace = metadata.get("namespace", "")
    fields = {"metadata.name": name, "metadata.namespace": namespace}
    for label, path in selectable.items():
        fields[label] = _text_at(obj, path) or _ABSENT.get((obj["kind"], label), "")
    return Record(
        key=RecordKey(namespace, name),
        uid=metadata.get("uid", ""),
        revision=revision,
        api_version=obj["apiVersion"],
        raw=encode(obj),
        labels=metadata.get("labels") or {},
        fields=fields,
        owners=tuple(owner.get("uid", "") for owner in metadata.get("ownerReferences") or ()),
        deleting=bool(metadata.get("deletionTimestamp")),
    )


def preview(obj: Json, selectable: Mapping[str, tuple[str, ...]]) -> Record:
    """Give what a dry run answers with: the object as it would be, with the version it has."""
    version = obj["metadata"].get("resourceVersion", "")
    record = make_record(obj, int(version or 0), selectable)
    if version:
        return record
    del obj["metadata"]["resourceVersion"]
    return msgspec.structs.replace(record, raw=encode(obj))


def _text_at(obj: Json, path: tuple[str, ...]) -> str:
    value: object = obj
    for part in path:
        if not isinstance(value, dict):
            return ""
        value = value.get(part)
    if value is None or isinstance(value, dict | list):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
